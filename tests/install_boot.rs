//! install.sh --recover-at-boot: the unit that settles an interrupted transaction at boot. What the real
//! systemd does with it is shown by tests/systemd.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use support::{Ran, make_directory, snapshot};

const NAME: &str = "tighten-recover.service";
const OWN: &str = "/etc/systemd/system/tighten-recover.service";
const VENDOR: &str = "/usr/lib/systemd/system/tighten-recover.service";
const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/tighten-recover.service";

/// The script below a DESTDIR: without one it would install into this machine.
fn script(place: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"));
    let command = command.args(arguments).env("DESTDIR", place);
    command.env("LC_ALL", "C").output().unwrap().into()
}

fn install(place: &Path, arguments: &[&str]) {
    let built = [
        "--binary",
        env!("CARGO_BIN_EXE_tighten"),
        "--recover-at-boot",
    ];
    let ran = script(place, &[&built, arguments].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn uninstall(place: &Path, arguments: &[&str]) {
    let ran = script(place, &[&["--uninstall"][..], arguments].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn at(place: &Path, path: &str) -> std::path::PathBuf {
    place.join(path.trim_start_matches('/'))
}

/// The values of a setting, in their order.
fn setting(place: &Path, unit: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(at(place, unit)).unwrap();
    let values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.map(String::from).collect()
}

#[test]
fn the_unit_is_installed_and_enabled_where_systemd_looks_and_taken_away_again() {
    for (prefix, unit) in [
        ("/usr", VENDOR),
        ("/usr/local", OWN),
        ("/opt/tighten/", OWN),
        ("/", OWN),
    ] {
        let place = tempfile::tempdir().unwrap();
        install(place.path(), &["--prefix", prefix]);
        let mode = at(place.path(), unit).metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o7777, 0o644);
        let link = fs::read_link(at(place.path(), WANTED)).unwrap();
        assert_eq!(link, Path::new(unit), "{prefix}");
        let program = format!("{}/bin/tighten", prefix.trim_end_matches('/'));
        assert!(at(place.path(), &program).exists());
        assert_eq!(
            setting(place.path(), unit, "ExecStart"),
            [format!("{program} recover --no-effects")]
        );
        assert_eq!(
            setting(place.path(), unit, "RequiresMountsFor"),
            [format!("/var/lib/tighten {program}")]
        );
        // Once more, with and without the option: nothing changes, and nothing is forgotten.
        let once = snapshot(place.path());
        install(place.path(), &["--prefix", prefix]);
        let built = ["--binary", env!("CARGO_BIN_EXE_tighten")];
        let ran = script(place.path(), &[&built[..], &["--prefix", prefix]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(snapshot(place.path()), once);
        uninstall(place.path(), &["--prefix", prefix]);
        assert!(snapshot(place.path()).is_empty(), "{prefix}");
    }
}

/// The condition is the file that says that a transaction is open, where tighten keeps it for this
/// machine.
#[test]
fn the_condition_is_the_note_of_an_open_transaction() {
    let place = tempfile::tempdir().unwrap();
    install(place.path(), &[]);
    assert_eq!(
        setting(place.path(), OWN, "ConditionPathExists"),
        ["/var/lib/tighten/active"]
    );
    let before = setting(place.path(), OWN, "Before").join(" ");
    for reader in ["kubelet", "kube-proxy", "k3s", "k3s-agent", "rke2-server"] {
        let reader = format!("{reader}.service");
        assert!(before.split(' ').any(|name| name == reader), "{before}");
    }
}

#[test]
fn without_the_option_no_unit_is_installed() {
    let place = tempfile::tempdir().unwrap();
    let built = ["--binary", env!("CARGO_BIN_EXE_tighten")];
    let ran = script(place.path(), &built);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!at(place.path(), "/etc").exists());
}

#[test]
fn a_prefix_with_a_blank_or_a_percent_sign_is_written_as_systemd_reads_it() {
    let place = tempfile::tempdir().unwrap();
    let prefix = "/opt/a b 100%n";
    install(place.path(), &["--prefix", prefix]);
    let word = "\"/opt/a b 100%%n/bin/tighten\"";
    assert_eq!(
        setting(place.path(), OWN, "ExecStart"),
        [format!("{word} recover --no-effects")]
    );
    uninstall(place.path(), &["--prefix", prefix]);
    assert!(snapshot(place.path()).is_empty());
}

#[test]
fn a_prefix_that_systemd_could_read_otherwise_is_refused() {
    let place = tempfile::tempdir().unwrap();
    for prefix in [
        "/opt/a\"b",
        "/opt/it's",
        "/opt/a\\x41",
        "/opt/$HOME",
        "/opt/a\nb",
        "/opt/../b",
        "/opt/..",
        "/opt//b",
    ] {
        let built = [
            "--binary",
            env!("CARGO_BIN_EXE_tighten"),
            "--recover-at-boot",
        ];
        let ran = script(place.path(), &[&built[..], &["--prefix", prefix]].concat());
        assert_eq!(ran.code, 1, "{ran:?}");
        let why = "cannot stand in a systemd unit; nothing was installed";
        assert!(ran.err.contains(why), "{ran:?}");
        assert!(snapshot(place.path()).is_empty(), "{prefix}");
    }
}

#[test]
fn the_unit_of_another_prefix_and_what_others_put_there_stay() {
    let place = tempfile::tempdir().unwrap();
    let theirs = "/etc/systemd/system/multi-user.target.wants/other.service";
    make_directory(at(place.path(), theirs).parent().unwrap());
    symlink(
        "/usr/lib/systemd/system/other.service",
        at(place.path(), theirs),
    )
    .unwrap();
    let before = snapshot(place.path());
    install(place.path(), &["--prefix", "/opt/one"]);
    let built = ["--binary", env!("CARGO_BIN_EXE_tighten")];
    let two = ["--prefix", "/opt/two"];
    let ran = script(place.path(), &[&built[..], &two].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    uninstall(place.path(), &two);
    assert!(at(place.path(), OWN).exists());
    assert!(at(place.path(), WANTED).symlink_metadata().is_ok());
    uninstall(place.path(), &["--prefix", "/opt/one"]);
    assert_eq!(snapshot(place.path()), before);
}

#[test]
fn a_masked_unit_is_not_brought_back() {
    for prefix in ["/usr", "/usr/local"] {
        let place = tempfile::tempdir().unwrap();
        make_directory(at(place.path(), OWN).parent().unwrap());
        symlink("/dev/null", at(place.path(), OWN)).unwrap();
        let before = snapshot(place.path());
        let arguments = ["--recover-at-boot", "--prefix", prefix];
        let ran = script(place.path(), &arguments);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(
            ran.err,
            "error: tighten-recover.service is masked; nothing was installed\nhelp: unmask it with: systemctl unmask tighten-recover.service\n"
        );
        assert_eq!(snapshot(place.path()), before);
    }
}

#[test]
fn a_refusal_takes_the_places_of_the_unit_away_again() {
    let place = tempfile::tempdir().unwrap();
    make_directory(&at(place.path(), WANTED));
    let before = snapshot(place.path());
    let built = [
        "--binary",
        env!("CARGO_BIN_EXE_tighten"),
        "--recover-at-boot",
    ];
    let ran = script(place.path(), &built);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("is a directory; nothing was installed"));
    assert_eq!(snapshot(place.path()), before);
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let place = tempfile::tempdir().unwrap();
    let prefix = place.path().join("of 100%");
    // Without DESTDIR before it, so that the program is where the unit says.
    let shown = prefix.to_str().unwrap();
    install(place.path(), &["--prefix", shown]);
    make_directory(&prefix.join("bin"));
    fs::copy(env!("CARGO_BIN_EXE_tighten"), prefix.join("bin/tighten")).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(at(place.path(), OWN))
        .output();
    let Ok(verified) = verified else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let ran: Ran = verified.into();
    // What it says of the units of this machine is not about ours.
    let said: Vec<&str> = ran.err.lines().filter(|line| line.contains(NAME)).collect();
    assert!(said.is_empty(), "{ran:?}");
}
