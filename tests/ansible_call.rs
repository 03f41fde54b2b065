//! The binary as a module of Ansible, called as Ansible calls it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};
use support::called::{arguments, call, command, injected, own_keys, reply};
use support::exact::{exact, leftovers};
use support::{Node, Ran, tighten};

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";

fn checks(findings: &Value) -> Vec<&str> {
    let findings = findings.as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["check"].as_str().unwrap())
        .collect()
}

fn message(reply: &Value) -> &str {
    assert_eq!(reply["failed"], true, "{reply:#}");
    reply["msg"].as_str().unwrap()
}

#[test]
fn a_call_in_check_mode_tells_the_plan_and_leaves_no_trace() {
    let node = Node::demo();
    arguments(&node, &json!({}), true);
    let before = exact(node.outside());
    let reply = call(&node, &json!({}), true);
    let mut after = exact(node.outside());
    // Written again by this test.
    after.insert("/args".into(), before["/args"].clone());
    assert!(after == before, "something was written");
    let (_, plan) = node.json(&["plan"]);
    let planned = plan["changes"].as_array().unwrap();
    assert_eq!(reply["changed"], true);
    assert_eq!(reply["msg"], "13 changes would be made");
    assert_eq!(reply["transaction"], Value::Null);
    let changes = reply["changes"].as_array().unwrap();
    for (change, planned) in changes.iter().zip(planned) {
        for key in ["id", "check", "path", "action", "risk", "summary"] {
            assert_eq!(change[key], planned[key]);
        }
        assert_eq!(change["outcome"], "planned");
    }
    assert_eq!(changes.len(), planned.len());
    assert_eq!(reply["manual"], plan["manual"]);
    assert_eq!(reply["effects"][0]["outcome"], "planned");
}

#[test]
fn the_diff_holds_every_line_of_the_plan() {
    let node = Node::demo();
    let reply = call(&node, &json!({}), true);
    let (_, plan) = node.json(&["plan"]);
    let lines = |key: &str| -> Vec<String> {
        let entries = reply["diff"].as_array().unwrap();
        let texts = entries.iter().map(|entry| entry[key].as_str().unwrap());
        texts.flat_map(str::lines).map(String::from).collect()
    };
    let (before, after) = (lines("before"), lines("after"));
    for change in plan["changes"].as_array().unwrap() {
        for line in change["diff"].as_str().unwrap().lines() {
            if line.starts_with("@@") {
                continue;
            }
            let text = line.get(1..).unwrap_or_default().to_string();
            assert!(before.contains(&text) || line.starts_with('+'), "{line}");
            assert!(after.contains(&text) || line.starts_with('-'), "{line}");
        }
    }
    assert_eq!(
        reply["diff"][0],
        json!({
            "before": "mode: 0644\n",
            "after": "mode: 0600\n",
            "before_header": format!("{KUBECONFIG} (proxy-kubeconfig-mode)"),
            "after_header": format!("{KUBECONFIG} (proxy-kubeconfig-mode)"),
        })
    );
    assert_eq!(reply["diff"][1]["before"], "owner: admin:admin\n");
    assert_eq!(reply["diff"][1]["after"], "owner: root:root\n");
    let edit = &reply["diff"][4];
    assert_eq!(
        edit["before_header"],
        format!("{CONFIG}, line 4 (bind-address-wildcard)")
    );
}

#[test]
fn an_apply_does_what_was_told_and_a_second_one_has_nothing_to_do() {
    let node = Node::demo();
    let told = call(&node, &json!({}), true);
    let done = call(&node, &json!({}), false);
    assert_eq!(done["changed"], true);
    assert_eq!(done["diff"], told["diff"]);
    let (_, history) = node.json(&["history"]);
    assert_eq!(done["transaction"], history["transactions"][0]["id"]);
    let id = done["transaction"].as_str().unwrap();
    assert_eq!(done["msg"], format!("13 changes in transaction {id}"));
    assert!(
        done["effects"]
            .as_array()
            .unwrap()
            .iter()
            .all(|effect| effect["outcome"] == "left-to-you"),
        "nothing of this machine is restarted for a tree: {done:#}"
    );
    assert_eq!(
        checks(&done["findings"]),
        [
            "healthz-exposed",
            "node-ports-on-all-addresses",
            "localhost-node-ports"
        ]
    );
    let after = exact(&node.root());
    for check_mode in [true, false] {
        let again = call(&node, &json!({}), check_mode);
        assert_eq!(again["changed"], false);
        assert_eq!(again["msg"], "nothing to do");
        assert_eq!(again["diff"], json!([]));
    }
    assert!(exact(&node.root()) == after);
    assert_eq!(node.run(&["verify"]).code, 0);
}

