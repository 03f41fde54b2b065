//! Finding kube-proxy in a tree: systemd units, the well-known paths, and what a unit's command means.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use support::Node;
use support::found::{CONFIG, Found, UNIT, service};

fn config_of(lines: &str) -> String {
    Found::in_node(&service(lines)).proxy("config").to_string()
}

#[test]
fn a_unit_is_read_as_systemd_reads_it() {
    for lines in [
        "ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/kube-proxy --config /etc/kp/config.yaml",
        "ExecStart=/usr/bin/kube-proxy \\\n  --v=2 \\\n# a comment between\n  --config=/etc/kp/config.yaml \\\n  --x",
        "ExecStart=-+/usr/bin/kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=@/usr/bin/kube-proxy kp --config=/etc/kp/config.yaml",
        "ExecStart=!!/usr/bin/kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/kube-proxy \"--config=/etc/kp/config.yaml\"",
        "ExecStart=\"/usr/bin/kube-proxy\" '--config' '/etc/kp/config.yaml'",
        "ExecStart = /usr/bin/kube-proxy --config=/etc/kp/config.yaml",
        "Environment=FILE=/etc/kp/config.yaml\nExecStart=/usr/bin/kube-proxy --config=${FILE}",
        "Environment=\"ARGS=--v=2 --config=/etc/kp/config.yaml\"\nExecStart=/usr/bin/kube-proxy $ARGS",
        "ExecStart=/bin/sh -c \"exec /usr/bin/kube-proxy --config=/etc/kp/config.yaml 2>&1 | logger\"",
        "ExecStart=/bin/sh -c 'ulimit -n 65536; exec kube-proxy --config=/etc/kp/config.yaml >>/var/log/x'",
        "ExecStart=/bin/bash -c 'cd /tmp && /usr/bin/kube-proxy --config=/etc/kp/config.yaml'",
        "ExecStart=/usr/bin/nice -n 5 /usr/bin/kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/env GOGC=50 kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/hyperkube kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/hyperkube proxy --config=/etc/kp/config.yaml",
        "ExecStart=/bin/false\nExecStart=\nExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/kube-proxy --config=/none --config=/etc/kp/config.yaml",
        "WorkingDirectory=/etc/kp\nExecStart=/usr/bin/kube-proxy --config=config.yaml",
        "ExecStart=/usr/bin/kube-proxy --config=etc/kp/config.yaml",
    ] {
        assert_eq!(config_of(lines), "/etc/kp/config.yaml", "{lines}");
    }
}

#[test]
fn an_environment_file_gives_the_arguments_and_the_file() {
    for (exec, text) in [
        (
            "/usr/bin/kube-proxy $ARGS",
            "# x\nARGS=\"--v=2 --config=/etc/kp/config.yaml\"\n",
        ),
        (
            "/usr/bin/kube-proxy $ARGS",
            "ARGS=--config=/etc/kp/config.yaml --v=2\r\n",
        ),
        (
            "/usr/bin/kube-proxy $ARGS",
            "ARGS=\"--v=2 \\\n --config=/etc/kp/config.yaml\"\n",
        ),
        (
            "/usr/bin/kube-proxy $ARGS",
            "ARGS=\"--v=2 '--config=/etc/kp/config.yaml'\"\n",
        ),
        (
            "/usr/bin/kube-proxy --config=${FILE}",
            "FILE='/etc/kp/config.yaml'\n",
        ),
        (
            "/bin/sh -c \"exec kube-proxy $ARGS\"",
            "ARGS=--config=/etc/kp/config.yaml\n",
        ),
        (
            "/bin/sh -c 'exec kube-proxy --config=$FILE --v=2'",
            "FILE=/etc/kp/config.yaml\n",
        ),
        (
            "/bin/sh -c 'exec kube-proxy --config=${FILE}'",
            "FILE=/etc/kp/config.yaml\n",
        ),
    ] {
        let node = service(&format!(
            "Environment=FILE=/older\nEnvironmentFile=-/etc/default/none\nEnvironmentFile=/etc/default/kube-proxy\nExecStart={exec}"
        ));
        node.write("/etc/default/kube-proxy", text);
        let found = Found::in_node(&node);
        assert_eq!(
            found.proxy("config"),
            "/etc/kp/config.yaml",
            "{exec} {text}"
        );
        assert_eq!(found.proxy("kubeconfig"), "/etc/kp/kubeconfig", "{exec}");
        assert_eq!(found.proxy("platform"), "systemd");
    }
}

#[test]
fn a_command_that_cannot_be_known_is_never_judged_as_if_it_had_no_flags() {
    for lines in [
        "EnvironmentFile=/etc/default/gone\nExecStart=/usr/bin/kube-proxy $ARGS",
        "ExecStart=/usr/bin/kube-proxy --hostname-override=%H",
        "ExecStart=/bin/sh -c \"exec kube-proxy $(cat /etc/args)\"",
        "ExecStart=/bin/sh -c \"exec kube-proxy `cat /etc/args`\"",
        "ExecStart=/usr/bin/kube-proxy \"--config=/etc/kp/config.yaml",
    ] {
        let node = service(lines);
        let (code, document) = node.json(&["scan", "--only", "bind-address-wildcard"]);
        assert_eq!(code, 2, "{lines}");
        assert_eq!(document["verdicts"][0]["verdict"], "unknown", "{lines}");
    }
}

