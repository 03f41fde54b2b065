//! What the baseline kube-proxy-workload says of who else is in kube-proxy's pod, and of pods that are there already.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::Node;
use support::pods::{ADDON, HARDENED, daemon_set, left, run, scanned};

#[test]
fn a_word_alone_makes_no_container_one_that_only_prepares_the_node() {
    let check = "workload-privileged";
    let with = |command: &Value, policy: Option<&str>| {
        daemon_set(HARDENED, |pod| {
            let init = &mut pod["initContainers"][0];
            init["command"] = command.clone();
            if let Some(policy) = policy {
                init["restartPolicy"] = json!(policy);
            }
        })
    };
    for command in [
        json!(["/bin/sh", "-c", "nsenter -t1 -m sh", "--init-only"]),
        json!(["/bin/sh", "-c", "nsenter -t1 -m sh; kube-proxy --init-only"]),
        json!(["/bin/evil", "--init-only"]),
        json!(["/bin/evil", "/usr/bin/kube-proxy", "--init-only"]),
        json!(["kube-proxy", "--init-only", "--init-only=false"]),
        json!(["kube-proxy", "--", "--init-only"]),
    ] {
        let told = "container kube-proxy-init: privileged: true";
        scanned(&with(&command, None), check, 2, told);
    }
    let plain = json!(["kube-proxy", "--init-only"]);
    scanned(&with(&plain, Some("Always")), check, 2, "privileged: true");
    for command in [
        plain,
        json!([
            "/usr/bin/kube-proxy",
            "--init-only=false",
            "--init-only=True"
        ]),
        json!(["/go-runner", "--", "/usr/bin/kube-proxy", "--init-only"]),
        json!(["sh", "-c", "exec kube-proxy --init-only 2>&1"]),
    ] {
        scanned(&with(&command, None), check, 0, "1 passed");
    }
    // The pod is not divided yet, whoever has the word.
    let echo = daemon_set(ADDON, |pod| {
        let command = json!(["busybox", "echo", "--init-only"]);
        pod["initContainers"] = json!([{"name": "a", "image": "b", "command": command}]);
    });
    let node = Node::empty();
    let ran = run(&node, &echo, check, &["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(node.read("/m/kube-proxy.json").contains("kube-proxy-init"));
}

#[test]
fn who_else_is_in_the_pod_is_judged_as_well() {
    let volume = |path: &str| json!({"name": "more", "hostPath": {"path": path}});
    let mount = |only: bool| json!([{"name": "more", "mountPath": "/more", "readOnly": only}]);
    let capable =
        json!({"securityContext": {"capabilities": {"add": ["NET_ADMIN", "CAP_SYS_ADMIN"]}}});
    let unfiltered = json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}});
    let writes = json!({"volumeMounts": mount(false)});
    let reads = json!({"volumeMounts": mount(true)});
    let privileged = json!({"securityContext": {"privileged": true}});
    for (list, more, path, check, told) in [
        (
            "containers",
            &capable,
            "/opt",
            "workload-privileged",
            "capabilities.add: CAP_SYS_ADMIN",
        ),
        (
            "ephemeralContainers",
            &privileged,
            "/opt",
            "workload-privileged",
            "privileged: true",
        ),
        (
            "initContainers",
            &unfiltered,
            "/opt",
            "workload-seccomp",
            "seccompProfile: Unconfined",
        ),
        (
            "initContainers",
            &writes,
            "/opt",
            "workload-host-paths",
            "/opt of the node can be written",
        ),
        (
            "containers",
            &reads,
            "/",
            "workload-host-paths",
            "/ of the node can be reached",
        ),
    ] {
        let object = daemon_set(HARDENED, |pod| {
            let mut one = more.clone();
            one["name"] = json!("sidecar");
            if pod[list].is_null() {
                pod[list] = json!([]);
            }
            pod[list].as_array_mut().unwrap().push(one);
            pod["volumes"].as_array_mut().unwrap().push(volume(path));
        });
        scanned(&object, check, 2, &format!("container sidecar: {told}"));
        left(
            &object,
            check,
            "what its container sidecar needs is not known here",
        );
    }
}

#[test]
fn what_prepares_the_node_mounts_no_more_of_it_than_kube_proxy() {
    let with = |path: &str| {
        daemon_set(HARDENED, |pod| {
            let volume = json!({"name": "more", "hostPath": {"path": path}});
            pod["volumes"].as_array_mut().unwrap().push(volume);
            let mounts = &mut pod["initContainers"][0]["volumeMounts"];
            let mount = json!({"name": "more", "mountPath": "/more"});
            mounts.as_array_mut().unwrap().push(mount);
        })
    };
    let check = "workload-host-paths";
    let told = "container kube-proxy-init: / of the node can be written";
    scanned(&with("/"), check, 2, told);
    scanned(&with("/lib/modules"), check, 0, "1 passed");
}

#[test]
fn a_mount_that_is_read_only_still_leads_to_sockets() {
    let with = |host: Value| {
        daemon_set(HARDENED, |pod| {
            let volume = json!({"name": "more", "hostPath": host.clone()});
            pod["volumes"].as_array_mut().unwrap().push(volume);
            let mount = json!({"name": "more", "mountPath": "/more", "readOnly": true});
            let mounts = &mut pod["containers"][0]["volumeMounts"];
            mounts.as_array_mut().unwrap().push(mount);
        })
    };
    let check = "workload-host-paths";
    for path in [
        "/",
        "/proc/",
        "/var/run",
        "//run/./containerd",
        "/run/containerd/containerd.sock",
    ] {
        let object = with(json!({"path": path}));
        scanned(&object, check, 2, "a socket takes commands");
        left(&object, check, "readOnly keeps no program from a socket");
    }
    let told = "/opt/agent of the node can be reached";
    scanned(
        &with(json!({"path": "/opt/agent", "type": "Socket"})),
        check,
        2,
        told,
    );
    scanned(
        &with(json!({"path": "/etc/ssl/certs"})),
        check,
        0,
        "1 passed",
    );
}

#[test]
fn a_pod_that_is_there_is_left_to_who_made_it() {
    let template = daemon_set(ADDON, |_| {});
    let spec = &template["spec"]["template"]["spec"];
    for (metadata, told) in [
        (
            json!({"ownerReferences": [{"kind": "DaemonSet"}]}),
            "its controller made this pod",
        ),
        (
            json!({"uid": "1"}),
            "nothing of this can be changed in a pod that is there",
        ),
    ] {
        let mut pod =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        pod["metadata"]["name"] = json!("kube-proxy-x");
        left(&pod, "workload-privileged", told);
    }
}
