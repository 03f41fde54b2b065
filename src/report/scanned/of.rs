//! From what a scan found to what is told of it.

use super::{At, Counts, Grounds, Judged, KubeProxy, Node, Remedy, Scanned, Seen, Tool, Waived};
use crate::baseline::Risk;
use crate::check::Outcome;
use crate::discover::Source;
use crate::facts::{Facts, Role};
use crate::kinds::{Edit, Instance, Mend, Verdict};
use crate::root::Root;
use crate::waivers::{self, Grounds as Given, State, Waiver};

impl Scanned {
    /// What a scan found.
    pub fn of(
        root: &Root,
        facts: &Facts,
        outcomes: &[Outcome],
        waivers: &[(&Waiver, State)],
    ) -> Scanned {
        Scanned {
            tool: Tool::own(),
            scanned_at: Some(At::of(facts.clock.0.0)),
            node: Node::of(root, Some(facts)),
            verdicts: outcomes.iter().map(Judged::of).collect(),
            summary: Counts::of(outcomes.iter().map(Outcome::verdict)),
            waivers: waivers.iter().map(Waived::of).collect(),
            warnings: waivers::warnings(waivers)
                .into_iter()
                .chain(facts.remarks().cloned())
                .collect(),
        }
    }
}

impl Node {
    /// The node, and its kube-proxy where facts are known.
    pub fn of(root: &Root, facts: Option<&Facts>) -> Node {
        Node {
            root: root.host().to_string_lossy().into_owned(),
            hostname: facts.and_then(|facts| facts.hostname.clone()),
            kube_proxy: facts.map(KubeProxy::of).unwrap_or_default(),
        }
    }
}

impl KubeProxy {
    fn of(facts: &Facts) -> KubeProxy {
        let path = |role: Role| facts.target(role).map(|target| target.path.clone());
        KubeProxy {
            found: !matches!(facts.proxy.source, Source::Named),
            platform: Some(facts.proxy.platform().to_string()),
            pid: facts.proxy.pid(),
            version: facts.proxy.version.clone(),
            config: path(Role::ProxyConfig),
            kubeconfig: path(Role::ProxyKubeconfig),
            managed_by: facts.proxy.managed_by(),
            evidence: facts.proxy.recognised.evidence.clone(),
        }
    }
}

impl Judged {
    fn of(outcome: &Outcome) -> Judged {
        let check = outcome.check;
        let decisive = outcome.decisive();
        let verdict = outcome.verdict();
        let fix = check.fix.as_ref().filter(|_| verdict == Verdict::Fail);
        let by_hand = decisive
            .is_some_and(|instance| matches!(instance.mend, Mend::ByHand(_) | Mend::Elsewhere(..)));
        Judged {
            check: check.id.clone(),
            verdict,
            severity: check.severity,
            title: check.title.clone(),
            why: check.why.clone(),
            path: decisive.and_then(|instance| instance.path.clone()),
            line: decisive.and_then(|instance| instance.line),
            observed: decisive.and_then(|instance| instance.observed.clone()),
            expected: check.expect.expected(),
            origin: decisive.and_then(|instance| instance.origin.clone()),
            fix: fix.map(|fix| Remedy {
                risk: if by_hand { Risk::Manual } else { fix.risk },
                summary: summary(decisive),
            }),
            refs: check.refs.clone(),
            reason: decisive.and_then(|instance| instance.reason.clone()),
            waiver: decisive.and_then(|instance| instance.waiver.as_deref().map(Grounds::of)),
            instances: outcome.instances.iter().map(Seen::of).collect(),
        }
    }
}

impl Seen {
    fn of(instance: &Instance) -> Seen {
        Seen {
            verdict: instance.verdict,
            path: instance.path.clone(),
            line: instance.line,
            observed: instance.observed.clone(),
            origin: instance.origin.clone(),
            reason: instance.reason.clone(),
            waiver: instance.waiver.as_deref().map(Grounds::of),
        }
    }
}

impl Waived {
    fn of((waiver, state): &(&Waiver, State)) -> Waived {
        Waived {
            check: waiver.check.clone(),
            path: waiver.path.as_ref().map(ToString::to_string),
            node: waiver.node.as_ref().map(ToString::to_string),
            grounds: Grounds::of(&waiver.grounds),
            state: state.word().into(),
        }
    }
}

/// What would mend it, in words.
fn summary(decisive: Option<&Instance>) -> String {
    match decisive.map(|instance| &instance.mend) {
        Some(Mend::ByHand(reason)) => reason.clone(),
        Some(Mend::Mode(path, mode)) => format!("chmod {mode:04o} {path}"),
        Some(Mend::Owner(path, owner)) => format!("chown {}:{} {path}", owner.uid, owner.gid),
        Some(Mend::Directory(path, _, _)) => format!("take {path} away from others"),
        Some(Mend::Edit(path, Edit::Whole { .. })) => format!("write {path}"),
        Some(Mend::Edit(path, edit)) => format!("set {} in {path}", edit.places()),
        Some(Mend::Elsewhere(_, edit, _)) => format!("set {} in the cluster's API", edit.places()),
        Some(Mend::Create(path, ..)) => format!("create {path}"),
        Some(Mend::MakeDirectory(path, mode)) => format!("mkdir -m {mode:04o} {path}"),
        Some(Mend::None) | None => "left to you".into(),
    }
}

impl Grounds {
    fn of(given: &Given) -> Grounds {
        Grounds {
            justification: given.justification.clone(),
            expires: given.expires.clone(),
            file: given.file.clone(),
            line: given.line,
        }
    }
}
