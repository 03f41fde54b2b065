//! A saved plan that does not fit any more, or was tampered with, is refused and nothing changes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use serde_json::{Value, json};
use support::{Node, Ran};

const CONFIG: &str = "/var/lib/kube-proxy/kube-proxy-config.yaml";
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";
const KEY: &str = "/var/lib/kube-proxy/kube-proxy.key";
const UNIT: &str = "/etc/systemd/system/kube-proxy.service";

fn planned() -> (Node, String) {
    let node = Node::demo();
    let path = node
        .outside()
        .join("plan.json")
        .to_str()
        .unwrap()
        .to_string();
    assert_eq!(node.run(&["plan", "--out", &path]).code, 0);
    (node, path)
}

/// Applies the plan and expects that it is refused and that nothing changed.
fn refused(node: &Node, plan: &str, what: &str) -> Ran {
    let before = node.snapshot();
    let ran = node.run(&["apply", "--yes", plan]);
    assert_eq!(ran.code, 1, "{what}: {ran:?}");
    assert!(node.snapshot() == before, "{what}: the tree changed");
    assert!(ran.err.contains("nothing was written"), "{what}: {ran:?}");
    ran
}

#[test]
fn a_node_that_changed_since_makes_the_plan_stale() {
    type Change = fn(&Node);
    let changes: [(&str, &str, &str, Change); 13] = [
        ("content", CONFIG, "content", |node| {
            fs::write(node.path(CONFIG), node.read(CONFIG) + "# more\n").unwrap();
        }),
        (
            "content that is not changed by the plan",
            UNIT,
            "content",
            |node| {
                fs::write(node.path(UNIT), node.read(UNIT) + "# more\n").unwrap();
            },
        ),
        ("mode", KUBECONFIG, "mode was 0644 and is 0640", |node| {
            node.chmod(KUBECONFIG, 0o640)
        }),
        (
            "mode, already mended",
            KEY,
            "mode was 0640 and is 0600",
            |node| node.chmod(KEY, 0o600),
        ),
        ("a wider mode", KEY, "mode was 0640 and is 0666", |node| {
            node.chmod(KEY, 0o666)
        }),
        ("a special bit", KEY, "mode was 0640 and is 4640", |node| {
            node.chmod(KEY, 0o4640)
        }),
        (
            "a directory's mode",
            "/var/lib/kube-proxy",
            "mode",
            |node| {
                node.chmod("/var/lib/kube-proxy", 0o777);
            },
        ),
        ("owner", KUBECONFIG, "owner", |node| {
            chown(node.path(KUBECONFIG), Some(7), None).unwrap();
        }),
        ("group", KEY, "owner", |node| {
            chown(node.path(KEY), None, Some(7)).unwrap();
        }),
        ("a file that is gone", KEY, "gone", |node| {
            fs::remove_file(node.path(KEY)).unwrap()
        }),
        (
            "a file that appeared",
            "/etc/kubernetes/audit-policy.yaml",
            "exists now",
            |node| {
                node.write(
                    "/etc/kubernetes/audit-policy.yaml",
                    "apiVersion: audit.k8s.io/v1\n",
                );
            },
        ),
        (
            "a drop-in that appeared",
            "/etc/systemd/system/kube-proxy.service.d/x.conf",
            "",
            |node| {
                node.write(
                    "/etc/systemd/system/kube-proxy.service.d/x.conf",
                    "[Service]\nNice=1\n",
                );
                node.chmod("/etc/systemd/system/kube-proxy.service.d/x.conf", 0o666);
            },
        ),
        ("a link in its place", KUBECONFIG, "", |node| {
            fs::rename(node.path(KUBECONFIG), node.path("/var/lib/kube-proxy/real")).unwrap();
            symlink("real", node.path(KUBECONFIG)).unwrap();
        }),
    ];
    for (what, path, said, change) in changes {
        let (node, plan) = planned();
        change(&node);
        let ran = refused(&node, &plan, what);
        assert!(ran.err.contains("stale"), "{what}: {ran:?}");
        assert!(
            ran.err.contains(path) && ran.err.contains(said),
            "{what}: {ran:?}"
        );
    }
}

#[test]
fn a_plan_of_another_machine_root_or_baseline_is_refused() {
    let (node, plan) = planned();
    node.write("/etc/machine-id", "00000000000000000000000000000000\n");
    let ran = refused(&node, &plan, "machine");
    assert!(ran.err.contains("another machine"), "{ran:?}");
    let other = Node::demo();
    let ran = refused(&other, &plan, "root");
    assert!(ran.err.contains("root"), "{ran:?}");
    let (node, plan) = planned();
    let own = node.outside().join("own.yaml");
    fs::write(&own, "name: own\ntitle: x\nchecks: []\n").unwrap();
    let ran: Ran = node
        .command()
        .args(["--baseline", own.to_str().unwrap(), "apply", "--yes", &plan])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, 1, "{ran:?}");
    for flag in [
        ["--only", "proxy-config-mode"],
        ["--node-ip", "10.0.0.11"],
        ["--config", CONFIG],
    ] {
        let before = node.snapshot();
        let ran = node.run(&[&flag[..], &["apply", "--yes", &plan]].concat());
        assert_eq!(ran.code, 64, "{ran:?}");
        assert!(node.snapshot() == before);
    }
}

