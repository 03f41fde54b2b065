//! install.sh --timer: the units that scan daily. What the real systemd does with them is shown by
//! tests/systemd.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Ran, make_directory, snapshot};

const SERVICE: &str = "tighten-scan.service";
const TIMER: &str = "tighten-scan.timer";
const WANTED: &str = "/etc/systemd/system/timers.target.wants/tighten-scan.timer";

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The script below a DESTDIR: without one it would install into this machine.
fn script(place: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(source("install.sh"));
    let command = command.args(arguments).env("DESTDIR", place);
    command.env("LC_ALL", "C").output().unwrap().into()
}

fn install(place: &Path, arguments: &[&str]) {
    let built = ["--binary", env!("CARGO_BIN_EXE_tighten"), "--timer"];
    let ran = script(place, &[&built, arguments].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn uninstall(place: &Path, arguments: &[&str]) {
    let ran = script(place, &[&["--uninstall"][..], arguments].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn at(place: &Path, path: &str) -> PathBuf {
    place.join(path.trim_start_matches('/'))
}

/// The values of a setting of one of the units as they lie in the tree.
fn setting(unit: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(source("packaging/systemd").join(unit)).unwrap();
    let values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.map(String::from).collect()
}

#[test]
fn the_units_are_installed_and_the_timer_enabled_and_all_of_it_is_taken_away_again() {
    for (prefix, directory) in [
        ("/usr", "/usr/lib/systemd/system"),
        ("/usr/local", "/etc/systemd/system"),
        ("/opt/of 100%|&\\", ""),
    ] {
        let place = tempfile::tempdir().unwrap();
        if directory.is_empty() {
            // A backslash is what systemd could read otherwise.
            let built = ["--binary", env!("CARGO_BIN_EXE_tighten"), "--timer"];
            let ran = script(place.path(), &[&built[..], &["--prefix", prefix]].concat());
            assert_eq!(ran.code, 1, "{ran:?}");
            assert!(snapshot(place.path()).is_empty());
            continue;
        }
        install(place.path(), &["--prefix", prefix]);
        for unit in [SERVICE, TIMER] {
            let path = at(place.path(), &format!("{directory}/{unit}"));
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o644, "{unit}");
        }
        let link = fs::read_link(at(place.path(), WANTED)).unwrap();
        assert_eq!(link, Path::new(&format!("{directory}/{TIMER}")));
        // Only the timer starts the service.
        let wants = at(place.path(), "/etc/systemd/system/multi-user.target.wants");
        assert!(!wants.exists());
        let once = snapshot(place.path());
        install(place.path(), &["--prefix", prefix]);
        assert_eq!(snapshot(place.path()), once);
        uninstall(place.path(), &["--prefix", prefix]);
        assert!(snapshot(place.path()).is_empty(), "{prefix}");
    }
}

#[test]
fn below_usr_the_units_are_those_of_the_packages_and_elsewhere_they_name_that_program() {
    let place = tempfile::tempdir().unwrap();
    install(place.path(), &["--prefix", "/usr", "--recover-at-boot"]);
    let lying = source("packaging/systemd");
    for unit in [SERVICE, TIMER, "tighten-recover.service"] {
        let installed = at(place.path(), "/usr/lib/systemd/system").join(unit);
        let installed = fs::read_to_string(installed).unwrap();
        assert_eq!(installed, fs::read_to_string(lying.join(unit)).unwrap());
    }
    let place = tempfile::tempdir().unwrap();
    install(place.path(), &["--prefix", "/opt/a&b | c 100%"]);
    let installed = at(place.path(), "/etc/systemd/system").join(SERVICE);
    let told = fs::read_to_string(lying.join(SERVICE)).unwrap();
    let word = "\"/opt/a&b | c 100%%/bin/tighten\"";
    assert_eq!(
        fs::read_to_string(installed).unwrap(),
        told.replace("/usr/bin/tighten", word)
    );
    uninstall(place.path(), &["--prefix", "/opt/a&b | c 100%"]);
    assert!(snapshot(place.path()).is_empty());
}

#[test]
fn both_kinds_of_units_go_together_and_those_of_another_prefix_stay() {
    let place = tempfile::tempdir().unwrap();
    install(place.path(), &["--prefix", "/opt/one", "--recover-at-boot"]);
    let one = snapshot(place.path());
    let built = ["--binary", env!("CARGO_BIN_EXE_tighten")];
    let ran = script(
        place.path(),
        &[&built[..], &["--prefix", "/opt/two"]].concat(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    uninstall(place.path(), &["--prefix", "/opt/two"]);
    assert_eq!(snapshot(place.path()), one);
    uninstall(place.path(), &["--prefix", "/opt/one"]);
    assert!(snapshot(place.path()).is_empty());
}

#[test]
fn a_masked_timer_is_not_brought_back() {
    let place = tempfile::tempdir().unwrap();
    let masked = at(place.path(), "/etc/systemd/system").join(TIMER);
    make_directory(masked.parent().unwrap());
    symlink("/dev/null", &masked).unwrap();
    let before = snapshot(place.path());
    let built = ["--binary", env!("CARGO_BIN_EXE_tighten"), "--timer"];
    let ran = script(place.path(), &built);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        ran.err,
        "error: tighten-scan.timer is masked; nothing was installed\nhelp: unmask it with: systemctl unmask tighten-scan.timer\n"
    );
    assert_eq!(snapshot(place.path()), before);
}

/// A finding is what a scan looks for, so that it is no failed unit; that nothing could be judged is one.
#[test]
fn findings_are_no_failure_of_the_service() {
    assert_eq!(setting(SERVICE, "SuccessExitStatus"), ["2"]);
    assert_eq!(setting(TIMER, "Persistent"), ["yes"]);
    assert_eq!(setting(TIMER, "OnCalendar"), ["daily"]);
}

/// What hides a file or a process from the scan makes it judge another node than the one it runs on.
#[test]
fn the_service_may_read_the_whole_node_and_write_the_metrics_alone() {
    assert_eq!(setting(SERVICE, "ProtectSystem"), ["strict"]);
    assert_eq!(
        setting(SERVICE, "ReadWritePaths"),
        ["-/var/lib/prometheus/node-exporter -/var/lib/node_exporter/textfile_collector"]
    );
    for hiding in [
        "PrivateTmp",
        "PrivateDevices",
        "PrivateNetwork",
        "PrivateUsers",
        "ProtectHome",
        "ProtectKernelModules",
        "ProtectProc",
        "InaccessiblePaths",
        "TemporaryFileSystem",
        "ProcSubset",
        "RestrictSUIDSGID",
    ] {
        assert!(setting(SERVICE, hiding).is_empty(), "{hiding}");
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let place = tempfile::tempdir().unwrap();
    let prefix = place.path().join("of 100%");
    install(place.path(), &["--prefix", prefix.to_str().unwrap()]);
    // Without DESTDIR before it, so that the program is where the unit says.
    make_directory(&prefix.join("bin"));
    fs::copy(env!("CARGO_BIN_EXE_tighten"), prefix.join("bin/tighten")).unwrap();
    let units = at(place.path(), "/etc/systemd/system");
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(units.join(SERVICE))
        .arg(units.join(TIMER))
        .output();
    let Ok(verified) = verified else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let ran: Ran = verified.into();
    // What it says of the units of this machine is not about ours.
    let said: BTreeSet<&str> = ran
        .err
        .lines()
        .filter(|line| line.contains("tighten-scan"))
        .collect();
    assert!(said.is_empty(), "{ran:?}");
}
