//! What the baseline kube-proxy-workload makes of kubeadm's DaemonSet, in every form in which people have it.

// A test that cannot go on should stop there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::Node;

const ADDON: &str = include_str!("fixtures/kubeadm-1.36/kube-proxy-addon.yaml");
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// All that is mended, also on request.
const MENDED: &str = "workload-host-pid,workload-host-ipc,workload-privileged,workload-root-filesystem,workload-seccomp,workload-host-paths,workload-resources,workload-priority,workload-image-digest";

/// The documents of a stream.
fn documents(text: &str) -> Vec<Value> {
    let text = text.replace("\r\n", "\n");
    let documents = text.split("\n---").filter(|text| !text.trim().is_empty());
    documents
        .map(|text| serde_yaml::from_str(text).unwrap())
        .collect()
}

/// The DaemonSet with everything mended.
fn mended(daemon_set: &Value) -> Value {
    let mut all = daemon_set.clone();
    let pod = &mut all["spec"]["template"]["spec"];
    let own = &mut pod["containers"][0];
    let image = format!("{}@{DIGEST}", own["image"].as_str().unwrap());
    own["image"] = json!(image);
    let mut before = own.clone();
    before["name"] = json!("kube-proxy-init");
    let command = before["command"].as_array_mut().unwrap();
    command.push(json!("--init-only"));
    own["securityContext"] = json!({
        "privileged": false,
        "allowPrivilegeEscalation": false,
        "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    own["resources"] = json!({"requests": {"cpu": "100m", "memory": "64Mi"}});
    pod["initContainers"] = json!([before]);
    all
}

/// The same for all objects, wherever a DaemonSet is among them.
fn all_mended(object: &Value) -> Value {
    match (object["kind"].as_str(), object["items"].as_array()) {
        (Some("DaemonSet"), _) => mended(object),
        (Some("List"), Some(items)) => {
            let mut list = object.clone();
            list["items"] = items.iter().map(all_mended).collect();
            list
        }
        _ => object.clone(),
    }
}

#[track_caller]
fn mends(file: &str, text: &str) {
    let node = Node::empty();
    node.write(file, text);
    let before = node.snapshot();
    let workload = ["--baseline", "kube-proxy-workload", "--manifests", file];
    let asked = ["--image-digest", DIGEST, "--only", MENDED];
    let run = |more: &[&str]| node.run(&[&workload[..], &asked[..], more].concat());
    let ran = run(&["apply", "--yes"]);
    assert_eq!(ran.code, 0, "{file}: {ran:?}");
    let after = String::from_utf8(std::fs::read(node.path(file)).unwrap()).unwrap();
    let expected: Vec<Value> = documents(text).iter().map(all_mended).collect();
    assert_eq!(documents(&after), expected, "{file}");
    let returns = after.matches('\r').count();
    let every = text.contains('\r').then(|| after.matches('\n').count());
    assert_eq!(returns, every.unwrap_or(0), "{file}");
    let again = run(&["scan"]);
    assert_eq!(again.code, 0, "{file}: {again:?}");
    let back = node.run(&["rollback", "--yes"]);
    assert_eq!(back.code, 0, "{file}: {back:?}");
    assert_eq!(node.snapshot(), before, "{file}");
}

#[test]
fn a_stream_of_documents_is_mended_in_place() {
    mends("/m/addon.yaml", ADDON);
    mends("/m/crlf.yaml", &ADDON.replace('\n', "\r\n"));
    let helm = ADDON.replace("---\n", "---\n# Source: proxy/templates/all.yaml\n");
    mends(
        "/m/helm.yaml",
        &format!("{helm}\n---\n# Source: proxy/templates/none.yaml\n"),
    );
}

#[test]
fn objects_in_json_stay_json() {
    let all = documents(ADDON);
    let daemon_set = all
        .iter()
        .find(|object| object["kind"] == "DaemonSet")
        .unwrap();
    mends("/m/tight.json", &daemon_set.to_string());
    mends("/m/pretty.json", &format!("{daemon_set:#}\n"));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": all});
    mends("/m/list.json", &format!("{list:#}\n"));
}

#[test]
fn the_plan_says_what_kubeadm_undoes() {
    let node = Node::empty();
    node.write("/m/addon.yaml", ADDON);
    let plan = node.run(&[
        "--baseline",
        "kube-proxy-workload",
        "--manifests",
        "/m",
        "--only",
        "workload-privileged",
        "plan",
    ]);
    let told = "workload-privileged (where kubeadm keeps this DaemonSet, kubeadm upgrade writes its own again, with privileged: true and none of these changes: apply the manifest again after each upgrade)";
    assert!(plan.out.contains(told), "{}", plan.out);
}

#[test]
fn no_secret_beside_a_change_is_shown() {
    let config = concat!(
        "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: kube-proxy\n  namespace: kube-system\ndata:\n",
        "  kubeconfig.conf: |\n    users: [{name: a, user: {token: geheim-1}}]\n",
        "  config.conf: |\n    kind: KubeProxyConfiguration\n    apiVersion: kubeproxy.config.k8s.io/v1alpha1\n",
        "    enableProfiling: true\n",
        "  other.conf: \"{\\\"password\\\": \\\"geheim-2\\\"}\"\n",
    );
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: geheim-3}}\n";
    let mut documents = ADDON.split("---\n");
    let daemon_set = documents.find(|text| text.contains("kind: DaemonSet"));
    // Copied for the init container, which the plan names and does not quote.
    let env =
        "        env:\n          # db_token=geheim-4\n          - {name: DB, value: geheim-5}\n";
    let daemon_set = daemon_set.unwrap().trim_end().replacen(
        "        env:\n",
        &format!("        args: [--token=geheim-6, --password, geheim-7]\n{env}"),
        1,
    );
    assert!(daemon_set.contains("geheim-7"));
    let text = format!("{config}---\n{daemon_set}\n---\n{secret}");
    let node = Node::empty();
    node.write("/m/all.yaml", &text);
    let chosen = [
        "--baseline",
        "kube-proxy",
        "--baseline",
        "kube-proxy-workload",
        "--manifests",
        "/m",
        "--only",
        "workload-privileged,profiling-enabled",
    ];
    let plan = node.path("/plan.json");
    let out = ["plan", "--out", plan.to_str().unwrap()];
    for command in [
        &["scan"][..],
        &["plan", "-v"],
        &["--format", "json", "plan"],
        &out,
        &["apply", "--yes"],
        &["history"],
        &["rollback", "--yes"],
    ] {
        let ran = match command {
            ["history"] | ["rollback", ..] => node.run(command),
            _ => node.run(&[&chosen[..], command].concat()),
        };
        assert!(matches!(ran.code, 0 | 2), "{command:?}: {ran:?}");
        assert!(!ran.out.contains("geheim"), "{command:?}: {}", ran.out);
        assert!(!ran.err.contains("geheim"), "{command:?}: {}", ran.err);
        if command.contains(&"-v") {
            assert!(ran.out.contains("initContainers:"), "{}", ran.out);
            assert!(ran.out.contains("enableProfiling: false"), "{}", ran.out);
            assert!(ran.out.contains("***"), "{}", ran.out);
        }
    }
    let state = walkdir::WalkDir::new(node.state()).into_iter().flatten();
    let kept = state.map(|entry| entry.into_path());
    let kept: Vec<_> = kept.filter(|path| path.ends_with("plan.json")).collect();
    assert!(!kept.is_empty());
    for saved in kept.iter().chain([&plan]) {
        let saved = std::fs::read_to_string(saved).unwrap();
        assert!(!saved.contains("geheim"), "{saved}");
    }
}

/// A document on one line is one line of a diff, with everything that is in it.
#[test]
fn a_document_on_one_line_is_not_shown_for_the_sake_of_a_change() {
    let mut set = documents(ADDON)
        .into_iter()
        .find(|object| object["kind"] == "DaemonSet")
        .unwrap();
    set["metadata"]["annotations"] = json!({"note": "geheim"});
    let node = Node::empty();
    node.write("/m/set.json", format!("{set}\n"));
    let chosen = ["--baseline", "kube-proxy-workload", "--manifests", "/m"];
    let plan = node.run(&[&chosen[..], &["plan", "-v"]].concat());
    assert!(!plan.out.contains("geheim"), "{}", plan.out);
    assert!(
        plan.out.contains("characters, which is not shown)"),
        "{}",
        plan.out
    );
}