fn edit(plan: &str, change: impl Fn(&mut Value)) {
    let mut document: Value = serde_json::from_slice(&fs::read(plan).unwrap()).unwrap();
    change(&mut document);
    fs::write(plan, document.to_string()).unwrap();
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 22] = [
        ("a mode", |plan| {
            plan["changes"][0]["after"]["mode"] = json!("0777")
        }),
        ("a mode that is none", |plan| {
            plan["changes"][0]["after"]["mode"] = json!("rwx")
        }),
        ("an owner", |plan| {
            plan["changes"][0]["after"]["uid"] = json!(4242)
        }),
        ("a path", |plan| {
            plan["changes"][0]["path"] = json!("/etc/passwd")
        }),
        ("a path that is relative", |plan| {
            plan["changes"][0]["path"] = json!("etc/passwd")
        }),
        ("an action", |plan| {
            plan["changes"][0]["action"] = json!("run")
        }),
        ("a field", |plan| plan["changes"][0]["run"] = json!("sh")),
        ("a field at the top", |plan| plan["run"] = json!("sh")),
        ("a field of the inputs", |plan| {
            plan["inputs"]["run"] = json!("sh")
        }),
        ("no changes", |plan| plan["changes"] = json!([])),
        ("one change less", |plan| {
            plan["changes"].as_array_mut().unwrap().remove(0);
        }),
        ("one change twice", |plan| {
            let first = plan["changes"][0].clone();
            plan["changes"].as_array_mut().unwrap().push(first);
        }),
        ("another order", |plan| {
            plan["changes"].as_array_mut().unwrap().reverse()
        }),
        ("a value", |plan| {
            for change in plan["changes"].as_array_mut().unwrap() {
                if change["action"] == "edit" {
                    change["edit"]["value"] = json!({"text": "0.0.0.0"});
                }
            }
        }),
        ("a diff", |plan| {
            plan["changes"][0]["diff"] = json!("harmless")
        }),
        ("a summary", |plan| {
            plan["changes"][0]["summary"] = json!("harmless")
        }),
        ("the figures", |plan| plan["summary"]["changes"] = json!(1)),
        ("the effects", |plan| plan["effects"] = json!([])),
        ("what is left to a person", |plan| {
            plan["manual"] = json!([])
        }),
        ("what was seen", |plan| plan["saw"] = json!([])),
        ("a newer schema", |plan| {
            plan["schema"] = json!("tighten.plan/v2")
        }),
        ("another document", |plan| {
            plan["schema"] = json!("tighten.scan/v1")
        }),
    ];
    for (what, change) in edits {
        let (node, plan) = planned();
        edit(&plan, change);
        let ran = refused(&node, &plan, what);
        assert!(!ran.err.contains("panicked"), "{what}: {ran:?}");
    }
}

#[test]
fn a_damaged_plan_is_refused_or_is_still_the_same_plan() {
    let (node, plan) = planned();
    let whole = fs::read(&plan).unwrap();
    for length in (0..whole.len() - 2).step_by(whole.len() / 40) {
        fs::write(&plan, &whole[..length]).unwrap();
        refused(&node, &plan, &format!("cut off at {length}"));
    }
    let twin = Node::demo();
    assert_eq!(twin.run(&["apply", "--yes"]).code, 0);
    let (before, after) = (node.snapshot(), twin.snapshot());
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 7);
        fs::write(&plan, &bytes).unwrap();
        let ran = node.run(&["apply", "--yes", &plan]);
        // What only describes the node to the reader may differ; what is done may not.
        match ran.code {
            1 => assert!(node.snapshot() == before, "bit at {at}: {ran:?}"),
            0 => {
                assert!(node.snapshot() == after, "bit at {at}: {ran:?}");
                assert_eq!(node.run(&["rollback", "--yes"]).code, 0);
                assert!(node.snapshot() == before, "bit at {at}");
            }
            _ => panic!("bit at {at}: {ran:?}"),
        }
    }
}

#[test]
fn a_plan_that_others_could_have_written_is_refused() {
    let (node, plan) = planned();
    let chmod = |mode| fs::set_permissions(&plan, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o602, 0o620, 0o666] {
        chmod(mode);
        refused(&node, &plan, "mode");
    }
    chmod(0o600);
    chown(&plan, Some(1000), None).unwrap();
    refused(&node, &plan, "owner");
    fs::remove_file(&plan).unwrap();
    refused(&node, &plan, "gone");
    fs::create_dir(&plan).unwrap();
    refused(&node, &plan, "directory");
    fs::remove_dir(&plan).unwrap();
    nix::unistd::mkfifo(Path::new(&plan), nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused(&node, &plan, "FIFO");
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "\"tighten.plan/v1\"",
        "{\"schema\": \"tighten.plan/v1\"}",
    ] {
        fs::remove_file(&plan).unwrap();
        fs::write(&plan, text).unwrap();
        refused(&node, &plan, text);
    }
    fs::write(&plan, "[".repeat(100_000)).unwrap();
    refused(&node, &plan, "deep");
    fs::write(&plan, vec![b' '; 50 << 20]).unwrap();
    refused(&node, &plan, "50 MB");
}
