//! What the baseline kube-proxy-workload says of pods that somebody has changed: of who else is in them, of how
//! they start kube-proxy, and of what is not to be divided.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::{Node, Ran};

const HARDENED: &str = include_str!("cases/_manifests/before/manifests/kube-proxy.yaml");
const ADDON: &str = include_str!("fixtures/kubeadm-1.36/kube-proxy-addon.yaml");

/// The DaemonSet among these documents, its pod changed.
fn daemon_set(text: &str, change: impl Fn(&mut Value)) -> Value {
    let documents = text.split("---\n").filter(|text| !text.trim().is_empty());
    let mut objects = documents.map(|text| serde_yaml::from_str::<Value>(text).unwrap());
    let mut object = objects
        .find(|object| object["kind"] == "DaemonSet")
        .unwrap();
    change(&mut object["spec"]["template"]["spec"]);
    object
}

fn run(node: &Node, object: &Value, check: &str, command: &[&str]) -> Ran {
    node.write("/m/kube-proxy.json", format!("{object:#}\n"));
    let workload = ["--baseline", "kube-proxy-workload", "--manifests", "/m"];
    node.run(&[&workload[..], &["--only", check], command].concat())
}

#[track_caller]
fn scanned(object: &Value, check: &str, code: i32, told: &str) {
    let ran = run(&Node::empty(), object, check, &["scan"]);
    assert_eq!(ran.code, code, "{told}: {ran:?}");
    assert!(ran.out.contains(told), "{told}: {}", ran.out);
}

#[track_caller]
fn left(object: &Value, check: &str, told: &str) {
    let ran = run(&Node::empty(), object, check, &["plan"]);
    assert!(ran.out.contains(told), "{told}: {}", ran.out);
    assert!(ran.out.contains("nothing to do for tighten"), "{}", ran.out);
}

#[test]
fn what_is_not_to_be_divided_for_sure_is_left_to_a_person() {
    let script = "exec kube-proxy --config=/var/lib/kube-proxy/config.conf";
    let init =
        json!([{"name": "init", "image": "kube-proxy", "command": ["kube-proxy", "--init-only"]}]);
    let own = "/containers/0/command";
    for (way, value, told) in [
        (
            own,
            json!(["sh", "-c", script]),
            "a shell starts it: divide it by hand",
        ),
        (
            own,
            json!(["/bin/bash", "-ec", script, "x"]),
            "a shell starts it: divide it by hand",
        ),
        (
            own,
            json!(["kube-proxy", "--v=2", "--"]),
            "-- ends its flags: divide it by hand",
        ),
        (
            "/initContainers",
            init,
            "its init container with --init-only is not privileged",
        ),
        (
            "/containers/0/volumeMounts/0/mountPropagation",
            json!("Bidirectional"),
            "mountPropagation: Bidirectional, which only a privileged container may have",
        ),
        (
            "/containers/0/image",
            json!("example.com/kube-proxy:2024.1.30"),
            "the image's tag tells no release",
        ),
    ] {
        let object = daemon_set(ADDON, |pod| {
            let (above, key) = way.rsplit_once('/').unwrap();
            pod.pointer_mut(above).unwrap()[key] = value.clone();
        });
        left(&object, "workload-privileged", told);
    }
    let in_args = daemon_set(ADDON, |pod| {
        pod["containers"][0]["command"] = json!(["/bin/sh", "-c"]);
        pod["containers"][0]["args"] = json!([script]);
    });
    left(
        &in_args,
        "workload-privileged",
        "a shell starts it: divide it by hand",
    );
}

