//! Files that somebody else keeps.

use super::*;
use crate::facts::{Hold, HoldKind};

#[test]
fn the_kubelets_volumes_are_no_findings_of_mode_or_owner() {
    let volume = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~configmap/kube-proxy";
    let hold = Hold {
        sheltered: true,
        ..Hold::new(path(volume), HoldKind::ConfigMap)
    };
    let mut facts = facts("", None, None);
    for target in &mut facts.targets {
        target.hold = Some(hold.clone());
        let seen = target.seen.as_mut().unwrap();
        (seen.meta.mode, seen.meta.uid) = (0o666, 1000);
    }
    facts.directories.push(Directory {
        path: path(volume),
        seen: Ok(meta(FileKind::Directory, 0o777)),
        holds: vec![Role::ProxyConfig],
        above: vec![Role::ProxyConfig],
        hold: Some(hold),
    });
    let checks = [
        "proxy-config-mode",
        "proxy-config-owner",
        "proxy-directory-writable",
    ];
    for id in checks {
        let (verdict, why) = judged(id, &facts);
        assert_eq!(verdict, Verdict::NotApplicable, "{id}");
        assert!(why.contains("the kubelet sets its mode"), "{id}: {why}");
    }
    // What only a container sees is judged like any other file.
    let inside = Hold::new(path("/x"), HoldKind::Container(Some(1)));
    facts
        .targets
        .iter_mut()
        .for_each(|target| target.hold = Some(inside.clone()));
    for id in checks.iter().take(2) {
        let (verdict, why) = judged(id, &facts);
        assert_eq!(verdict, Verdict::Fail, "{id}");
        assert!(why.contains("container of process"), "{id}: {why}");
    }
}