#[test]
fn options_reach_the_command() {
    let node = Node::demo();
    let only = call(
        &node,
        &json!({"only": "proxy-kubeconfig-mode, proxy-kubeconfig-owner"}),
        true,
    );
    assert_eq!(only["msg"], "2 changes would be made");
    let skip = json!({"skip": ["bind-address-wildcard"], "node_ip": "10.0.0.11"});
    let skip = call(&node, &skip, true);
    assert!(
        skip["changes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["check"] != "bind-address-wildcard")
    );
    let safe = call(&node, &json!({"max_risk": "safe"}), true);
    assert!(
        safe["changes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["risk"] == "safe")
    );
    assert_eq!(safe["invocation"]["module_args"]["max_risk"], "safe");
    assert_eq!(safe["invocation"]["module_args"]["effects"], true);
    let timeouts = json!({"unit_timeout": 90, "pod_timeout": "10m", "effects": "no", "systemctl": "/bin/true"});
    assert_eq!(call(&node, &timeouts, true)["failed"], false);
    let other = json!({"baseline": ["kube-proxy", "/nowhere/own.yaml"]});
    assert!(message(&call(&node, &other, true)).contains("/nowhere/own.yaml"));
    let none = json!({"only": "no-such-check"});
    assert!(message(&call(&node, &none, true)).starts_with("no check is called \"no-such-check\""));
}

#[test]
fn wrong_options_are_told_as_ansible_tells_them() {
    let node = Node::demo();
    let before = exact(&node.root());
    let supported = "baseline, config, effects, fail_on, force, kubeconfig, max_risk, node_ip, only, plan, pod_timeout, root, skip, state, state_dir, systemctl, transaction, unit_timeout, waivers";
    let cases = [
        (
            json!({"rooot": "/"}),
            format!(
                "Unsupported parameters for (tighten.kube_proxy.tighten) module: rooot. Supported parameters include: {supported}."
            ),
        ),
        (
            json!({"state": "absent"}),
            "value of state must be one of: present, planned, scanned, rolled-back, got: absent"
                .into(),
        ),
        (
            json!({"effects": "maybe"}),
            "argument 'effects' is of type str and we were unable to convert to bool: The value 'maybe' is not a valid boolean. Valid booleans include: yes, no, true, false, on, off, 1, 0"
                .into(),
        ),
        (
            json!({"only": {"a": 1}}),
            "argument 'only' is of type dict and we were unable to convert to list: <class 'dict'> cannot be converted to a list"
                .into(),
        ),
        (
            json!({"root": ""}),
            "root is empty; leave it out where it does not apply (omit)".into(),
        ),
        (
            json!({"root": "node"}),
            "root: node is not an absolute path".into(),
        ),
        (
            json!({"node_ip": "127.0.0.1"}),
            "node_ip: 127.0.0.1: loopback, wildcard, link-local and multicast addresses cannot be a node's InternalIP"
                .into(),
        ),
        (
            json!({"unit_timeout": "soon"}),
            "unit_timeout: soon is not a time such as 90s or 5m".into(),
        ),
        (
            json!({"plan": "/p", "state": "scanned"}),
            "plan is for state present and planned only, and state is scanned".into(),
        ),
        (
            json!({"force": true}),
            "force is for state rolled-back only, and state is present".into(),
        ),
    ];
    for (options, expected) in cases {
        let reply = call(&node, &options, false);
        assert_eq!(message(&reply), expected);
        assert_eq!(reply["rc"], 64);
        assert_eq!(reply["changed"], false);
    }
    assert!(exact(&node.root()) == before);
    assert!(!node.state().exists());
    // As with AnsibleModule, where whoever calls knows that it asks for more than there is.
    let ignored = json!({"rooot": "/", "_ansible_ignore_unknown_opts": true});
    assert_eq!(call(&node, &ignored, true)["failed"], false);
}

#[test]
fn what_stands_beside_a_saved_plan_is_refused() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    let planned = call(&node, &json!({"state": "planned", "plan": plan}), false);
    assert_eq!(planned["changed"], true);
    assert_eq!(
        planned["msg"],
        format!("13 changes would be made; saved to {}", plan.display())
    );
    // The same plan once more is no change.
    let again = call(&node, &json!({"state": "planned", "plan": plan}), false);
    assert_eq!(again["changed"], false);
    let beside = json!({"plan": plan, "only": ["metrics-exposed"]});
    assert_eq!(
        message(&call(&node, &beside, true)),
        "--only cannot stand beside a saved plan, which is applied exactly or not at all; help: make another plan with it: tighten plan --out FILE"
            .replace(
                "tighten plan",
                &format!(
                    "tighten --root {} --state-dir {} plan",
                    node.root().display(),
                    node.state().display()
                )
            )
    );
}

#[test]
fn a_saved_plan_is_applied_exactly_or_not_at_all() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    call(
        &node,
        &json!({"state": "planned", "plan": plan, "max_risk": "safe"}),
        false,
    );
    let told = call(&node, &json!({"plan": plan}), true);
    assert_eq!(told["changed"], true);
    node.chmod(CONFIG, 0o600);
    let before = exact(&node.root());
    for check_mode in [true, false] {
        let stale = call(&node, &json!({"plan": plan}), check_mode);
        assert!(
            message(&stale).starts_with(&format!(
                "the plan is stale: {CONFIG}: its mode was 0664 and is 0600 (nothing was written); help: "
            )),
            "{stale:#}"
        );
        assert_eq!(stale["rc"], 1);
        assert_eq!(stale["changed"], false);
    }
    assert!(exact(&node.root()) == before);
    node.chmod(CONFIG, 0o664);
    let done = call(&node, &json!({"plan": plan}), false);
    assert_eq!(done["diff"], told["diff"]);
    assert_eq!(done["changed"], true);
}

