//! The binary as a module of Ansible that takes back what it did.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::json;
use support::Node;
use support::called::call;
use support::exact::exact;

const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig";

#[test]
fn the_newest_apply_is_taken_back_once_and_never_brought_back() {
    let node = Node::demo();
    let nothing = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(
        (&nothing["changed"], &nothing["failed"]),
        (&json!(false), &json!(false))
    );
    assert!(!node.state().exists());
    let before = exact(&node.root());
    let applied = call(&node, &json!({}), false);
    let after = exact(&node.root());
    let told = call(&node, &json!({"state": "rolled-back"}), true);
    assert_eq!(told["msg"], "13 changes would be taken back");
    assert_eq!(told["changed"], true);
    assert!(exact(&node.root()) == after);
    let taken = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(taken["changed"], true);
    assert_eq!(taken["rollback_of"], applied["transaction"]);
    assert_eq!(taken["diff"], told["diff"]);
    assert!(exact(&node.root()) == before);
    for check_mode in [true, false] {
        let again = call(&node, &json!({"state": "rolled-back"}), check_mode);
        assert_eq!(
            (&again["changed"], &again["failed"]),
            (&json!(false), &json!(false))
        );
        let named = json!({"state": "rolled-back", "transaction": applied["transaction"]});
        let named = call(&node, &named, check_mode);
        assert_eq!(
            (&named["changed"], &named["failed"]),
            (&json!(false), &json!(false))
        );
    }
    assert!(exact(&node.root()) == before);
}

#[test]
fn an_older_apply_is_taken_back_only_by_its_name() {
    let node = Node::demo();
    let first = call(&node, &json!({"only": ["proxy-kubeconfig-mode"]}), false);
    let second = call(&node, &json!({"only": ["proxy-config-mode"]}), false);
    let taken = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(taken["rollback_of"], second["transaction"]);
    let again = call(&node, &json!({"state": "rolled-back"}), false);
    assert_eq!(again["changed"], false);
    assert_eq!(node.mode(KUBECONFIG), 0o600);
    let named = json!({"state": "rolled-back", "transaction": first["transaction"]});
    assert_eq!(call(&node, &named, false)["changed"], true);
    assert_eq!(node.mode(KUBECONFIG), 0o644);
    let unknown = json!({"state": "rolled-back", "transaction": "19990101"});
    let refused = call(&node, &unknown, false);
    assert_eq!(refused["failed"], true, "{refused:#}");
    assert!(refused["msg"].as_str().unwrap().contains("19990101"));
}
