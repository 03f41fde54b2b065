//! The module beside the same remediation as plain Ansible tasks: how long a node takes, and what is left
//! when the fifth of eight steps fails. Prints the table of docs/ansible.md.
//!
//! `cargo bench --bench ansible`; it needs what the tests of the collection need, and strace.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot go on should stop there"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use support::play::{Ansible, ansible, script};
use support::traced::can_trace;
use support::{Entry, Ran, snapshot, tighten};

/// How many trees each way gets.
const NODES: usize = 20;
/// How many of them at once: as many as there are processors on a small machine.
const FORKS: &str = "2";

/// The checks that the plain tasks mend, too.
const ONLY: &str = "proxy-kubeconfig-mode,proxy-kubeconfig-owner,proxy-credential-mode,proxy-config-mode,bind-address-wildcard,metrics-exposed,profiling-enabled,bind-failure-ignored,audit-policy-missing";

/// What people write who have no module: eight tasks with backups, of which FAULT is put into the fifth.
const PLAIN: &str = r#"
- hosts: all
  gather_facts: false
  vars:
    config: "{{ tree }}/var/lib/kube-proxy/kube-proxy-config.yaml"
  tasks:
    - ansible.builtin.file: {path: "{{ tree }}/var/lib/kube-proxy/kubeconfig", mode: "0600", owner: root, group: root}
    - ansible.builtin.file: {path: "{{ tree }}/var/lib/kube-proxy/kube-proxy.key", mode: "0600"}
    - ansible.builtin.file: {path: "{{ config }}", mode: "0644"}
    - ansible.builtin.lineinfile: {path: "{{ config }}", regexp: "^bindAddress:", line: 'bindAddress: "10.0.0.10"', backup: true}
    - ansible.builtin.lineinfile: {path: "{{ config }}", regexp: "^metricsBindAddress:", line: 'metricsBindAddress: "127.0.0.1:10249"', backup: true}FAULT
    - ansible.builtin.lineinfile: {path: "{{ config }}", regexp: "^enableProfiling:", line: "enableProfiling: false", backup: true}
    - ansible.builtin.lineinfile: {path: "{{ config }}", regexp: "^bindAddressHardFail:", line: "bindAddressHardFail: true", backup: true}
    - ansible.builtin.copy: {src: "{{ policy }}", dest: "{{ tree }}/etc/kubernetes/audit-policy.yaml", mode: "0600", owner: root, group: root, backup: true}
"#;

const MODULE: &str = r#"
- hosts: all
  gather_facts: false
  tasks:
    - tighten.kube_proxy.tighten: {root: "{{ tree }}", state_dir: "{{ state }}", only: "{{ checks }}"}FAULT
"#;

/// The same disk error in both: the configuration cannot be replaced.
const FAULT: &str = "\n      vars: {ansible_shell_executable: \"{{ faulty }}\"}";

struct Bench<'a> {
    ansible: &'a Ansible,
    directory: tempfile::TempDir,
}

/// A way of doing it: the playbook, with and without the fault.
struct Way {
    name: &'static str,
    playbook: &'static str,
}

