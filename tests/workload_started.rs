//! What the baseline kube-proxy-workload makes of the ways in which people start kube-proxy.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::Node;
use support::pods::{ADDON, HARDENED, daemon_set, left, run, scanned};

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
