//! The role and the playbook for a cluster.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::play::{Ansible, ansible, recap, script};
use crate::support::traced::can_trace;
use crate::support::{Entry, Ran, make_directory, snapshot, tighten};

const PLAYBOOK: &str = "tighten.kube_proxy.kubeadm";

/// A control plane of one and three workers, each a tree of its own.
struct Cluster {
    directory: tempfile::TempDir,
}

impl Cluster {
    const NODES: [&str; 4] = ["cp1", "w1", "w2", "w3"];

    fn new() -> Cluster {
        let cluster = Cluster {
            directory: tempfile::tempdir().unwrap(),
        };
        for node in Cluster::NODES {
            let ran: Ran = tighten()
                .arg("demo")
                .arg(cluster.root(node))
                .output()
                .unwrap()
                .into();
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        cluster
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn root(&self, node: &str) -> PathBuf {
        self.path().join(node)
    }

    fn tree(&self, node: &str) -> BTreeMap<String, Entry> {
        snapshot(&self.root(node))
    }

    /// An inventory as kubespray and others write it, with variables of single nodes.
    fn inventory(&self, of_node: &[(&str, &str)]) -> String {
        let mut text = String::from("[kube_control_plane]\ncp1\n[kube_node]\nw1\nw2\nw3\n[all]\n");
        for (node, variables) in of_node {
            let _ = writeln!(text, "{node} {variables}");
        }
        let path = self.path().display();
        let _ = writeln!(
            text,
            "[all:vars]\nansible_connection=local\nansible_python_interpreter=/nonexistent\ntighten_become=false\ntighten_root={path}/{{{{ inventory_hostname }}}}\ntighten_state_dir={path}/state-{{{{ inventory_hostname }}}}"
        );
        text
    }

    fn play(&self, ansible: &Ansible, of_node: &[(&str, &str)], more: &[&str]) -> Ran {
        ansible.play(self.path(), &self.inventory(of_node), PLAYBOOK, more)
    }

    fn state_of(&self, node: &str) -> PathBuf {
        self.path().join(format!("state-{node}"))
    }

    /// A check of the operator's own, which fails on one node.
    fn own_check(&self, fails_on: &str) -> String {
        let tasks = self.path().join("own.yml");
        let text = format!(
            "- name: Look whether the node is well\n  ansible.builtin.assert:\n    that: inventory_hostname != \"{fails_on}\"\n    fail_msg: services do not answer\n"
        );
        fs::write(&tasks, text).unwrap();
        format!("tighten_verify_tasks={}", tasks.display())
    }
}

#[test]
fn a_cluster_is_hardened_node_by_node_and_stays_so() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let check = cluster.own_check("none");
    let before: Vec<_> = Cluster::NODES.map(|node| cluster.tree(node)).into();
    let told = cluster.play(ansible, &[], &["--check", "--diff"]);
    assert_eq!(told.code, 0, "{told:?}");
    for (node, before) in Cluster::NODES.iter().zip(&before) {
        assert!(cluster.tree(node) == *before);
        assert!(!cluster.state_of(node).exists());
        assert!(recap(&told, node).contains(&"changed=1"), "{told:?}");
    }
    let done = cluster.play(ansible, &[], &["-e", &check]);
    assert_eq!(done.code, 0, "{done:?}");
    // The plan is on the screen before it is applied, without asking for a diff.
    let shown = done.out.find("+enableProfiling: false").unwrap();
    assert!(shown < done.out.find(": Apply]").unwrap(), "{done:?}");
    // In the order of the playbook: the control plane, one worker, the others.
    let batches: Vec<&str> = done
        .out
        .split("PLAY [")
        .skip(1)
        .map(|play| {
            let (_, applied) = play.split_once(": Apply]").unwrap();
            let (_, line) = applied.split_once("changed: [").unwrap();
            line.split(']').next().unwrap()
        })
        .collect();
    assert_eq!(batches, ["cp1", "w1", "w2", "w3"]);
    for node in Cluster::NODES {
        assert!(recap(&done, node).contains(&"failed=0"), "{done:?}");
        assert!(cluster.tree(node) == cluster.tree("cp1"));
    }
    // What is due is told where tighten restarts nothing, and nothing of this machine is touched.
    assert!(
        done.out
            .contains("restart kube-proxy.service: its configuration changes")
    );
    let again = cluster.play(ansible, &[], &["-e", &check]);
    for node in Cluster::NODES {
        assert!(recap(&again, node).contains(&"changed=0"), "{again:?}");
    }
}

#[test]
fn a_node_that_is_not_well_afterwards_is_taken_back_and_the_play_stops() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let check = cluster.own_check("w1");
    let before = cluster.tree("w1");
    let ran = cluster.play(ansible, &[], &["-e", &check]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(cluster.tree("w1") == before, "w1 is as it was");
    assert!(recap(&ran, "w1").contains(&"failed=1"), "{ran:?}");
    assert!(
        ran.out.contains("Look whether the node is well: services do not answer. It was taken back: 13 changes taken back, in transaction "),
        "{ran:?}"
    );
    let history: Ran = tighten()
        .arg("--root")
        .arg(cluster.root("w1"))
        .arg("--state-dir")
        .arg(cluster.state_of("w1"))
        .arg("history")
        .output()
        .unwrap()
        .into();
    assert!(history.out.contains("rollback  committed"), "{history:?}");
    // What came before stays, and what would have come after was never begun.
    assert!(cluster.tree("cp1") != before);
    for node in ["w2", "w3"] {
        assert!(cluster.tree(node) == before);
        assert!(!cluster.state_of(node).exists());
        assert!(!ran.out.contains(&format!("[{node}]")), "{ran:?}");
    }
}

#[test]
fn the_other_nodes_of_a_batch_stay_when_one_is_taken_back() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let check = cluster.own_check("w2");
    let before = cluster.tree("w1");
    let batches = r#"{"tighten_batches": [2]}"#;
    let ran = cluster.play(ansible, &[], &["-e", &check, "-e", batches]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.out.contains("Look whether the node is well: services do not answer. It was taken back: 13 changes taken back, in transaction "),
        "{ran:?}"
    );
    assert!(recap(&ran, "w2").contains(&"failed=1"), "{ran:?}");
    assert!(cluster.tree("w2") == before, "w2 is as it was");
    assert!(recap(&ran, "w1").contains(&"failed=0"), "{ran:?}");
    assert!(cluster.tree("w1") == cluster.tree("cp1"), "w1 stays");
    assert!(!cluster.state_of("w3").exists(), "w3 was never begun");
}

