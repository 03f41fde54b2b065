//! install.sh puts a tighten in place and takes exactly it away again.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use support::{Ran, make_directory, snapshot};

/// What an installation consists of, below the prefix, with the modes.
const INSTALLED: &[(&str, u32)] = &[
    // A link to the program beside it.
    ("bin/kubectl-proxy_tighten", 0o777),
    ("bin/tighten", 0o755),
    ("share/bash-completion/completions/tighten", 0o644),
    ("share/fish/vendor_completions.d/tighten.fish", 0o644),
    ("share/man/man1/tighten.1", 0o644),
    ("share/tighten/made-directories", 0o644),
    ("share/zsh/site-functions/_tighten", 0o644),
];

fn script() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"));
    command.env_remove("DESTDIR").env("LC_ALL", "C");
    command
}

/// Runs the script with the binary that is already built.
fn install(arguments: &[&str]) -> Ran {
    let ran: Ran = script()
        .args(["--binary", env!("CARGO_BIN_EXE_tighten")])
        .args(arguments)
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

fn files_under(prefix: &Path) -> Vec<(String, u32)> {
    snapshot(prefix)
        .into_iter()
        .filter(|(_, entry)| entry.kind != 'd')
        .map(|(path, entry)| (path.trim_start_matches('/').to_string(), entry.mode))
        .collect()
}

fn expected() -> Vec<(String, u32)> {
    INSTALLED
        .iter()
        .map(|(path, mode)| ((*path).to_string(), *mode))
        .collect()
}

fn output_of(program: &Path, arguments: &[&str]) -> Vec<u8> {
    Command::new(program)
        .args(arguments)
        .output()
        .unwrap()
        .stdout
}

#[test]
fn installs_every_file_with_its_mode_and_removes_all_of_them() {
    let place = tempfile::tempdir().unwrap();
    let prefix = place.path().join("a prefix/that is new");
    let shown = prefix.to_str().unwrap();

    install(&["--prefix", shown]);
    assert_eq!(files_under(&prefix), expected());
    let program = prefix.join("bin/tighten");
    for (file, arguments) in [
        (INSTALLED[2].0, &["completions", "bash"][..]),
        (INSTALLED[3].0, &["completions", "fish"]),
        (INSTALLED[4].0, &["man"]),
        (INSTALLED[6].0, &["completions", "zsh"]),
    ] {
        let installed = fs::read(prefix.join(file)).unwrap();
        assert!(!installed.is_empty(), "{file}");
        assert_eq!(installed, output_of(&program, arguments), "{file}");
    }

    // A second time changes nothing, and does not forget which directories the first one made.
    let once = snapshot(place.path());
    install(&["--prefix", shown]);
    assert_eq!(snapshot(place.path()), once);

    let ran: Ran = script()
        .args(["--uninstall", "--prefix", shown])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("Kept: /var/lib/tighten"), "{ran:?}");
    assert!(snapshot(place.path()).is_empty());

    let again: Ran = script()
        .args(["--uninstall", "--prefix", shown])
        .output()
        .unwrap()
        .into();
    assert_eq!(again.code, 0, "{again:?}");
}