impl Bench<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn tree(&self, way: &Way, number: usize) -> PathBuf {
        self.path(&format!("{}-{number}", way.name))
    }

    fn demo(path: &Path) {
        let ran: Ran = tighten().arg("demo").arg(path).output().unwrap().into();
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    fn play(&self, way: &Way, nodes: &[String], fault: bool) -> (Ran, f64) {
        let mut inventory = nodes.join("\n");
        let base = self.directory.path().display();
        let _ = write!(
            inventory,
            "\n[all:vars]\nansible_connection=local\nansible_python_interpreter={}/bin/python\ntree={base}/{{{{ inventory_hostname }}}}\nstate={base}/state\npolicy={base}/policy.yaml\nfaulty={base}/faulty\nchecks={ONLY}\n",
            self.ansible.venv.display()
        );
        let playbook = self.path(&format!("{}.yml", way.name));
        let text = way
            .playbook
            .replace("FAULT", if fault { FAULT } else { "" });
        fs::write(&playbook, text).unwrap();
        let begun = Instant::now();
        let playbook = playbook.to_str().unwrap();
        let more = ["--forks", FORKS];
        let ran = self
            .ansible
            .play(self.directory.path(), &inventory, playbook, &more);
        (ran, begun.elapsed().as_secs_f64())
    }

    /// Seconds for a node: the first time, and when there is nothing left to do.
    fn times(&self, way: &Way) -> (f64, f64) {
        let nodes: Vec<String> = (0..NODES)
            .map(|number| format!("{}-{number}", way.name))
            .collect();
        for number in 0..NODES {
            Bench::demo(&self.tree(way, number));
        }
        let (first, seconds) = self.play(way, &nodes, false);
        assert_eq!(first.code, 0, "{first:?}");
        let (second, again) = self.play(way, &nodes, false);
        assert_eq!(second.code, 0, "{second:?}");
        assert_eq!(second.out.matches("changed=0").count(), NODES, "{second:?}");
        #[allow(clippy::cast_precision_loss, reason = "a few nodes")]
        let nodes = NODES as f64;
        (seconds / nodes, again / nodes)
    }

    /// What a step that fails leaves: files that are another than before, and files that are new.
    fn left(&self, way: &Way) -> (Vec<String>, Vec<String>) {
        let tree = self.tree(way, NODES);
        Bench::demo(&tree);
        let before = snapshot(&tree);
        let (ran, _) = self.play(way, &[format!("{}-{NODES}", way.name)], true);
        assert_eq!(ran.code, 2, "the step does not fail: {ran:?}");
        difference(&before, &snapshot(&tree))
    }
}

fn difference(
    before: &BTreeMap<String, Entry>,
    after: &BTreeMap<String, Entry>,
) -> (Vec<String>, Vec<String>) {
    let changed = before
        .iter()
        .filter(|(path, entry)| after.get(*path) != Some(*entry));
    let new = after.keys().filter(|path| !before.contains_key(*path));
    let changed = changed.map(|(path, _)| path.clone()).collect();
    (changed, new.cloned().collect())
}

fn told(paths: &[String]) -> String {
    let names = paths.iter().map(|path| path.rsplit('/').next().unwrap());
    match paths.len() {
        0 => "none".into(),
        number => format!("{number}: {}", names.collect::<Vec<_>>().join(", ")),
    }
}

fn main() {
    let Some(ansible) = ansible() else { return };
    if !can_trace() {
        return;
    }
    let bench = Bench {
        ansible,
        directory: tempfile::tempdir().unwrap(),
    };
    // The same policy as the module's, taken from a tree that it hardened.
    let sample = bench.path("sample");
    Bench::demo(&sample);
    let mut apply = tighten();
    apply
        .arg("--root")
        .arg(&sample)
        .arg("--state-dir")
        .arg(bench.path("state"));
    let ran: Ran = apply.args(["apply", "--yes"]).output().unwrap().into();
    assert_eq!(ran.code, 0, "{ran:?}");
    fs::copy(
        sample.join("etc/kubernetes/audit-policy.yaml"),
        bench.path("policy.yaml"),
    )
    .unwrap();
    script(
        &bench.path("faulty"),
        "#!/bin/sh\nexec strace -f -o /dev/null -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:error=EIO /bin/sh \"$@\"\n",
    );
    let module = Way {
        name: "module",
        playbook: MODULE,
    };
    let plain = Way {
        name: "plain",
        playbook: PLAIN,
    };
    let (first, second) = (bench.times(&module), bench.times(&plain));
    let (left, rest) = (bench.left(&module), bench.left(&plain));
    println!("| | `tighten.kube_proxy.tighten` | the same as eight plain tasks |");
    println!("|---|---|---|");
    println!("| tasks | 1 | 8 |");
    println!(
        "| wall time for a node | {:.2} s | {:.2} s |",
        first.0, second.0
    );
    println!(
        "| the same when there is nothing to change | {:.2} s | {:.2} s |",
        first.1, second.1
    );
    println!(
        "| step 5 of 8 fails: files that stay changed | {} | {} |",
        told(&left.0),
        told(&rest.0)
    );
    println!(
        "| and files that lie beside them | {} | {} |",
        told(&left.1),
        told(&rest.1)
    );
}
