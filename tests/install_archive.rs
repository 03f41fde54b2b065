//! install.sh in a release archive: as packaging/release lays it out, with no cargo to be found.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Ran, make_directory, snapshot};

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// An unpacked archive, as far as install.sh looks at it, with the checksums of its files.
struct Archive {
    place: tempfile::TempDir,
}

impl Archive {
    fn unpacked() -> Archive {
        let place = tempfile::tempdir().unwrap();
        let archive = Archive { place };
        make_directory(&archive.at("packaging/systemd"));
        fs::copy(source("install.sh"), archive.at("install.sh")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_tighten"), archive.at("tighten")).unwrap();
        for unit in fs::read_dir(source("packaging/systemd")).unwrap().flatten() {
            let to = archive.at("packaging/systemd").join(unit.file_name());
            fs::copy(unit.path(), to).unwrap();
        }
        archive.list(&[
            "install.sh",
            "tighten",
            "packaging/systemd/tighten-recover.service",
        ]);
        archive
    }

    fn at(&self, path: &str) -> PathBuf {
        self.place.path().join("tighten-0.1.0").join(path)
    }

    fn prefix(&self) -> PathBuf {
        self.place.path().join("prefix")
    }

    fn list(&self, files: &[&str]) {
        let mut command = Command::new("sha256sum");
        let listed = command.args(files).current_dir(self.at(""));
        fs::write(self.at("SHA256SUMS"), listed.output().unwrap().stdout).unwrap();
    }

    /// Where no cargo is found.
    fn install(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new("./install.sh");
        let command = command.current_dir(self.at("")).env_remove("DESTDIR");
        let command = command.env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
        let words = ["--prefix", "../prefix"];
        command.args(words).args(arguments).output().unwrap().into()
    }

    fn refuses(&self, said: &str) {
        let before = snapshot(self.place.path());
        let ran = self.install(&[]);
        assert_eq!((ran.code, ran.err.as_str()), (1, said));
        assert_eq!(snapshot(self.place.path()), before);
    }
}

#[test]
fn the_program_beside_the_script_is_installed_without_cargo_and_taken_away_again() {
    let archive = Archive::unpacked();
    let before = snapshot(archive.place.path());
    let ran = archive.install(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let installed = fs::read(archive.prefix().join("bin/tighten")).unwrap();
    assert!(installed == fs::read(archive.at("tighten")).unwrap());
    assert!(archive.prefix().join("share/man/man1/tighten.1").exists());
    let ran = archive.install(&["--uninstall"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(snapshot(archive.place.path()), before);
}

#[test]
fn an_archive_that_is_not_as_it_was_packed_is_refused_before_its_program_is_run() {
    let archive = Archive::unpacked();
    let ran = archive.prefix().with_file_name("ran");
    let bad = format!("#!/bin/sh\ntouch '{}'\n", ran.display());
    fs::write(archive.at("tighten"), bad).unwrap();
    archive.refuses(
        "error: the archive is not as it was packed; nothing was installed: tighten: FAILED\n\
         sha256sum: WARNING: 1 computed checksum did NOT match\nhelp: fetch and unpack it again\n",
    );
    assert!(!ran.exists());
}

#[test]
fn checksums_that_do_not_speak_of_the_program_are_refused() {
    let archive = Archive::unpacked();
    archive.list(&["install.sh"]);
    archive.refuses(
        "error: SHA256SUMS does not name tighten; nothing was installed\nhelp: fetch and unpack the archive again\n",
    );
    fs::write(archive.at("SHA256SUMS"), "").unwrap();
    let ran = archive.install(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(!archive.prefix().exists());
}

#[test]
fn a_missing_file_of_the_archive_is_named() {
    let archive = Archive::unpacked();
    fs::remove_file(archive.at("packaging/systemd/tighten-recover.service")).unwrap();
    let ran = archive.install(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let named = "packaging/systemd/tighten-recover.service: FAILED open or read";
    assert!(ran.err.contains(named), "{ran:?}");
    assert!(!archive.prefix().exists());
}

#[test]
fn a_script_on_its_own_says_that_the_units_are_missing() {
    let place = tempfile::tempdir().unwrap();
    let script = place.path().join("install.sh");
    fs::copy(source("install.sh"), &script).unwrap();
    let before = snapshot(place.path());
    let ran: Ran = Command::new(&script)
        .args(["--binary", env!("CARGO_BIN_EXE_tighten"), "--timer"])
        .env("DESTDIR", place.path().join("image"))
        .output()
        .unwrap()
        .into();
    let said = format!(
        "error: there is no {}/packaging/systemd/tighten-scan.service; nothing was installed\n\
         help: run the install.sh of the source tree or the release archive\n",
        place.path().display()
    );
    assert_eq!((ran.code, ran.err), (1, said));
    assert_eq!(snapshot(place.path()), before);
}