#[test]
fn a_drop_in_resets_the_command_wherever_it_lies() {
    let drop_in = "[Service]\nExecStart=\nExecStart=/opt/kube-proxy --config=/etc/kp/config.yaml\n";
    for directory in [
        "/etc/systemd/system",
        "/run/systemd/system",
        "/usr/lib/systemd/system",
    ] {
        let node = service("ExecStart=/usr/bin/kube-proxy --config=/other");
        node.write(
            &format!("{directory}/kube-proxy.service.d/10-x.conf"),
            drop_in,
        );
        let found = Found::in_node(&node);
        assert_eq!(found.proxy("config"), "/etc/kp/config.yaml", "{directory}");
        assert_eq!(
            found.fact("unitFile"),
            format!("{directory}/kube-proxy.service.d/10-x.conf")
        );
    }
    // The unit itself says nothing of kube-proxy, and lies elsewhere.
    let node = Node::empty();
    node.write("/etc/kp/config.yaml", CONFIG);
    node.write(
        "/usr/lib/systemd/system/net.service",
        "[Service]\nExecStart=/bin/old\n",
    );
    node.write("/etc/systemd/system/net.service.d/x.conf", drop_in);
    assert_eq!(
        Found::in_node(&node).proxy("managed_by"),
        "systemd unit net.service"
    );
}

#[test]
fn the_later_drop_in_wins_and_one_of_the_same_name_hides_the_weaker() {
    let node = service("ExecStart=/usr/bin/kube-proxy --config=/first");
    let write = |path: &str, config: &str| {
        node.write(
            path,
            format!("[Service]\nExecStart=\nExecStart=/usr/bin/kube-proxy --config={config}\n"),
        );
    };
    write(
        "/usr/lib/systemd/system/kube-proxy.service.d/50-a.conf",
        "/hidden",
    );
    write(
        "/etc/systemd/system/kube-proxy.service.d/50-a.conf",
        "/etc/kp/config.yaml",
    );
    write(
        "/etc/systemd/system/kube-proxy.service.d/10-b.conf",
        "/earlier",
    );
    write(
        "/etc/systemd/system/kube-proxy.service.d/90-c.conf~",
        "/not-a-drop-in",
    );
    assert_eq!(Found::in_node(&node).proxy("config"), "/etc/kp/config.yaml");
}

#[test]
fn a_masked_unit_does_not_count_also_where_dev_null_is_not_there() {
    let node = Node::empty();
    node.write(
        "/usr/lib/systemd/system/kube-proxy.service",
        "[Service]\nExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml\n",
    );
    support::make_directory(&node.path("/etc/systemd/system"));
    std::os::unix::fs::symlink("/dev/null", node.path(UNIT)).unwrap();
    support::make_directory(&node.path("/etc/systemd/system/kube-proxy.service.d"));
    let ran = node.run(&["facts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("no kube-proxy found"), "{ran:?}");
}

#[test]
fn a_service_that_only_speaks_of_kube_proxy_is_none() {
    for exec in [
        "/usr/bin/systemctl try-restart kube-proxy",
        "/usr/bin/tar cf /backup.tar /var/lib/kube-proxy",
        "/usr/bin/shipper --dir /var/log/kube-proxy",
        "/usr/bin/docker stop kube-proxy",
        "/usr/bin/kube-proxy-exporter --config=/x",
        "/usr/bin/pkill -HUP kube-proxy",
    ] {
        let node = service("ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml");
        node.write(
            "/etc/systemd/system/helper.service",
            format!("[Service]\nExecStart={exec}\n"),
        );
        let found = Found::in_node(&node);
        assert_eq!(
            found.proxy("managed_by"),
            "systemd unit kube-proxy.service",
            "{exec}"
        );
    }
}

#[test]
fn only_the_service_section_counts() {
    let node = service(
        "ExecStartPre=/bin/kube-proxy --config=/pre\nExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml\n[Install]\nExecStart=/usr/bin/kube-proxy --config=/wrong\n; ExecStart=/comment",
    );
    assert_eq!(Found::in_node(&node).proxy("config"), "/etc/kp/config.yaml");
}

#[test]
fn none_is_said_and_not_guessed() {
    let node = Node::empty();
    for command in ["scan", "facts", "plan", "verify"] {
        let ran = node.run(&[command]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("no kube-proxy found"), "{ran:?}");
        assert!(ran.err.contains("--config FILE"), "{ran:?}");
        let (code, document) = node.json(&[command]);
        assert_eq!(code, 1);
        assert_eq!(document["schema"], format!("tighten.{command}/v1"));
        assert!(document["error"]["message"].is_string(), "{document}");
    }
    let ran = node.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn more_than_one_are_all_named_and_one_can_be_chosen() {
    let node = service("ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml");
    node.write(
        "/etc/systemd/system/old-proxy.service",
        "[Service]\nExecStart=/opt/old/kube-proxy --config=/etc/kp/old.yaml\n",
    );
    for command in ["scan", "plan", "facts"] {
        let ran = node.run(&[command]);
        assert_eq!(ran.code, 1, "{ran:?}");
        for name in [
            "kube-proxy.service",
            "/etc/kp/config.yaml",
            "old-proxy.service",
            "/etc/kp/old.yaml",
        ] {
            assert!(ran.err.contains(name), "{name}: {ran:?}");
        }
    }
    let (code, document) = node.json(&["facts", "--config", "/etc/kp/config.yaml"]);
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(
        document["node"]["kube_proxy"]["managed_by"],
        "systemd unit kube-proxy.service"
    );
}
