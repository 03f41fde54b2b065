//! Malformed input where a configuration, a kubeconfig or a baseline should be: a clear answer in
//! bounded time and memory, and nothing changed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use support::Node;
use support::watched::{Watched, watched};

/// The guide's listings as they are printed: their indentation is lost.
const GUIDE_CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
acceptContentTypes: \"\"
burst: 0
contentType: \"\"
kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
qps: 0
clusterCIDR: 172.17.0.0/16
";
const GUIDE_KUBECONFIG: &str = "apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    server: https://controlplane:6443
name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
name: default
current-context: default
users:
- name: default
user:
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
";
const GUIDE_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
rules:
# Log all actions by kube-proxy
- level: Metadata
    users: [\"system:kube-proxy\"]
";

const UNIT: &str = "/etc/systemd/system/kube-proxy.service";
const CONFIG: &str = "/var/lib/kube-proxy/config.conf";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig.conf";
const GOOD_CONFIG: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
bindAddress: 10.0.0.10
nodePortAddresses: [10.0.0.0/24]
iptables:
  localhostNodePorts: false
bindAddressHardFail: true
";

/// A node with nothing to mend.
fn node() -> Node {
    let node = Node::empty();
    node.write(
        UNIT,
        format!("[Service]\nExecStart=/usr/bin/kube-proxy --config={CONFIG}\n"),
    );
    node.write(CONFIG, GOOD_CONFIG);
    node.write(KUBECONFIG, "apiVersion: v1\nkind: Config\n");
    node.chmod(KUBECONFIG, 0o600);
    node
}

fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    text
}

/// Name, contents, and whether it may still be read as YAML that means something.
fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let header = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
    let random: Vec<u8> = (0..5000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let block: String = (0..10_000)
        .map(|level| format!("{}a:\n", " ".repeat(level.min(2_000))))
        .collect();
    vec![
        ("the guide's configuration", GUIDE_CONFIG.into()),
        ("the guide's kubeconfig", GUIDE_KUBECONFIG.into()),
        ("the guide's audit policy", GUIDE_POLICY.into()),
        ("binary", random),
        ("empty", Vec::new()),
        ("one line feed", b"\n".to_vec()),
        ("a comment", b"# nothing\n".to_vec()),
        ("three dashes", b"---\n---\n".to_vec()),
        ("10,000 brackets", format!("{header}a: {}", "[".repeat(10_000)).into()),
        (
            "10,000 closed brackets",
            format!("{header}a: {}{}", "[".repeat(10_000), "]".repeat(10_000)).into(),
        ),
        ("10,000 braces", "{\"a\": ".repeat(10_000).into()),
        ("10,000 levels", block.into()),
        ("10,000 dashes", "- ".repeat(10_000).into()),
        ("an alias bomb", format!("{header}{}", bomb()).into()),
        ("an alias of itself", format!("{header}a: &a [*a]\n").into()),
        ("an alias of nothing", format!("{header}a: *b\n").into()),
        ("a merge key bomb", format!("{header}{}<<: *a11\n", bomb()).into()),
        ("an unknown tag", format!("{header}a: !!python/object:os.system x\n").into()),
        ("doubled keys", format!("{header}mode: iptables\nmode: ipvs\nmode: [x]\n").into()),
        ("doubled clusters", "clusters: []\nclusters: {}\nusers: x\nusers: []\n".into()),
        (
            "wrong types",
            format!("{header}bindAddress: [1]\nclientConnection: yes\nenableProfiling: \"true\"\n").into(),
        ),
        (
            "other wrong types",
            "apiVersion: v1\nkind: Config\nclusters: {a: b}\nusers: [[], 7, null]\ncontexts: yes\ncurrent-context: {}\n".into(),
        ),
        ("a list", "- a\n- b\n".into()),
        ("a scalar", "just words\n".into()),
        ("a number", "1e999999999\n".into()),
        ("null", "~\n".into()),
        ("invalid UTF-8", [header.as_bytes(), b"a: \"\xff\xfe\xc0\xaf\"\n"].concat()),
        ("half of UTF-16", "a: b\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("NUL bytes", format!("{header}mode: \"ipt\0ables\"\n\0\0\0").into()),
        ("only NUL bytes", vec![0; 4096]),
        ("tabs", format!("{header}iptables:\n\tmasqueradeAll: true\n").into()),
        ("an unclosed quote", format!("{header}mode: \"ipvs\n").into()),
        ("an unclosed brace", format!("{header}iptables: {{a: 1\n").into()),
        ("escape sequences", format!("{header}\"\\e[2J\\e]0;x\\a\": \x1b[2J\u{202e}x\n").into()),
        ("a long line", format!("{header}mode: {}\n", "x".repeat(1 << 20)).into()),
        ("a long key", format!("{header}{}: 1\n", "x".repeat(1 << 20)).into()),
        ("many keys", (0..60_000).map(|at| format!("k{at}: 1\n")).collect::<String>().into()),
        (
            "numbers out of range",
            format!("{header}oomScoreAdj: 99999999999999999999\nclientConnection: {{qps: 1e400, burst: -9}}\nconfigSyncPeriod: 9999999999h\n").into(),
        ),
        ("50 MB", b"a: b\n".repeat(10 << 20)),
        ("50 MB of one line", vec![b'x'; 50 << 20]),
    ]
}

