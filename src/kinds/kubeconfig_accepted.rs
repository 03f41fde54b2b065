//! client-go would load the kubeconfig: kube-proxy would start with it.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, each_reading};
use crate::baseline::Check;
use crate::facts::{Facts, Opens};
use crate::kubeconfig::Problem;

/// `kubeconfig-accepted: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigAccepted {}

impl Kind for KubeconfigAccepted {
    fn expected(&self) -> String {
        "a kubeconfig that client-go loads".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let files = &facts.credentials.files;
        // What could not be looked at is taken to be there, so that no refusal is made up.
        let opens = |path: &str| {
            !files
                .iter()
                .any(|file| file.0 == path && file.1 == Opens::No)
        };
        let hidden = files.iter().find_map(|(_, opens)| match opens {
            Opens::Unknown(why) => Some(why.clone()),
            Opens::Yes | Opens::No => None,
        });
        let refused = |problem: Problem| match problem.unjudged {
            true => Instance::unknown(problem.message).line(problem.line),
            false => Instance::judged(false, problem.message, || by_hand(check)).line(problem.line),
        };
        each_reading(facts, |_, read| {
            match (
                read.and_then(|kubeconfig| kubeconfig.usable(&opens)),
                &hidden,
            ) {
                (Err(problem), _) => refused(problem),
                (Ok(()), Some(why)) => Instance::unknown(why.clone()),
                (Ok(()), None) => Instance::judged(true, "loaded", || Mend::None),
            }
        })
    }
}
