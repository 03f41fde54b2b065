//! Units whose command does not run as root on the node's own files, and everything that adds to a unit.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use support::Node;
use support::found::{CONFIG, Found, service};

const EXEC: &str = "ExecStart=/usr/bin/kube-proxy --config=/etc/kp/config.yaml";

/// Files that are wide open, so that everything wants to change them.
fn open_wide(node: &Node) {
    for path in ["/etc/kp/config.yaml", "/etc/kp/kubeconfig"] {
        node.chmod(path, 0o666);
    }
}

#[test]
fn files_of_a_kube_proxy_that_is_not_root_keep_their_mode_and_owner() {
    for (lines, user) in [
        ("User=kube-proxy", Some("user kube-proxy")),
        ("User=998\nGroup=998", Some("user 998")),
        ("DynamicUser=yes", Some("DynamicUser=")),
        ("User=root", None),
        ("User=0\nDynamicUser=no", None),
        ("User=kube-proxy\nUser=", None),
    ] {
        let node = service(&format!("{lines}\n{EXEC}"));
        open_wide(&node);
        let only = "proxy-kubeconfig-mode,proxy-kubeconfig-owner,proxy-config-mode,proxy-directory-writable";
        let (_, document) = node.json(&["plan", "--only", only]);
        let files = ["/etc/kp", "/etc/kp/config.yaml", "/etc/kp/kubeconfig"];
        let changes = document["changes"].as_array().unwrap();
        let touched =
            |change: &serde_json::Value| files.contains(&change["path"].as_str().unwrap());
        let touched = changes.iter().any(touched);
        assert_eq!(touched, user.is_none(), "{lines}: {document:#}");
        if let Some(user) = user {
            let manual = document["manual"].to_string();
            assert!(manual.contains("must be able to read"), "{manual}");
            assert!(manual.contains(user), "{manual}");
        }
        // A value can be set all the same.
        let (_, document) = node.json(&[
            "plan",
            "--only",
            "bind-address-wildcard",
            "--node-ip",
            "192.0.2.7",
        ]);
        assert_eq!(document["summary"]["changes"], 1, "{lines}: {document:#}");
    }
    // Also when two have the same files, and the operator names them.
    let node = service(&format!("User=kp\n{EXEC}"));
    node.write(
        "/etc/systemd/system/b.service",
        format!("[Service]\n{EXEC}\n"),
    );
    open_wide(&node);
    let named = [
        "--config",
        "/etc/kp/config.yaml",
        "--only",
        "proxy-config-mode",
    ];
    let (_, document) = node.json(&[&["plan"][..], &named].concat());
    assert_eq!(document["summary"]["changes"], 0, "{document:#}");
    for starter in ["setpriv --reuid=998", "runuser -u kp --", "sudo -u kp --"] {
        let node = service(&EXEC.replace("=/usr", &format!("=/usr/bin/{starter} /usr")));
        open_wide(&node);
        let (_, document) = node.json(&["plan", "--only", "proxy-kubeconfig-mode"]);
        assert_eq!(document["summary"]["changes"], 0, "{starter}: {document:#}");
    }
}