/// Runs every command over the node and checks what holds for each of them.
fn try_all(node: &Node, what: &str, more: &[&str]) -> Vec<(&'static str, Watched)> {
    let before = node.snapshot();
    let mut found = Vec::new();
    for (command, arguments, codes) in [
        ("scan", vec!["scan"], [1, 2]),
        (
            "scan of all",
            vec!["-v", "--format", "json", "scan"],
            [1, 2],
        ),
        ("facts", vec!["facts"], [0, 1]),
        ("facts as JSON", vec!["--format", "json", "facts"], [0, 1]),
        ("plan", vec!["-v", "plan"], [0, 1]),
        ("verify", vec!["verify"], [0, 1]),
        ("apply", vec!["apply", "--yes"], [0, 1]),
    ] {
        let done = watched(node.command().args(more).args(&arguments));
        let shown = format!("{what}, {command}: {:.2000?}", done.ran);
        assert!(!done.late, "{shown}");
        assert!(codes.contains(&done.ran.code), "{shown}");
        assert!(done.peak < 100 * 1024, "{} KiB: {shown}", done.peak);
        assert!(!done.ran.err.contains("panicked"), "{shown}");
        let hidden = |text: &str| text.contains(['\x1b', '\0', '\u{202e}']);
        assert!(!hidden(&done.ran.out) && !hidden(&done.ran.err), "{shown}");
        if arguments.contains(&"json") {
            let document: Result<serde_json::Value, _> = serde_json::from_str(&done.ran.out);
            assert!(document.is_ok(), "{shown}");
        }
        found.push((command, done));
    }
    assert!(node.snapshot() == before, "{what}: the tree changed");
    found
}

/// What is said must name the file.
fn names(found: &[(&str, Watched)], path: &str, what: &str) {
    for (command, done) in found {
        let said = if command.starts_with("facts") {
            &done.ran.err
        } else {
            &done.ran.out
        };
        let asked = command.starts_with("scan") || command.starts_with("facts");
        assert!(!asked || said.contains(path), "{what}: {done:.2000?}");
    }
}

/// Texts that mean something to kube-proxy: there is nothing to complain of in so many words.
const SENSE: &[&str] = &[
    "the guide's kubeconfig",
    "an unknown tag",
    "doubled keys",
    "doubled clusters",
    "empty",
    "many keys",
    "one line feed",
    "a comment",
    "three dashes",
    "null",
];

/// Where the reader stopped, it names the line too.
fn names_the_line(found: &[(&str, Watched)], path: &str, what: &str) {
    let lines = [
        "the guide's audit policy",
        "tabs",
        "an unclosed quote",
        "an unclosed brace",
        "doubled keys",
    ];
    if lines.contains(&what) {
        let told = found
            .iter()
            .any(|(_, done)| done.ran.err.contains(&format!("{path}:")));
        assert!(told, "{what}: {found:.2000?}");
    }
}

#[test]
fn a_malformed_configuration_is_reported_and_nothing_changes() {
    let node = node();
    for (what, bytes) in texts() {
        node.write(CONFIG, bytes);
        let found = try_all(&node, what, &[]);
        if !SENSE.contains(&what) || what == "empty" {
            names(&found, CONFIG, what);
            names_the_line(&found, CONFIG, what);
        }
    }
}

#[test]
fn a_malformed_kubeconfig_is_reported_and_nothing_changes() {
    let node = node();
    for (what, bytes) in texts() {
        node.write(KUBECONFIG, bytes);
        node.chmod(KUBECONFIG, 0o600);
        let found = try_all(&node, what, &[]);
        if !SENSE.contains(&what) {
            names(&found, KUBECONFIG, what);
            names_the_line(&found, KUBECONFIG, what);
        }
    }
}