#[test]
fn a_plan_in_check_mode_is_not_saved() {
    let node = Node::demo();
    let plan = node.outside().join("plan.json");
    let told = call(&node, &json!({"state": "planned", "plan": plan}), true);
    assert_eq!(told["changed"], false);
    assert_eq!(told["msg"], "13 changes would be made");
    assert!(!plan.exists());
}

#[test]
fn a_scan_tells_the_findings_and_fails_where_it_is_asked_to() {
    let node = Node::demo();
    let before = exact(&node.root());
    let scan = call(&node, &json!({"state": "scanned"}), false);
    assert_eq!((&scan["changed"], &scan["rc"]), (&json!(false), &json!(0)));
    let (_, document) = node.json(&["scan"]);
    assert_eq!(scan["summary"], document["summary"]);
    let remain: Vec<&Value> = document["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|verdict| verdict["verdict"] == "fail" || verdict["verdict"] == "unknown")
        .collect();
    assert_eq!(scan["findings"], json!(remain));
    assert_eq!(scan["kube_proxy"]["found"], true);
    let failed = call(&node, &json!({"state": "scanned", "fail_on": "high"}), true);
    assert!(message(&failed).ends_with("; findings of severity high or above remain"));
    assert_eq!(failed["rc"], 2);
    assert_eq!(failed["findings"], scan["findings"]);
    assert!(exact(&node.root()) == before);
    assert!(!node.state().exists());
}

#[test]
fn the_newest_apply_is_taken_back_once_and_never_brought_back() {
    let node = Node::demo();
    let nothing = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(
        (&nothing["changed"], &nothing["failed"]),
        (&json!(false), &json!(false))
    );
    assert!(!node.state().exists());
    let before = exact(&node.root());
    let applied = call(&node, &json!({}), false);
    let after = exact(&node.root());
    let told = call(&node, &json!({"state": "rolled-back"}), true);
    assert_eq!(told["msg"], "13 changes would be taken back");
    assert_eq!(told["changed"], true);
    assert!(exact(&node.root()) == after);
    let taken = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(taken["changed"], true);
    assert_eq!(taken["rollback_of"], applied["transaction"]);
    assert_eq!(taken["diff"], told["diff"]);
    assert!(exact(&node.root()) == before);
    for check_mode in [true, false] {
        let again = call(&node, &json!({"state": "rolled-back"}), check_mode);
        assert_eq!(
            (&again["changed"], &again["failed"]),
            (&json!(false), &json!(false))
        );
        let named = json!({"state": "rolled-back", "transaction": applied["transaction"]});
        let named = call(&node, &named, check_mode);
        assert_eq!(
            (&named["changed"], &named["failed"]),
            (&json!(false), &json!(false))
        );
    }
    assert!(exact(&node.root()) == before);
}

#[test]
fn an_older_apply_is_taken_back_only_by_its_name() {
    let node = Node::demo();
    let first = call(&node, &json!({"only": ["proxy-kubeconfig-mode"]}), false);
    let second = call(&node, &json!({"only": ["proxy-config-mode"]}), false);
    let taken = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(taken["rollback_of"], second["transaction"]);
    let again = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(again["changed"], false);
    assert_eq!(node.mode(KUBECONFIG), 0o600);
    let named = json!({"state": "rolled-back", "transaction": first["transaction"]});
    assert_eq!(call(&node, &named, false)["changed"], true);
    assert_eq!(node.mode(KUBECONFIG), 0o644);
    let unknown = json!({"state": "rolled-back", "transaction": "19990101"});
    assert!(message(&call(&node, &unknown, false)).contains("19990101"));
}

#[test]
fn a_file_that_changed_since_is_overwritten_only_by_force() {
    let node = Node::demo();
    call(&node, &json!({}), false);
    node.chmod(CONFIG, 0o640);
    let refused = call(&node, &json!({"state": "rolled-back"}), false);
    assert!(message(&refused).contains(CONFIG), "{refused:#}");
    assert_eq!(
        (&refused["rc"], &refused["changed"]),
        (&json!(1), &json!(false))
    );
    let forced = call(
        &node,
        &json!({"state": "rolled-back", "force": "yes"}),
        false,
    );
    assert_eq!(forced["changed"], true);
    assert_eq!(node.mode(CONFIG), 0o664);
}

#[test]
fn a_failed_apply_is_put_back_and_says_so() {
    let node = Node::demo();
    let before = node.snapshot();
    let Some(ran) = injected(&node, &json!({}), false, &["renameat:error=EIO:when=1"]) else {
        return;
    };
    let reply = reply(&ran);
    assert!(
        message(&reply)
            .contains("Input/output error (os error 5) (everything was put back); help: "),
        "{reply:#}"
    );
    assert_eq!(
        (&reply["rc"], &reply["changed"]),
        (&json!(3), &json!(false))
    );
    assert!(node.snapshot() == before);
}

#[test]
fn a_command_that_is_killed_is_told_and_the_next_call_settles_it() {
    let node = Node::demo();
    let Some(ran) = injected(&node, &json!({}), false, &["renameat:signal=KILL:when=2"]) else {
        return;
    };
    let killed = reply(&ran);
    assert_eq!(
        message(&killed),
        "tighten was ended by SIGKILL in the middle (files may be half changed until that is settled); help: run the task again, which first settles what was cut off, or tighten recover on the node"
    );
    assert_eq!(
        (&killed["rc"], &killed["changed"]),
        (&json!(4), &json!(true))
    );
    // Check mode looks and settles nothing.
    let told = call(&node, &json!({}), true);
    let warning = told["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("is not settled, so files may be half changed; help: tighten"),
        "{warning}"
    );
    let done = call(&node, &json!({}), false);
    assert_eq!(
        (&done["changed"], &done["failed"]),
        (&json!(true), &json!(false))
    );
    let warning = done["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("Recovered: transaction "), "{warning}");
    assert_eq!(leftovers(&node.root()), Vec::<String>::new());
    assert_eq!(node.run(&["verify"]).code, 0);
}

#[test]
fn a_signal_reaches_the_command_and_its_answer_comes_out() {
    let node = Node::demo();
    let before = node.snapshot();
    if !support::traced::can_trace() {
        return;
    }
    // The command is held in the middle of its transaction while the call that waits for it is stopped.
    let plain = command(&node, &json!({}), false);
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "-e", "trace=renameat"]);
    strace.args(["-e", "inject=renameat:delay_enter=3s:when=1"]);
    strace.arg(plain.get_program()).args(plain.get_args());
    strace.env_remove("LD_LIBRARY_PATH");
    strace.stdout(std::process::Stdio::piped());
    strace.stderr(std::process::Stdio::piped());
    let child = strace.spawn().unwrap();
    let arguments = node.outside().join("args");
    let called = (0..500).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let begun = node.state().exists();
        begun.then(|| process_of(&arguments, i32::try_from(child.id()).unwrap()))?
    });
    let pid = nix::unistd::Pid::from_raw(called.expect("the call is there"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    let reply = reply(&ran);
    assert!(
        message(&reply).starts_with("stopped by SIGTERM"),
        "{reply:#}"
    );
    assert!(node.snapshot() == before);
}

/// The process that was called with these arguments, other than the tracer.
fn process_of(arguments: &Path, tracer: i32) -> Option<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.find(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.pop();
        *pid != tracer && words.len() == 2 && words[1] == arguments.as_os_str().as_bytes()
    })
}