#[test]
fn a_service_with_a_file_system_of_its_own_is_not_judged_by_the_nodes_files() {
    for lines in [
        "ExecStart=/usr/bin/docker run --net=host -v /etc/kp:/x registry/hyperkube:v1 kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/podman run --rm registry/kube-proxy:v1.36.2 --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/nerdctl run img /usr/local/bin/kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/bin/ctr run registry/x:1 kp /kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/usr/sbin/chroot /srv/root /kube-proxy --config=/etc/kp/config.yaml",
        "ExecStart=/bin/sh -c 'exec docker run img kube-proxy --config=/etc/kp/config.yaml'",
        &format!("RootDirectory=/srv/root\n{EXEC}"),
        &format!("RootImage=/srv/root.img\n{EXEC}"),
        &format!("BindPaths=/srv/kp:/etc/kp\n{EXEC}"),
        &format!("BindReadOnlyPaths=-/srv/kp:/etc/kp\n{EXEC}"),
    ] {
        let node = service(lines);
        open_wide(&node);
        let before = node.snapshot();
        let only = "bind-address-wildcard,proxy-config-mode,proxy-kubeconfig-mode,flag-ignored";
        let (code, document) = node.json(&["scan", "--only", only]);
        assert_eq!(code, 2, "{lines}: {document:#}");
        for verdict in document["verdicts"].as_array().unwrap() {
            assert_eq!(verdict["verdict"], "unknown", "{lines}: {verdict:#}");
        }
        let told = document.to_string();
        assert!(told.contains("file system of its own"), "{told}");
        let ran = node.run(&["apply", "--yes", "--skip", "proxy-unit-mode"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(node.snapshot(), before, "{lines}");
    }
    for lines in [
        "RootDirectory=/",
        "BindPaths=/a\nBindPaths=",
        "PrivateTmp=yes",
    ] {
        let node = service(&format!("{lines}\n{EXEC}"));
        assert_eq!(Found::in_node(&node).fact("bindAddress"), "0.0.0.0");
    }
}

#[test]
fn a_service_that_handles_a_container_of_that_name_is_none() {
    for exec in [
        "/usr/bin/docker exec kube-proxy ls",
        "/usr/bin/docker rm -f kube-proxy",
        "/usr/bin/docker pull registry/kube-proxy:v1",
    ] {
        let node = service(EXEC);
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
fn drop_ins_of_the_prefix_and_of_all_services_count() {
    let drop_in = |config: &str| {
        format!("[Service]\nExecStart=\nExecStart=/usr/bin/kube-proxy --config={config}\n")
    };
    for folder in ["kube-.service.d", "service.d"] {
        for directory in ["/etc/systemd/system", "/usr/lib/systemd/system"] {
            let node = service("ExecStart=/usr/bin/kube-proxy --config=/other");
            let path = format!("{directory}/{folder}/10-x.conf");
            node.write(&path, drop_in("/etc/kp/config.yaml"));
            let found = Found::in_node(&node);
            assert_eq!(found.proxy("config"), "/etc/kp/config.yaml", "{path}");
            assert_eq!(found.fact("unitFile"), path);
        }
    }
    // Of one name the more special counts, then the stronger directory; service.d last of all.
    let node = service("ExecStart=/usr/bin/kube-proxy --config=/other");
    for (path, config) in [
        ("/etc/systemd/system/service.d/x.conf", "/weakest"),
        ("/usr/lib/systemd/system/kube-.service.d/x.conf", "/weaker"),
        ("/etc/systemd/system/kube-.service.d/x.conf", "/weak"),
        (
            "/etc/systemd/system/kube-proxy.service.d/x.conf",
            "/etc/kp/config.yaml",
        ),
    ] {
        node.write(path, drop_in(config));
        assert_eq!(Found::in_node(&node).proxy("config"), config, "{path}");
    }
}

#[test]
fn units_are_found_in_every_directory_the_strongest_first() {
    let directories = [
        "/run/systemd/generator.late",
        "/usr/lib/systemd/system",
        "/usr/local/lib/systemd/system",
        "/run/systemd/generator",
        "/run/systemd/system",
        "/etc/systemd/system",
        "/run/systemd/generator.early",
        "/run/systemd/transient",
        "/run/systemd/system.control",
        "/etc/systemd/system.control",
    ];
    let node = Node::empty();
    for (number, directory) in directories.iter().enumerate() {
        node.write(
            &format!("{directory}/kube-proxy.service"),
            format!("[Service]\nExecStart=/usr/bin/kube-proxy --config=/c{number}\n"),
        );
        let (_, document) = node.json(&["scan"]);
        let config = &document["node"]["kube_proxy"]["config"];
        assert_eq!(*config, format!("/c{number}"), "{directory}");
    }
}

#[test]
fn an_instance_is_read_from_its_template_and_the_drop_ins_of_both() {
    let node = Node::empty();
    node.write("/etc/kp/config.yaml", CONFIG);
    node.write(
        "/usr/lib/systemd/system/kube-proxy@.service",
        "[Service]\nEnvironment=A=/wrong B=/wrong\nExecStart=/usr/bin/kube-proxy --config=${A}${B}\n",
    );
    node.write(
        "/etc/systemd/system/kube-proxy@.service.d/a.conf",
        "[Service]\nEnvironment=A=/etc/kp\n",
    );
    node.write(
        "/etc/systemd/system/kube-proxy@x.service.d/b.conf",
        "[Service]\nEnvironment=B=/config.yaml\n",
    );
    for directory in ["", "/multi-user.target.wants"] {
        let link = node.path(&format!(
            "/etc/systemd/system{directory}/kube-proxy@x.service"
        ));
        support::make_directory(link.parent().unwrap());
        std::os::unix::fs::symlink("/usr/lib/systemd/system/kube-proxy@.service", &link).unwrap();
        let found = Found::in_node(&node);
        assert_eq!(found.proxy("config"), "/etc/kp/config.yaml", "{directory}");
        assert_eq!(
            found.proxy("managed_by"),
            "systemd unit kube-proxy@x.service"
        );
        std::fs::remove_file(&link).unwrap();
    }
}

#[test]
fn what_only_systemd_can_fill_in_is_unknown_and_the_rest_is_filled_in() {
    let exec = "ExecStart=/usr/bin/kube-proxy --config=${DIRECTORY}/config.yaml $MORE";
    for (lines, config) in [
        (
            "Environment=DIRECTORY=/etc/kp\nEnvironmentFile=-/etc/default/%p",
            "/etc/kp/config.yaml",
        ),
        ("EnvironmentFile=/etc/default/%N", "/etc/%p/config.yaml"),
        (
            "Environment=DIRECTORY=/etc/%p-%%",
            "/etc/kube-proxy-%/config.yaml",
        ),
        // What it says of the other is overruled.
        (
            "Environment=DIRECTORY=%t\nEnvironment=DIRECTORY=/etc/kp",
            "/etc/kp/config.yaml",
        ),
        (
            "Environment=UNUSED=%t DIRECTORY=/etc/kp",
            "/etc/kp/config.yaml",
        ),
    ] {
        let node = service(&format!("{lines}\n{exec}"));
        if lines.contains("%N") {
            node.write("/etc/default/kube-proxy", "DIRECTORY=/etc/%p\n");
        }
        let found = Found::in_node(&node);
        assert_eq!(found.proxy("config"), config, "{lines}");
    }
    for (lines, why) in [
        (
            "Environment=DIRECTORY=%t",
            "its variable DIRECTORY holds the specifier %t",
        ),
        (
            "Environment=DIRECTORY=/etc/kp MORE=%H",
            "its variable MORE holds the specifier %H",
        ),
        (
            "Environment=DIRECTORY=/etc/kp\nEnvironmentFile=-/etc/%H",
            "its EnvironmentFile holds the specifier %H",
        ),
        (
            "Environment=DIRECTORY=/etc/kp\nEnvironmentFile=-/etc/kp/*.env",
            "its EnvironmentFile holds a pattern",
        ),
    ] {
        let node = service(&format!("{lines}\n{exec}"));
        let (code, document) = node.json(&["scan"]);
        assert_eq!(code, 2, "{lines}: {document:#}");
        assert!(document.to_string().contains(why), "{lines}: {document:#}");
    }
}
