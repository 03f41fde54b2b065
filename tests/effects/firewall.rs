//! The table before kube-proxy's ports: real connections from a machine that is allowed and from one that is not, over
//! IPv4 and IPv6.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::guarded::{
    ALL, BOTH, FILE, GUARDED, Node, OTHER, nft, nft_again, stands_for_nft, tables,
};
use super::stage::SYSTEMCTL;
use super::support;

type Test = (&'static str, fn());

pub const UNIT: &str = "/etc/systemd/system/tighten-nftables.service";
pub const DROP_IN: &str = "/etc/systemd/system/sysinit.target.d/90-tighten-nftables.conf";

pub const TESTS: &[Test] = &[
    (
        "the table lets in whom it names and nobody else, and is taken back",
        guarded,
    ),
    (
        "an open connection of who is not allowed is cut off",
        cut_off,
    ),
    ("other ranges replace the table at once", other_ranges),
    ("a port on loopback needs no table", on_loopback),
    ("without a range it is left to you", nobody_named),
    ("without nft it is left to you", no_nft),
    ("a table that nft refuses is not written", refused),
    ("a table that cannot be loaded is put back", not_loaded),
    (
        "a table of this name that no file holds is left alone",
        foreign_table,
    ),
    (
        "a table that was changed by hand, or is gone, is found",
        changed_by_hand,
    ),
    ("without effects the kernel is left to you", no_effects),
    (
        "where the table is not loaded, nothing is restarted for it",
        nothing_restarted,
    ),
    ("a saved plan keeps the ranges", saved),
];

fn guarded() {
    let mut node = Node::new();
    let before = nft(&["list", "ruleset"]);
    assert_eq!(before, OTHER);
    node.all_get_through(ALL);
    for check in [
        "metrics-port-exposed",
        "healthz-port-exposed",
        "firewall-missing",
    ] {
        assert_eq!(node.verdict(check).0, "fail", "{check}");
    }
    let ran = node.apply(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out
            .contains("Told the kernel: load table inet tighten.\n"),
        "{ran:?}"
    );
    assert_eq!(nft(&["list", "table", "inet", "other"]), OTHER);
    assert_eq!(tables(), BOTH);
    node.all_get_through(GUARDED);
    for check in [
        "metrics-port-exposed",
        "healthz-port-exposed",
        "firewall-missing",
    ] {
        let (verdict, told) = node.verdict(check);
        assert_eq!(verdict, "pass", "{check}: {told}");
        assert!(
            told.contains("10.9.1.0/24, fd00:9:1::/64"),
            "{check}: {told}"
        );
    }
    let ran = node.apply(&[]);
    assert!(ran.out.contains("Plan: nothing to do."), "{ran:?}");
    assert_eq!(node.run(&["verify", "--only", "firewall-missing"]).code, 0);
    let ran = node.rollback();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out
            .contains("Told the kernel: unload table inet tighten.\n"),
        "{ran:?}"
    );
    assert_eq!(nft(&["list", "ruleset"]), before);
    for path in [FILE, "/etc/tighten", UNIT, DROP_IN] {
        assert!(!Path::new(path).exists(), "{path}");
    }
    node.all_get_through(ALL);
    // And the rollback itself is taken back.
    let ran = node.rollback();
    assert_eq!(ran.code, 0, "{ran:?}");
    node.all_get_through(GUARDED);
}

fn cut_off() {
    let mut node = Node::new();
    let (metrics, healthz) = (node.stage.metrics, node.stage.healthz);
    // The one who plays kube-proxy answers one connection after the other, on each of its ports.
    node.denied.keeps(true, healthz);
    assert!(node.denied.speaks());
    node.denied.keeps(true, healthz);
    node.allowed.keeps(true, metrics);
    assert_eq!(node.apply(&[]).code, 0);
    assert!(!node.denied.speaks());
    assert!(node.allowed.speaks());
}

