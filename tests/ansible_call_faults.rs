//! The binary as a module of Ansible, when something fails, and called with what is no call.

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
use support::called::{call, command, injected, own_keys, reply};
use support::exact::leftovers;
use support::{Node, Ran, tighten};

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";

fn message(reply: &Value) -> &str {
    assert_eq!(reply["failed"], true, "{reply:#}");
    reply["msg"].as_str().unwrap()
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