#[test]
fn a_lock_that_is_held_is_told() {
    let node = Node::demo();
    call(&node, &json!({"only": ["proxy-config-mode"]}), false);
    let lock = walkdir::WalkDir::new(node.state())
        .into_iter()
        .flatten()
        .find(|entry| entry.file_name() == "lock")
        .unwrap();
    let file = fs::File::options().write(true).open(lock.path()).unwrap();
    let _held = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let reply = call(&node, &json!({}), false);
    assert!(message(&reply).contains("nothing was written"), "{reply:#}");
    assert_eq!(
        (&reply["rc"], &reply["changed"]),
        (&json!(1), &json!(false))
    );
}

#[test]
fn a_secret_is_in_no_reply() {
    let node = Node::demo();
    let kubeconfig = node.read(KUBECONFIG);
    let with_secrets = kubeconfig.replace(
        "    server: ",
        "    insecure-skip-tls-verify: true\n    server: ",
    ) + "# token: geheim-alt\n";
    let at = with_secrets.find("    client-certificate").unwrap();
    let (head, rest) = with_secrets.split_at(at);
    node.write(KUBECONFIG, format!("{head}    token: geheim-neu\n{rest}"));
    let key = node.read("/var/lib/kube-proxy/kube-proxy.key");
    let body = key.lines().nth(1).unwrap().to_string();
    for (options, check_mode) in [
        (json!({"state": "scanned"}), false),
        (json!({}), true),
        (json!({}), false),
        (json!({"state": "rolled-back"}), true),
        (json!({"state": "rolled-back"}), false),
        // The file in the place of its path.
        (json!({"kubeconfig": node.read(KUBECONFIG)}), true),
        (json!({"state": node.read(KUBECONFIG)}), true),
    ] {
        let ran: Ran = command(&node, &options, check_mode)
            .output()
            .unwrap()
            .into();
        reply(&ran);
        for secret in ["geheim", body.as_str()] {
            assert!(!ran.out.contains(secret), "{options}: {}", ran.out);
        }
    }
}