#[test]
fn uninstall_keeps_the_state_directory_and_what_others_put_there() {
    let place = tempfile::tempdir().unwrap();
    let kept = [
        "var/lib/tighten/lock",
        "usr/local/bin/other",
        "usr/local/share/man/man1/other.1",
    ];
    for path in kept {
        let path = place.path().join(path);
        make_directory(path.parent().unwrap());
        fs::write(path, "kept").unwrap();
    }
    // A directory that was there before and is empty is not ours to remove.
    make_directory(&place.path().join("usr/local/share/zsh/site-functions"));
    let before = snapshot(place.path());

    let staged = |arguments: &[&str]| -> Ran {
        script()
            .args(arguments)
            .env("DESTDIR", place.path())
            .output()
            .unwrap()
            .into()
    };
    let ran = staged(&["--binary", env!("CARGO_BIN_EXE_tighten")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for (file, mode) in INSTALLED {
        let path = place.path().join("usr/local").join(file);
        let meta = path.symlink_metadata().unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, *mode, "{file}");
    }
    let ran = staged(&["--uninstall"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(snapshot(place.path()), before);
}

#[test]
fn a_refusal_leaves_the_prefix_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let prefix = place.path().join("prefix");
    // A directory where the last file should go, so that the others were already staged or made.
    make_directory(&prefix.join("share/man/man1/tighten.1"));
    let before = snapshot(place.path());
    let refused = |command: &mut Command, code: i32, why: &str| {
        let ran: Ran = command.output().unwrap().into();
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
        assert_eq!(snapshot(place.path()), before);
    };
    let to_prefix = |arguments: &[&str]| {
        let mut command = script();
        command.arg("--prefix").arg(&prefix).args(arguments);
        command
    };
    let built = ["--binary", env!("CARGO_BIN_EXE_tighten")];
    refused(
        &mut to_prefix(&built),
        1,
        "is a directory; nothing was installed",
    );
    refused(
        &mut to_prefix(&["--binary", "/does/not/exist"]),
        1,
        "there is no /does/not/exist; nothing was installed",
    );
    refused(
        &mut to_prefix(&["--binary", "/bin/false"]),
        1,
        "does not run here; nothing was installed",
    );
    // Where a cargo lies beside the other tools, its absence cannot be shown.
    if !Path::new("/usr/bin/cargo").exists() {
        refused(
            to_prefix(&[]).env("PATH", "/usr/bin:/bin"),
            1,
            "cargo is not found",
        );
    }
    refused(
        script().args(built).args(["--prefix", "/proc/tighten"]),
        1,
        "/proc/tighten cannot be made; nothing was installed",
    );
    refused(
        &mut to_prefix(&["--colour"]),
        64,
        "unknown argument: --colour",
    );
    refused(script().arg("--prefix"), 64, "--prefix needs a value");
}

#[test]
fn help_names_the_default_and_the_way_back() {
    let ran: Ran = script().arg("--help").output().unwrap().into();
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("[default: /usr/local]"), "{ran:?}");
    assert!(ran.out.contains("--uninstall"), "{ran:?}");
}

#[test]
fn kubectl_runs_the_same_program_and_its_usage_says_how() {
    let place = tempfile::tempdir().unwrap();
    install(&["--prefix", place.path().to_str().unwrap()]);
    let link = place.path().join("bin/kubectl-proxy_tighten");
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("tighten"));
    let usage = |arguments: &[&str]| -> Vec<String> {
        let ran: Ran = Command::new(&link).args(arguments).output().unwrap().into();
        let lines = format!("{}{}", ran.out, ran.err);
        let usage = lines.lines().filter(|line| line.starts_with("Usage: "));
        usage.map(String::from).collect()
    };
    assert_eq!(
        usage(&["--help"]),
        ["Usage: kubectl proxy-tighten [OPTIONS] <COMMAND>"]
    );
    assert_eq!(
        usage(&["scan", "--help"]),
        ["Usage: kubectl proxy-tighten scan [OPTIONS]"]
    );
    assert_eq!(
        usage(&["demo"]),
        ["Usage: kubectl proxy-tighten demo <DIR>"]
    );
    let help = String::from_utf8(output_of(&link, &["--help"])).unwrap();
    let example =
        "Try it without a cluster: kubectl proxy-tighten demo /tmp/node && kubectl proxy-tighten";
    assert!(help.contains(example), "{help}");
    // The name of the program is no other one.
    let own = place.path().join("bin/tighten");
    let version = output_of(&link, &["--version"]);
    assert_eq!(version, output_of(&own, &["--version"]));
    for shown in ["man", "completions"] {
        let words = [shown, "bash"];
        let words = &words[..if shown == "man" { 1 } else { 2 }];
        assert_eq!(output_of(&link, words), output_of(&own, words), "{shown}");
    }
}

#[test]
fn the_manual_page_has_every_command() {
    let page = output_of(Path::new(env!("CARGO_BIN_EXE_tighten")), &["man"]);
    let page = String::from_utf8(page).unwrap();
    let sections: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix(".SS "))
        .collect();
    let help = output_of(Path::new(env!("CARGO_BIN_EXE_tighten")), &["--help"]);
    let help = String::from_utf8(help).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        // It only holds another one.
        .map(|name| match name {
            "report" => "report merge",
            name => name,
        })
        .collect();
    assert!(commands.len() > 10, "{help}");
    assert_eq!(sections, commands);
}

#[test]
fn the_scripts_have_no_shellcheck_findings() {
    let scripts = [
        "install.sh",
        "tests/run",
        ".ci/run",
        ".ci/validators",
        "packaging/build",
        "packaging/check",
        "packaging/check-reproducible",
        "packaging/release",
        "packaging/sbom",
        "packaging/deb/postinst",
        "packaging/deb/postrm",
        "packaging/deb/prerm",
    ];
    let checked = Command::new("shellcheck")
        .args(scripts)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    match checked {
        Ok(checked) => {
            let ran: Ran = checked.into();
            assert_eq!(ran.code, 0, "{}", ran.out);
        }
        Err(_) => println!("skipped: shellcheck is not installed"),
    }
}
