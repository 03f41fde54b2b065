//! The table before kube-proxy's ports: real connections from a machine that is allowed and from one that is not, over
//! IPv4 and IPv6.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::exposure::{ROUTE_LOCALNET, SYSCTL};
use super::guarded::{
    ALL, BOTH, FILE, GUARDED, Node, OTHER, nft, nft_again, stands_for_nft, tables,
};
use super::support;
use super::support::traced::can_trace;

type Test = (&'static str, fn());

const UNIT: &str = "/etc/systemd/system/tighten-nftables.service";
const DROP_IN: &str = "/etc/systemd/system/sysinit.target.d/90-tighten-nftables.conf";

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
        "what was killed in between is recovered with the table",
        killed,
    ),
    (
        "killed at its calls, it leaves the files and the kernel as before or as after",
        killed_at_its_calls,
    ),
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
    let words = [
        "apply",
        "--yes",
        "--only",
        "firewall-missing",
        "--allow-from",
        "10.9.2.0/24",
    ];
    let ran = node.run(&words);
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
    for place in ["/usr/sbin"] {
        assert!(
            Command::new("mount")
                .args(["--bind", empty, place])
                .status()
                .unwrap()
                .success()
        );
    }
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

impl Node {
    /// An apply that is killed while nft has loaded the table and not come back yet.
    fn killed_while_loading(&mut self) {
        stands_for_nft(
            "/run/real-nft \"$@\" || exit 1\ncase \"$1\" in -f) kill -9 $PPID; sleep 1;; esac",
        );
        let ran = self.apply(&[]);
        nft_again();
        assert_eq!(ran.code, -1, "{ran:?}");
        assert!(Path::new(FILE).exists());
        self.all_get_through(GUARDED);
    }

    /// Neither files nor table.
    fn none_is_left(&mut self) {
        assert!(!Path::new("/etc/tighten").exists());
        assert_eq!(nft(&["list", "ruleset"]), OTHER);
        self.all_get_through(ALL);
    }
}

fn killed() {
    let mut node = Node::new();
    node.killed_while_loading();
    let ran = node.run(&["recover"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("table inet tighten is as before"),
        "{ran:?}"
    );
    node.none_is_left();
    // As at boot, where nothing is restarted and the kernel is not told.
    node.killed_while_loading();
    let ran = node.run(&["recover", "--no-effects"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "Left to you: nft delete table inet tighten, since the kernel may have been told otherwise by the interrupted transaction.\n";
    assert!(ran.err.contains(told), "{ran:?}");
    nft(&["delete", "table", "inet", "tighten"]);
    node.none_is_left();
}

/// Calls of an apply of both parts, and at which of each it is killed: those that write, flush, rename and make
/// files, and those that start nft and wait for it.
const CALLS: &[(&str, &[usize])] = &[
    ("mkdirat", &[3, 4, 5]),
    ("renameat2", &[1, 2, 3, 4]),
    ("fsync", &[3, 7, 9, 12, 14, 15, 16]),
    ("write", &[5, 9, 11, 12, 13]),
    ("clone3", &[1, 2, 3, 4, 5]),
    ("wait4", &[3, 7, 9, 11, 12]),
];

fn killed_at_its_calls() {
    if !can_trace() {
        return;
    }
    let node = Node::listening("[::]");
    node.configure("[::]", "iptables:\n  localhostNodePorts: false\n");
    let mut killed = 0;
    for (call, numbers) in CALLS {
        for number in *numbers {
            fs::write(ROUTE_LOCALNET, "1\n").unwrap();
            let fault = format!("inject={call}:signal=KILL:when={number}");
            let mut command = Command::new("strace");
            // Without -f: nft is left alone.
            command.args(["-o", "/dev/null", "-e", &fault]);
            command.arg(support::tighten().get_program());
            command.args([
                "--state-dir",
                "/run/state",
                "--baseline",
                "kube-proxy-network",
            ]);
            command.args([
                "apply",
                "--yes",
                "--only",
                "firewall-missing,route-localnet-left-on",
            ]);
            command.args(["--allow-from", "10.9.1.0/24"]);
            killed += usize::from(!command.output().unwrap().status.success());
            let ran = node.run(&["recover"]);
            assert_eq!(ran.code, 0, "{fault}: {ran:?}");
            let files = [FILE, UNIT, DROP_IN, SYSCTL].map(|path| Path::new(path).exists());
            let kernel = (tables().len(), fs::read_to_string(ROUTE_LOCALNET).unwrap());
            let kernel = (kernel.0, kernel.1.trim());
            let expected = match files {
                [true, true, true, true] => (2, "0"),
                [false, false, false, false] => (1, "1"),
                _ => panic!("{fault}: {files:?}"),
            };
            assert_eq!(kernel, expected, "{fault}");
            assert_eq!(nft(&["list", "table", "inet", "other"]), OTHER);
            if files[0] {
                assert_eq!(node.rollback().code, 0, "{fault}");
                assert_eq!(tables(), ["table inet other"], "{fault}");
            }
        }
    }
    assert!(killed > 15, "only {killed} were killed");
}