#[test]
fn nothing_that_can_be_typed_is_taken_for_a_call() {
    let node = Node::demo();
    let here = node.outside().join("here");
    fs::create_dir(&here).unwrap();
    let call = own_keys(true).to_string();
    // A file that is called like a command, in the working directory.
    for name in ["scan", "plan", "--help"] {
        fs::write(here.join(name), &call).unwrap();
        let ran: Ran = tighten()
            .current_dir(&here)
            .arg(name)
            .output()
            .unwrap()
            .into();
        assert!(!ran.out.starts_with('{'), "{ran:?}");
    }
    let file = |name: &str, text: &[u8]| {
        let path = here.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let good = file("args", call.as_bytes());
    // Another argument beside it is a command line.
    let ran: Ran = tighten()
        .arg(&good)
        .arg("--root=/")
        .output()
        .unwrap()
        .into();
    assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{ran:?}");
    let deep = "[".repeat(200_000);
    let large = vec![b' '; (1 << 20) + 1];
    for (path, why) in [
        (file("text", b"root: /"), "it holds no JSON"),
        (
            file("cut", b"{\"_ansible_check_mode\": tr"),
            "it holds no JSON",
        ),
        (file("bytes", b"\x7fELF\0\xff\xfe"), "it holds no JSON"),
        (file("deep", deep.as_bytes()), "it holds no JSON"),
        (file("list", b"[1]"), "it holds no JSON object"),
        (
            file("plain", b"{\"root\": \"/\"}"),
            "its JSON has none of Ansible's own keys (_ansible_...)",
        ),
        (file("large", &large), "it is larger than 1 MiB"),
        (here.clone(), "it is no regular file"),
        ("/dev/zero".into(), "it is no regular file"),
        (here.join("none"), "No such file or directory (os error 2)"),
    ] {
        let ran: Ran = tighten().arg(&path).output().unwrap().into();
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{ran:?}");
        assert_eq!(
            ran.err,
            format!(
                "error: {} is neither a command nor a file of arguments from Ansible: {why}\nhelp: tighten --help lists the commands\n",
                path.display()
            )
        );
    }
    let pipe = here.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let ran: Ran = tighten().arg(&pipe).output().unwrap().into();
    assert!(ran.err.contains("it is no regular file"), "{ran:?}");
}

#[test]
fn a_call_that_does_not_say_whether_it_may_write_is_refused() {
    let node = Node::demo();
    for wrong in [Value::Null, json!("no"), json!(0)] {
        let options = json!({"_ansible_check_mode": wrong});
        let reply = call(&node, &options, false);
        assert!(message(&reply).contains("_ansible_check_mode"), "{reply:#}");
        assert_eq!(reply["changed"], false);
        assert!(!node.state().exists());
    }
}