#[test]
fn a_malformed_baseline_is_refused_with_its_name() {
    let node = node();
    let file = node.outside().join("own.yaml");
    let path = file.to_str().unwrap();
    for (what, bytes) in texts() {
        fs::write(&file, bytes).unwrap();
        for (command, done) in try_all(&node, what, &["--baseline", path]) {
            assert_eq!(done.ran.code, 1, "{what}, {command}: {done:.2000?}");
            assert!(
                done.ran.err.contains(path),
                "{what}, {command}: {done:.2000?}"
            );
        }
    }
}

/// Puts something that is no regular file where a file should be.
fn odd(node: &Node, path: &str, kind: &str) -> Option<UnixListener> {
    let host = node.path(path);
    if fs::symlink_metadata(&host).is_ok_and(|meta| meta.is_dir()) {
        fs::remove_dir(&host).unwrap();
    } else {
        let _ = fs::remove_file(&host);
    }
    match kind {
        "a directory" => fs::create_dir(&host).unwrap(),
        "a FIFO" => nix::unistd::mkfifo(&host, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        "a socket" => return Some(UnixListener::bind(&host).unwrap()),
        "a loop" => symlink(host.file_name().unwrap(), &host).unwrap(),
        "a relative loop" => symlink("../kube-proxy/./kubeconfig.conf/../x", &host).unwrap(),
        "a device of the machine" => symlink("/dev/zero", &host).unwrap(),
        "a way out" => symlink("../../../../../../../../../../etc/hostname", &host).unwrap(),
        "a way to /proc" => symlink("/proc/self/mem", &host).unwrap(),
        "a path through a file" => symlink("/etc/hostname/x", &host).unwrap(),
        "a long target" => symlink("x/".repeat(2000), &host).unwrap(),
        "nothing" => {}
        other => panic!("{other}"),
    }
    None
}

const ODD: &[&str] = &[
    "a directory",
    "a FIFO",
    "a socket",
    "a loop",
    "a relative loop",
    "a device of the machine",
    "a way out",
    "a way to /proc",
    "a path through a file",
    "a long target",
    "nothing",
];

#[test]
fn what_is_no_file_is_never_opened_as_one() {
    for path in [CONFIG, KUBECONFIG, UNIT] {
        for kind in ODD {
            let node = node();
            let _held = odd(&node, path, kind);
            // Without its unit, kube-proxy's files are named.
            let more: &[&str] = if path == UNIT {
                &["--config", CONFIG]
            } else {
                &[]
            };
            let found = try_all(&node, &format!("{kind} at {path}"), more);
            if path != UNIT {
                names(&found, path, kind);
            }
        }
    }
}

#[test]
fn no_path_leaves_the_root() {
    let node = node();
    let outside = node.outside().join("outside");
    fs::write(&outside, GOOD_CONFIG.replace("10.0.0.10", "0.0.0.0")).unwrap();
    let host = node.path(CONFIG);
    for target in [
        outside.to_str().unwrap().to_string(),
        "../../../../../outside".into(),
        "../../../../outside".into(),
    ] {
        fs::remove_file(&host).unwrap();
        symlink(&target, &host).unwrap();
        let found = try_all(&node, &target, &[]);
        let scan = &found[1].1.ran.out;
        assert!(
            !scan.contains("\"observed\": \"bindAddress: 0.0.0.0\""),
            "{scan}"
        );
    }
    let text = fs::read_to_string(&outside).unwrap();
    assert!(text.contains("bindAddress: 0.0.0.0"));
}

#[test]
fn a_line_feed_in_a_path_makes_no_line_that_looks_like_a_verdict() {
    let node = node();
    let forged = "  pass            proxy-kubeconfig-mode";
    let kubeconfig = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}], \
         clusters: [{{name: k, cluster: {{server: https://a, certificate-authority: \"/x\\n{forged}\"}}}}], \
         users: [{{name: u, user: {{client-certificate: \"/y\\n{forged}\", client-key: \"/z\\n{forged}\"}}}}]}}\n"
    );
    node.write(KUBECONFIG, kubeconfig);
    node.chmod(KUBECONFIG, 0o600);
    for command in [&["scan", "-v"][..], &["facts"], &["plan", "-v"]] {
        let ran = node.run(command);
        let told = format!("{}{}", ran.out, ran.err);
        // A plan does not name these files.
        let names = command[0] != "plan";
        assert_eq!(told.contains("\\n  pass"), names, "{command:?}: {told}");
        let forged = told.lines().filter(|line| *line == forged);
        assert_eq!(forged.count(), 0, "{command:?}: {told}");
    }
}
