//! An apply of the table and of route_localnet that is killed: afterwards both are as their files say.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::exposure::{ROUTE_LOCALNET, SYSCTL};
use super::firewall::{DROP_IN, UNIT};
use super::guarded::{ALL, FILE, GUARDED, Node, OTHER, nft, nft_again, stands_for_nft, tables};
use super::support;
use super::support::traced::can_trace;

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    (
        "what was killed in between is recovered with the table",
        killed,
    ),
    (
        "killed at its calls, it leaves the files and the kernel as before or as after",
        killed_at_its_calls,
    ),
];

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
