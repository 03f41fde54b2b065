//! Values that were there.

use super::*;

#[test]
fn a_scalar_is_replaced_and_its_line_kept() {
    sets("a: true # why\nb: 1\n", "a", &OFF, "a: false # why\nb: 1\n");
    sets("a:   'x'\n", "a", &text("y"), "a:   \"y\"\n");
    sets("a: x\n", "a", &text("no"), "a: \"no\"\n");
    sets("a: \"x\"   # c\n", "a", &Scalar::Int(-7), "a: -7   # c\n");
    sets(
        "a: x y\n  z # c\nb: 1\n",
        "a",
        &text("q"),
        "a: \"q\" # c\nb: 1\n",
    );
    sets("a:\n  true\nb: 1\n", "a", &OFF, "a:\n  false\nb: 1\n");
    sets("\"a\" : 1\n", "a", &OFF, "\"a\" : false\n");
    sets("a:\t1\t# c\n", "a", &OFF, "a:\tfalse\t# c\n");
    sets(
        "a: ~ # c\n",
        "a",
        &list(&["primary"]),
        "a: [\"primary\"] # c\n",
    );
    sets("---\na: 1\n", "a", &OFF, "---\na: false\n");
}

#[test]
fn a_value_that_is_not_written_is_written_behind_its_colon() {
    sets("a:\nb: 1\n", "a", &OFF, "a: false\nb: 1\n");
    sets(
        "a: # c\n\n# d\nb: 1\n",
        "a",
        &OFF,
        "a: false # c\n\n# d\nb: 1\n",
    );
    sets("a:   # c\n", "a", &OFF, "a: false   # c\n");
    sets("a:", "a", &OFF, "a: false");
    sets("a:\r\n", "a", &OFF, "a: false\r\n");
    sets("l:\n- \n- x\n", "l/0", &text("y"), "l:\n- \"y\" \n- x\n");
}

#[test]
fn an_item_of_a_list_is_replaced() {
    sets(
        "spec:\n  containers:\n  - command:\n    - kube-proxy\n    - --v=4 # c\n    image: x\n",
        "spec/containers/0/command/1",
        &text("--v=2"),
        "spec:\n  containers:\n  - command:\n    - kube-proxy\n    - \"--v=2\" # c\n    image: x\n",
    );
    sets("a: [x, {b: 1}]\n", "a/1/b", &OFF, "a: [x, {b: false}]\n");
}

#[test]
fn texts_are_escaped_so_that_every_reader_takes_them_alike() {
    sets(
        "a: x\n",
        "a",
        &text("\"\\\n\r\t\u{0}\u{85}\u{202e}\u{feff}é # : {"),
        "a: \"\\\"\\\\\\n\\r\\t\\u0000\\u0085\\u202e\\ufeffé # : {\"\n",
    );
}

#[test]
fn writing_what_is_there_changes_nothing() {
    let before = "a: false # c\nb: \"x\"\n";
    sets(before, "a", &OFF, before);
    sets(before, "b", &text("x"), before);
}

#[test]
fn an_operation_survives_being_saved_and_nothing_more_is_taken() {
    let operation = Operation::Set(list(&["primary"]));
    let saved = serde_json::to_string(&operation).unwrap();
    assert_eq!(saved, "{\"Set\":{\"List\":[\"primary\"]}}");
    assert_eq!(
        serde_json::from_str::<Operation>(&saved).unwrap(),
        operation
    );
    assert!(serde_json::from_str::<Operation>("{\"Set\":{\"Shell\":\"x\"}}").is_err());
}

/// What kubeadm gives kube-proxy, shortened.
const KUBEADM: &str = "\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: \"\"
  burst: 0
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
conntrack:
  maxPerCore: null
  tcpCloseWaitTimeout: null
enableProfiling: true
iptables:
  localhostNodePorts: null
  masqueradeAll: false
kind: KubeProxyConfiguration
metricsBindAddress: \"\"
nodePortAddresses: null
";

#[test]
fn the_configuration_of_kubeadm_is_hardened_line_by_line() {
    let edits = [
        (
            "enableProfiling",
            OFF,
            "enableProfiling: true",
            "enableProfiling: false",
        ),
        (
            "iptables/localhostNodePorts",
            OFF,
            "Ports: null",
            "Ports: false",
        ),
        (
            "metricsBindAddress",
            text("127.0.0.1:10249"),
            "metricsBindAddress: \"\"",
            "metricsBindAddress: \"127.0.0.1:10249\"",
        ),
        (
            "nodePortAddresses",
            list(&["primary"]),
            "nodePortAddresses: null",
            "nodePortAddresses: [\"primary\"]",
        ),
    ];
    let mut now = KUBEADM.to_owned();
    for (at, value, old, new) in edits {
        let after = now.replace(old, new);
        sets(&now, at, &value, &after);
        now = after;
    }
}

#[test]
fn a_list_is_replaced_by_a_list() {
    sets(
        "m: [a, 'b'] # c\n",
        "m",
        &list(&["primary"]),
        "m: [\"primary\"] # c\n",
    );
    sets("m: []\n", "m", &list(&["primary"]), "m: [\"primary\"]\n");
    sets(
        "m:\n- a\n- b # c\nx: 1\n",
        "m",
        &list(&["p"]),
        "m: [\"p\"] # c\nx: 1\n",
    );
    sets("m:\r\n  - a\r\n  - b", "m", &list(&[]), "m: []");
    refuses(
        b"m:\n- a # c\n- b\n",
        "m",
        &list(&["p"]),
        "the edit could not be proved to be right: a comment would be lost or changed",
    );
    refuses(
        b"x: 1\nm: [a]\n",
        "m",
        &OFF,
        "line 2: m is a list, which only a list replaces",
    );
    refuses(
        b"m: {a: 1}\n",
        "m",
        &list(&["p"]),
        "line 1: m is a mapping, which is not replaced",
    );
}