fn other_ranges() {
    let mut node = Node::new();
    assert_eq!(node.apply(&[]).code, 0);
    let file = fs::read(FILE).unwrap();
    let ran = node.apply_for("10.9.2.0/24", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let port = node.stage.metrics;
    assert!(node.denied.reaches(true, port));
    assert!(!node.denied.reaches(false, port));
    assert!(!node.allowed.reaches(true, port));
    // Back to the first ranges, not to no table.
    assert_eq!(node.rollback().code, 0);
    assert_eq!(fs::read(FILE).unwrap(), file);
    node.all_get_through(GUARDED);
}

fn on_loopback() {
    let node = Node::listening("127.0.0.1");
    for check in [
        "metrics-port-exposed",
        "firewall-missing",
        "listener-not-as-configured",
    ] {
        assert_eq!(node.verdict(check).0, "pass", "{check}");
    }
    let ran = node.apply(&[]);
    assert!(ran.out.contains("Plan: nothing to do."), "{ran:?}");
    assert_eq!(tables(), ["table inet other"]);
}

fn nobody_named() {
    let node = Node::new();
    let ran = node.run(&["apply", "--yes", "--only", "firewall-missing"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "--only firewall-missing --allow-from CIDR,..";
    assert!(ran.out.contains(told), "{ran:?}");
    assert!(!Path::new(FILE).exists());
    for everybody in ["0.0.0.0/0", "::/0", "10.0.0.0/8,::/0"] {
        let ran = node.run(&["plan", "--allow-from", everybody]);
        assert_eq!(ran.code, 64, "{ran:?}");
        assert!(ran.err.contains("is everybody"), "{ran:?}");
    }
}

fn no_nft() {
    let node = Node::new();
    let empty = "/run/empty";
    support::make_directory(empty.as_ref());
    assert!(
        Command::new("mount")
            .args(["--bind", empty, "/usr/sbin"])
            .status()
            .unwrap()
            .success()
    );
    let ran = node.apply(&[]);
    assert!(
        Command::new("umount")
            .arg("/usr/sbin")
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("there is no nft on this node"), "{ran:?}");
    assert!(!Path::new(FILE).exists());
}

fn refused() {
    let node = Node::new();
    stands_for_nft(
        "case \"$1\" in --check) echo \"$3:1:1-2: Error: played\" >&2; exit 1;; esac\nexec /run/real-nft \"$@\"",
    );
    let ran = node.apply(&[]);
    nft_again();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("the table:1:1-2: Error: played"),
        "{ran:?}"
    );
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    assert!(!Path::new(FILE).exists());
    assert_eq!(tables(), ["table inet other"]);
}

fn not_loaded() {
    let mut node = Node::new();
    for (script, told) in [
        (
            "case \"$1\" in -f) echo played >&2; exit 1;; esac",
            "load table inet tighten: nft -f",
        ),
        (
            "case \"$1\" in -f) exit 0;; esac",
            "what is loaded is not what its file says",
        ),
    ] {
        stands_for_nft(&format!("{script}\nexec /run/real-nft \"$@\""));
        let ran = node.apply(&[]);
        nft_again();
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.err.contains(told), "{ran:?}");
        let state = "everything was put back, and table inet tighten is as before";
        assert!(ran.err.contains(state), "{ran:?}");
        assert!(!Path::new("/etc/tighten").exists());
        assert_eq!(nft(&["list", "ruleset"]), OTHER);
        node.all_get_through(ALL);
    }
}

fn foreign_table() {
    let node = Node::new();
    nft(&["add", "table", "inet", "tighten"]);
    let ran = node.apply(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("a table inet tighten is loaded"),
        "{ran:?}"
    );
    assert!(ran.err.contains("nft delete table inet tighten"), "{ran:?}");
    assert!(!Path::new(FILE).exists());
    assert_eq!(tables(), BOTH);
}

fn changed_by_hand() {
    let node = Node::new();
    assert_eq!(node.apply(&[]).code, 0);
    let check = "firewall-missing";
    nft(&["insert", "rule", "inet", "tighten", "input", "accept"]);
    let (verdict, told) = node.verdict(check);
    assert_eq!(verdict, "fail", "{told}");
    assert_eq!(node.verdict("metrics-port-exposed").0, "fail");
    nft(&["flush", "ruleset"]);
    let (verdict, told) = node.verdict(check);
    assert_eq!(
        (verdict.as_str(), told.as_str()),
        ("fail", "the table is not loaded")
    );
    let ran = node.run(&["plan", "--only", check]);
    assert!(
        ran.out
            .contains("load it with: nft -f /etc/tighten/nftables.nft"),
        "{ran:?}"
    );
    nft(&["-f", FILE]);
    assert_eq!(node.verdict(check).0, "pass");
    // The file is loaded as root, and is believed only as long as nobody else could have written it.
    fs::set_permissions(FILE, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = node.run(&["plan", "--only", check]);
    assert!(ran.out.contains("others than root can write it"), "{ran:?}");
}

fn no_effects() {
    let mut node = Node::new();
    let ran = node.apply(&["--no-effects"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "Left to you: load table inet tighten, because its file changes: nft -f /etc/tighten/nftables.nft.\n";
    assert!(ran.out.contains(told), "{ran:?}");
    assert_eq!(tables(), ["table inet other"]);
    nft(&["-f", FILE]);
    node.all_get_through(GUARDED);
    // What was loaded by hand goes with its file.
    assert_eq!(node.rollback().code, 0);
    assert_eq!(tables(), ["table inet other"]);
}

/// kube-proxy has not read its new configuration yet when the table fails.
fn nothing_restarted() {
    let node = Node::new();
    node.configure("[::]", "enableProfiling: true\n");
    let (config, pid) = (node.stage.config(), node.stage.pid());
    stands_for_nft("case \"$1\" in -f) exit 1;; esac\nexec /run/real-nft \"$@\"");
    let ran = node.run(&[
        "--baseline",
        "kube-proxy",
        "apply",
        "--yes",
        "--only",
        "firewall-missing,profiling-enabled",
        "--allow-from",
        "10.9.1.0/24",
        "--systemctl",
        SYSTEMCTL,
    ]);
    nft_again();
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("load table inet tighten"), "{ran:?}");
    assert_eq!(node.stage.config(), config);
    assert_eq!(node.stage.pid(), pid);
    assert_eq!(node.stage.asked(), Vec::<String>::new());
}

/// A plan that was saved with its ranges is applied exactly, and only with them.
fn saved() {
    let mut node = Node::new();
    let only = ["--only", "firewall-missing"];
    let plan = |ranges: &str| {
        let words = ["plan", "--out", "/run/plan", "--allow-from", ranges];
        node.run(&[&words[..], &only].concat())
    };
    assert_eq!(plan("10.9.1.7/24,fd00:9:1::/64").code, 0);
    for (more, code) in [(&["--allow-from", "10.9.2.0/24"][..], 64), (&[], 0)] {
        let ran = node.run(&[&["apply", "--yes", "/run/plan"], more].concat());
        assert_eq!(ran.code, code, "{ran:?}");
    }
    node.all_get_through(GUARDED);
    // Nobody is let in by a plan who could not be named.
    let text = fs::read_to_string("/run/plan").unwrap();
    let text = text.replace("10.9.1.7/24", "0.0.0.0/0");
    fs::write("/run/plan", text).unwrap();
    let ran = node.run(&["apply", "--yes", "/run/plan"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.err.contains("0.0.0.0/0 is everybody"), "{ran:?}");
}
