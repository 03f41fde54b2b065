//! What must follow the changes, and the note in a static pod's manifest that makes the kubelet do it.

use super::build::{Draft, Planner, Wanted, Work};
use super::chain::Chain;
use super::{Change, Effect, Plan};
use crate::edit::{Scalar, Step};
use crate::effects::{Due, Way, due, to_tell};
use crate::facts::Facts;
use crate::kinds::Edit;
use crate::root::NodePath;

/// The annotation that tells for which contents a static pod was started anew.
const NOTE: &str = "tighten/restarted-for";
/// How much of their checksum it holds, in hexadecimal digits.
const DIGITS: usize = 16;

impl Plan {
    /// The restarts that it calls for. Where nothing that a ConfigMap carries changes, no pod has to read it
    /// again: what changes of a workload starts its pods anew by itself.
    pub fn due(&self, facts: &Facts) -> Vec<Due> {
        let carried = |change: &Change| matches!(&change.edit, Some(Edit::Within(within, _)) if !within.embedded.is_empty());
        let carried = self.changes.iter().any(carried);
        let mut all = due(facts, &self.rewritten());
        all.retain(|due| carried || !due.is_rollout());
        all
    }
}

/// What must follow, as the plan shows it.
pub(super) fn effects(facts: &Facts, plan: &Plan) -> Vec<Effect> {
    let mut effects = Vec::new();
    for one in plan.due(facts) {
        if matches!(one.way, Way::Unit { reload: true, .. }) {
            effects.push(Effect {
                kind: "daemon-reload".into(),
                target: "systemd".into(),
                because: format!("the unit {} changes", one.target()),
            });
        }
        effects.push(Effect {
            kind: one.kind().into(),
            target: one.target(),
            because: one.because,
        });
    }
    for tell in to_tell(&plan.rewritten()) {
        let (kind, target, because) = tell.told();
        effects.push(Effect {
            kind: kind.into(),
            target,
            because: because.into(),
        });
    }
    effects
}

/// A static pod reads its files only when it starts, and the kubelet starts it anew only when its
/// manifest means something else: so the manifest gets a note of what it is to be started for. That an
/// annotation is enough follows from how the kubelet tells pods apart (facts page, 5.3 and 5.4); it was
/// not run against a kubelet.
pub(super) fn note_in_manifests(planner: &Planner<'_>, plan: &mut Plan, works: &mut Vec<Work>) {
    for one in due(planner.facts, &plan.rewritten()) {
        let Way::Manifest(manifest) = &one.way else {
            continue;
        };
        let Some((check, sum)) = cause(planner.facts, plan, &one) else {
            continue;
        };
        let Some(check) = planner.check(&check) else {
            continue;
        };
        let path = ["metadata", "annotations", NOTE];
        let path = path.map(|key| Step::Key(key.into())).to_vec();
        let draft = Draft {
            check,
            path: manifest.clone(),
            mend: Wanted::Edit(Edit::set(path, Scalar::Text(sum))),
            needs: Vec::new(),
            besides: None,
        };
        let work = Chain::new(planner, manifest, works).follow(vec![&draft], plan);
        works.extend(work);
    }
}

/// The check that changes what the component reads, and the beginning of the new contents' checksum.
fn cause(facts: &Facts, plan: &Plan, wanted: &Due) -> Option<(String, String)> {
    let reads = |path: &NodePath| {
        let mut due = due(facts, &[path]).into_iter();
        due.any(|due| due.component == wanted.component)
    };
    // The last change of a file tells how it is afterwards.
    let change = plan
        .changes
        .iter()
        .rev()
        .find(|change| change.after.sha256.is_some() && reads(&change.path))?;
    let sum = change.after.sha256.as_ref()?.get(..DIGITS)?;
    Some((change.check.clone(), sum.to_string()))
}