#[test]
fn a_node_that_cannot_be_reached_stops_the_play_and_undoes_no_other() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let before = cluster.tree("w2");
    // What Ansible cannot be put on is what it calls unreachable.
    let lost = [("w2", "ansible_remote_tmp=/proc/nowhere")];
    let batches = r#"{"tighten_batches": [2]}"#;
    let ran = cluster.play(ansible, &lost, &["-e", batches]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out
            .contains("w2 could not be reached, so the play stops here"),
        "{ran:?}"
    );
    assert!(cluster.tree("w2") == before);
    assert!(cluster.tree("w1") == cluster.tree("cp1"), "w1 stays");
    assert!(!cluster.state_of("w3").exists(), "w3 was never begun");
}

#[test]
fn a_node_whose_apply_fails_is_put_back_and_the_play_stops() {
    let Some(ansible) = ansible() else { return };
    if !can_trace() {
        return;
    }
    let cluster = Cluster::new();
    let shell = cluster.path().join("shell");
    script(
        &shell,
        "#!/bin/sh\nexec strace -f -o /dev/null -e trace=renameat -e inject=renameat:error=EIO:when=1 /bin/sh \"$@\"\n",
    );
    let broken = format!("ansible_shell_executable={}", shell.display());
    let before = cluster.tree("w1");
    let ran = cluster.play(ansible, &[("w1", &broken)], &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(cluster.tree("w1") == before, "w1 is as it was");
    assert!(
        ran.out
            .contains("Input/output error (os error 5) (everything was put back)"),
        "{ran:?}"
    );
    assert!(
        ran.out
            .contains(". The node is as it was before this role."),
        "{ran:?}"
    );
    assert!(!cluster.state_of("w2").exists());
}

#[test]
fn an_apply_whose_answer_is_lost_is_not_told_as_an_untouched_node() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let shell = cluster.path().join("shell");
    let state = cluster.state_of("w1");
    // Ended from outside when the work is done, before the answer is out.
    let text = format!(
        "#!/bin/sh\n[ -e {0} ] && exec /bin/sh \"$@\"\nout=$(/bin/sh \"$@\")\ncode=$?\n[ -e {0} ] && exit 137\nprintf '%s\\n' \"$out\"\nexit $code\n",
        state.display()
    );
    script(&shell, &text);
    let lost = format!("ansible_shell_executable={}", shell.display());
    let ran = cluster.play(ansible, &[("w1", &lost)], &["--limit", "w1"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(cluster.tree("w1") != cluster.tree("w2"), "it was applied");
    assert!(
        ran.out.contains(
            ". It is not known how the node is now: tighten history on it says what was done.\""
        ),
        "{ran:?}"
    );
}

#[test]
fn what_a_handler_breaks_is_taken_back_too() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let before = cluster.tree("w1");
    let playbook = cluster.path().join("handler.yml");
    // A handler of the play's own, which is for the same effects; with it the play ends for all.
    let text = "- hosts: w1:w2\n  gather_facts: false\n  any_errors_fatal: true\n  tasks:\n    - ansible.builtin.include_role: {name: tighten.kube_proxy.tighten}\n      vars: {tighten_effects: false}\n  handlers:\n    - name: Restart it my way\n      ansible.builtin.fail: {msg: it does not start}\n      when: inventory_hostname == 'w1'\n      listen: Tighten effects\n";
    fs::write(&playbook, text).unwrap();
    let inventory = cluster.inventory(&[]);
    let ran = ansible.play(cluster.path(), &inventory, playbook.to_str().unwrap(), &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for told in [
        "Restart it my way: it does not start. It was taken back: 13 changes",
        "The play was ended by another node. It was taken back: 13 changes",
    ] {
        assert!(ran.out.contains(told), "{told}: {ran:?}");
    }
    for node in ["w1", "w2"] {
        assert!(recap(&ran, node).contains(&"failed=1"), "{ran:?}");
        assert!(cluster.tree(node) == before, "{node} is as it was");
    }
}

#[test]
fn what_an_earlier_run_of_the_role_committed_is_not_taken_back() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let playbook = cluster.path().join("twice.yml");
    let text = "- hosts: w1\n  gather_facts: false\n  tasks:\n    - ansible.builtin.include_role: {name: tighten.kube_proxy.tighten}\n      vars: {tighten_only: [proxy-kubeconfig-mode]}\n    - ansible.builtin.include_role: {name: tighten.kube_proxy.tighten}\n      vars: {tighten_only: [no-such-check]}\n";
    fs::write(&playbook, text).unwrap();
    let inventory = cluster.inventory(&[]);
    let ran = ansible.play(cluster.path(), &inventory, playbook.to_str().unwrap(), &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.out.contains("The node is as it was before this role."),
        "{ran:?}"
    );
    let kubeconfig = &cluster.tree("w1")["/var/lib/kube-proxy/kubeconfig"];
    assert_eq!(kubeconfig.mode, 0o600, "the first one stays");
}

#[test]
fn the_role_plans_scans_and_takes_back_too() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let before = cluster.tree("cp1");
    let plan = cluster.path().join("plan.json");
    let plan = format!("tighten_plan={}", plan.display());
    let limit = ["--limit", "cp1"];
    let run = |state: &str, more: &[&str]| {
        let state = format!("tighten_state={state}");
        let ran = cluster.play(
            ansible,
            &[],
            &[&limit, ["-e", &state].as_slice(), more].concat(),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    let planned = run("planned", &["-e", &plan]);
    assert!(
        planned.out.contains("13 changes would be made; saved to"),
        "{planned:?}"
    );
    assert!(cluster.tree("cp1") == before);
    run("present", &["-e", &plan]);
    assert!(cluster.tree("cp1") != before);
    let scanned = run("scanned", &[]);
    assert!(scanned.out.contains("\"healthz-exposed\""), "{scanned:?}");
    run("rolled-back", &[]);
    assert!(cluster.tree("cp1") == before);
}

#[test]
fn handlers_restart_what_was_left_to_them_and_tell_the_rest() {
    let Some(ansible) = ansible() else { return };
    let cluster = Cluster::new();
    let bin = cluster.path().join("bin");
    make_directory(&bin);
    let log = cluster.path().join("systemctl.log");
    // It stands for systemd's: nothing of this machine is restarted.
    let text = format!(
        "#!/bin/sh\necho \"$@\" >>{}\ncase $1 in show) echo LoadState=loaded; echo ActiveState=active ;; esac\n",
        log.display()
    );
    script(&bin.join("systemctl"), &text);
    let playbook = cluster.path().join("handlers.yml");
    let text = r#"
- hosts: w1
  gather_facts: false
  vars:
    tighten_result:
      effects:
        - {kind: daemon-reload, target: systemd, outcome: left-to-you, detail: its unit changes}
        - {kind: restart, target: kube-proxy.service, outcome: left-to-you, detail: its unit changes}
        - {kind: restart, target: static pod /etc/kubernetes/manifests/kube-apiserver.yaml, outcome: left-to-you, detail: its manifest changes}
        - {kind: restart, target: done.service, outcome: healthy, detail: well}
  tasks:
    - ansible.builtin.debug: {msg: as after an apply}
      changed_when: true
      notify: Tighten effects
  handlers:
    - ansible.builtin.import_tasks: HANDLERS
"#;
    let handlers = ansible.collection().join("roles/tighten/handlers/main.yml");
    let text = text.replace("HANDLERS", handlers.to_str().unwrap());
    fs::write(&playbook, text).unwrap();
    let python = ansible.venv.join("bin/python");
    let inventory = format!(
        "w1 ansible_connection=local ansible_python_interpreter={}\n",
        python.display()
    );
    let hosts = cluster.path().join("inventory.ini");
    fs::write(&hosts, inventory).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    // A variable of the command line is a text.
    for given in [r#"{"tighten_effects": false}"#, "tighten_effects=no"] {
        let _ = fs::remove_file(&log);
        let ran: Ran = ansible
            .command("ansible-playbook")
            .env("PATH", format!("{}:{path}", bin.display()))
            .arg("-i")
            .arg(&hosts)
            .arg(&playbook)
            .args(["-e", given])
            .output()
            .unwrap()
            .into();
        assert_eq!(ran.code, 0, "{ran:?}");
        let called = fs::read_to_string(&log).unwrap();
        let changing: Vec<&str> = called
            .lines()
            .filter(|line| {
                !line.starts_with("show") && !line.starts_with("is-") && !line.starts_with("list-")
            })
            .collect();
        assert_eq!(
            changing,
            ["daemon-reload", "restart kube-proxy.service"],
            "{called}"
        );
        let by_hand = "restart static pod /etc/kubernetes/manifests/kube-apiserver.yaml: its manifest changes";
        assert!(ran.out.contains(by_hand), "{ran:?}");
    }
}
