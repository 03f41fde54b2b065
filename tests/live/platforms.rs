//! Platforms that only a running node shows.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::{PLAYING, Playing, Stage, contained_with};

/// k3s leaves its name and the command as one word, and blanks where its arguments were.
pub fn k3s(stage: &Stage) {
    for title in ["/usr/local/bin/k3s agent", "k3s server"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg0(title).arg("").arg("").env(PLAYING, "1");
        let playing = Playing(command.stdin(Stdio::piped()).spawn().unwrap());
        playing.wait_for(title);
        let found = stage.facts();
        assert_eq!(found.proxy("platform"), "k3s");
        assert_eq!(found.document["node"]["kube_proxy"]["pid"], playing.pid());
        assert_eq!(
            found.proxy("managed_by"),
            format!("inside k3s, process {}", playing.pid())
        );
        assert_eq!(found.fact("healthzBindAddress"), "127.0.0.1:10256");
        assert_eq!(found.fact("metricsBindAddress"), "127.0.0.1:10249");
    }
    let _other = stage.play(&[], "k3s", &["kubectl", "get", "nodes"]);
    let ran = stage.run(&["facts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
}

pub fn aks(stage: &Stage) {
    // A tmpfs of this namespace alone: nothing is made on the machine.
    let mounted = Command::new("sh")
        .args([
            "-ec",
            "mount -t tmpfs none /opt; mkdir -p /opt/azure/containers",
        ])
        .status();
    assert!(mounted.unwrap().success());
    let script = format!("mount -t tmpfs none {}", stage.text("files"));
    let playing = contained_with(
        stage,
        &script,
        &[
            "--metrics-bind-address=0.0.0.0:10249",
            "--conntrack-max-per-core=0",
        ],
    );
    let found = stage.facts();
    assert_eq!(found.proxy("platform"), "aks");
    assert_eq!(
        found.document["node"]["kube_proxy"]["evidence"],
        serde_json::json!([
            format!("process {} has a file system of its own", playing.pid()),
            "/opt/azure/containers is there",
        ])
    );
    let ran = stage.run(&[
        "plan",
        "--node-ip",
        "192.0.2.7",
        "--only",
        "metrics-exposed,bind-address-wildcard",
    ]);
    let expected = format!(
        "kube-proxy · AKS, process {} · no --config

Left to you:
  bind-address-wildcard (AKS keeps its DaemonSet, and would undo an edit; what all nodes share must not hold one node's address: a wildcard is right there; set bindAddress to the node's InternalIP (kubectl get node -o wide shows it), or run tighten with --node-ip IP; a ConfigMap that several nodes share keeps 0.0.0.0 or ::)
  metrics-exposed (AKS keeps its DaemonSet, and would undo an edit)
  Instead, once for all nodes, for metrics-exposed:
      # AKS takes enabled, mode and ipvsConfig alone, so these values cannot be set there (unsure):
      # az aks update --resource-group GROUP --name CLUSTER --kube-proxy-config kube-proxy.json
      # --metrics-bind-address=127.0.0.1:10249

Plan: nothing to do for tighten; 2 findings are left to you.
",
        playing.pid()
    );
    assert_eq!(
        ran.out.replace(
            &format!("tighten --state-dir {}", stage.text("state")),
            "tighten"
        ),
        expected,
        "{ran:?}"
    );
    let unmounted = Command::new("umount").arg("/opt").status();
    assert!(unmounted.unwrap().success());
}

/// No platform is known, but a DaemonSet is one all the same.
pub fn somebodys(stage: &Stage) {
    let script = format!("mount -t tmpfs none {}", stage.text("files"));
    let _playing = contained_with(stage, &script, &["--metrics-bind-address=0.0.0.0:10249"]);
    let found = stage.facts();
    assert_eq!(found.proxy("platform"), "container");
    let only = "metrics-exposed,bind-address-wildcard";
    let ran = stage.run(&["plan", "--node-ip", "192.0.2.7", "--only", only]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("a wildcard is right there"), "{ran:?}");
    assert!(!ran.out.contains("192.0.2.7"), "{ran:?}");
}

pub fn replaced(stage: &Stage) {
    let cilium = stage.play(&[], "cilium-agent", &["--kube-proxy-replacement=true"]);
    let antrea = stage.play(&[], "antrea-agent", &[]);
    let ran = stage.run(&["scan"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for named in [
        format!(
            "process {} is Cilium with --kube-proxy-replacement=true",
            cilium.pid()
        ),
        format!(
            "process {} is Antrea, which can do the work of kube-proxy",
            antrea.pid()
        ),
    ] {
        assert!(ran.err.contains(&named), "{named}: {ran:?}");
    }
}
