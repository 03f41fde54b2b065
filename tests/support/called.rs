//! The binary called as Ansible calls it: with a file of arguments.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Node, Ran, tighten};

/// What Ansible says beside a task's own options.
pub fn own_keys(check_mode: bool) -> Value {
    json!({
        "_ansible_check_mode": check_mode,
        "_ansible_debug": false,
        "_ansible_diff": true,
        "_ansible_ignore_unknown_opts": false,
        "_ansible_keep_remote_files": false,
        "_ansible_module_name": "tighten.kube_proxy.__binaries.tighten_amd64",
        "_ansible_no_log": false,
        "_ansible_remote_tmp": "~/.ansible/tmp",
        "_ansible_selinux_special_fs": ["fuse", "nfs"],
        "_ansible_shell_executable": "/bin/sh",
        "_ansible_socket": null,
        "_ansible_syslog_facility": "LOG_USER",
        "_ansible_target_log_info": null,
        "_ansible_tmpdir": "/tmp/ansible-tmp",
        "_ansible_tracebacks_for": [],
        "_ansible_verbosity": 0,
        "_ansible_version": "2.19.14",
    })
}

/// A file of arguments beside the node.
pub fn arguments(node: &Node, options: &Value, check_mode: bool) -> PathBuf {
    let mut all = own_keys(check_mode);
    let fields = all.as_object_mut().unwrap();
    fields.insert("root".into(), json!(node.root()));
    fields.insert("state_dir".into(), json!(node.state()));
    fields.extend(options.as_object().unwrap().clone());
    // A null takes an option away again.
    fields.retain(|_, value| !value.is_null());
    let file = node.outside().join("args");
    std::fs::write(&file, all.to_string()).unwrap();
    file
}

/// The command that Ansible runs.
pub fn command(node: &Node, options: &Value, check_mode: bool) -> Command {
    let mut command = tighten();
    command.arg(arguments(node, options, check_mode));
    command
}

/// Calls, and demands one document on stdout and nothing beside it.
pub fn call(node: &Node, options: &Value, check_mode: bool) -> Value {
    let ran: Ran = command(node, options, check_mode).output().unwrap().into();
    reply(&ran)
}

/// The reply, with what every reply has.
pub fn reply(ran: &Ran) -> Value {
    assert_eq!(ran.err, "", "{ran:?}");
    let reply: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    assert!(reply["changed"].is_boolean(), "{reply:#}");
    assert!(reply["msg"].is_string(), "{reply:#}");
    assert!(reply["rc"].is_number(), "{reply:#}");
    let failed = reply["failed"].as_bool().unwrap();
    assert_eq!(ran.code, i32::from(failed), "{ran:?}");
    reply
}

/// Calls under strace with a fault put into a call; `None` where there is no strace.
pub fn injected(node: &Node, options: &Value, check_mode: bool, faults: &[&str]) -> Option<Ran> {
    if !super::traced::can_trace() {
        return None;
    }
    let plain = command(node, options, check_mode);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null"]);
    for fault in faults {
        strace.args(["-e", &format!("inject={fault}")]);
    }
    strace.arg(plain.get_program()).args(plain.get_args());
    strace.env_remove("LD_LIBRARY_PATH").stdin(Stdio::null());
    Some(strace.output().unwrap().into())
}