#[test]
fn the_init_container_finds_its_files_and_runs_as_the_same_user() {
    let object = daemon_set(ADDON, |pod| {
        pod["securityContext"] = json!({"runAsUser": 1000, "runAsNonRoot": true});
        let own = &mut pod["containers"][0];
        own["workingDir"] = json!("/usr/local/bin");
        own["command"] = json!(["./kube-proxy", "--v=2"]);
        own["securityContext"]["runAsUser"] = json!(0);
        own["securityContext"]["runAsNonRoot"] = json!(false);
    });
    let node = Node::empty();
    let ran = run(&node, &object, "workload-privileged", &["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = std::fs::read(node.path("/m/kube-proxy.json")).unwrap();
    let after: Value = serde_json::from_slice(&after).unwrap();
    let init = &after["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(init["workingDir"], "/usr/local/bin");
    assert_eq!(
        init["securityContext"],
        json!({"privileged": true, "runAsUser": 0, "runAsNonRoot": false})
    );
}

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
    let plan = run(&Node::empty(), &echo, check, &["plan", "-v"]);
    assert!(plan.out.contains("kube-proxy-init"), "{}", plan.out);
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
fn a_container_that_is_called_kube_proxy_is_one_whatever_starts_it() {
    let script = json!(["/scripts/run.sh"]);
    for (command, told) in [
        (None, "its command stands in the image"),
        (Some(&script), "what its command starts is not known"),
    ] {
        for (name, image) in [
            ("kube-proxy", "example.com/base:1"),
            ("proxy", "registry.k8s.io/kube-proxy-amd64:v1.36.2"),
        ] {
            let object = daemon_set(ADDON, |pod| {
                let own = &mut pod["containers"][0];
                own["name"] = json!(name);
                own["image"] = json!(image);
                own["args"] = json!(["--config=/var/lib/kube-proxy/config.conf"]);
                own.as_object_mut().unwrap().remove("command");
                if let Some(command) = command {
                    own["command"] = command.clone();
                }
                pod["hostPID"] = json!(true);
            });
            scanned(&object, "workload-privileged", 2, "privileged: true");
            scanned(&object, "workload-host-pid", 2, "hostPID: true");
            left(&object, "workload-root-filesystem", told);
        }
    }
    // What others call alike is none, and nothing of it is judged.
    let none = |change: fn(&mut Value)| {
        let object = daemon_set(ADDON, |pod| {
            pod["containers"][0]
                .as_object_mut()
                .unwrap()
                .remove("command");
            change(pod);
        });
        let ran = run(&Node::empty(), &object, "workload-privileged", &["scan"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("no kube-proxy in /m"), "{}", ran.err);
    };
    none(|pod| pod["nodeSelector"] = json!({"kubernetes.io/os": "windows"}));
    none(|pod| {
        pod["containers"][0]["name"] = json!("kube-proxy-exporter");
        pod["containers"][0]["image"] = json!("example.com/kube-proxy-windows:v1.36.2");
    });
    none(|pod| {
        pod["hostNetwork"] = json!(false);
        pod["containers"][0]["image"] = json!("example.com/kubectl:v1.36.2");
        pod["containers"][0]["args"] = json!(["proxy"]);
    });
}

#[test]
fn a_log_within_the_image_stands_in_the_way_of_a_read_only_one() {
    let check = "workload-root-filesystem";
    let with = |command: &Value, mounted: bool| {
        daemon_set(ADDON, |pod| {
            pod["containers"][0]["command"] = command.clone();
            if mounted {
                let volume = json!({"name": "logs", "hostPath": {"path": "/var/log"}});
                pod["volumes"].as_array_mut().unwrap().push(volume);
                let mount = json!({"name": "logs", "mountPath": "/var/log"});
                let mounts = &mut pod["containers"][0]["volumeMounts"];
                mounts.as_array_mut().unwrap().push(mount);
            }
        })
    };
    let script = |text: &str| json!(["/bin/sh", "-c", text]);
    for command in [
        script("exec kube-proxy --v=2 1>>/var/log/kp.log 2>&1"),
        script("exec kube-proxy --v=2 &> \"/var/log/kp.log\""),
        script("/go-runner --log-file /var/log/kp.log kube-proxy --v=2 2>/dev/null"),
        json!([
            "/go-runner",
            "--log-file=/var/log/kp.log",
            "--also-stdout",
            "kube-proxy",
            "--v=2"
        ]),
    ] {
        let told = "what starts it writes /var/log/kp.log, which is in no writable mount";
        left(&with(&command, false), check, told);
        let plan = run(&Node::empty(), &with(&command, true), check, &["plan"]);
        assert!(plan.out.contains("Plan: 1 to change"), "{}", plan.out);
    }
    let more = script("iptables-save >/dev/null; exec kube-proxy --v=2");
    left(
        &with(&more, true),
        check,
        "what else its script writes is not known",
    );
}

#[test]
fn a_request_of_nothing_is_none() {
    let check = "workload-resources";
    let with = |resources: Value| {
        daemon_set(HARDENED, |pod| {
            pod["containers"][0]["resources"] = resources.clone()
        })
    };
    let zero = with(json!({"requests": {"cpu": "0m", "memory": 0}}));
    scanned(&zero, check, 2, "no request of cpu, memory");
    let node = Node::empty();
    assert_eq!(run(&node, &zero, check, &["apply", "--yes"]).code, 0);
    let limited = json!({"requests": {"cpu": "0"}, "limits": {"cpu": "10m", "memory": "1Mi"}});
    left(
        &with(limited),
        check,
        "its request of cpu is 0, below a limit",
    );
    scanned(
        &with(json!({"requests": {"cpu": 0.1, "memory": "1e3"}})),
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
