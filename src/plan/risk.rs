//! What `--max-risk` leaves to a person.

use super::build::Planner;
use crate::baseline::{Check, Risk};
use crate::effects::due;
use crate::kinds::Mend;
use crate::root::NodePath;

impl Planner<'_> {
    /// Why the mend is not carried out although it could be; `None` when it is.
    ///
    /// A fix can be safe in itself and still call for a restart here, as a policy does which an API
    /// server names that runs without it: who asks for what is safe does not expect a restart.
    pub(super) fn too_risky(&self, check: &Check, mend: &Mend) -> Option<String> {
        let max = self.selection.max_risk;
        // Without a fix there is nothing to carry out, and the finding says so itself.
        let risk = check.fix.as_ref()?.risk;
        let contents = match mend {
            Mend::None => return None,
            Mend::Edit(path, _) | Mend::Create(path, ..) => Some(path),
            _ => None,
        };
        if !max.allows(risk) {
            return Some(format!(
                "its fix is {risk}, and --max-risk {} leaves it to you",
                max.word()
            ));
        }
        if max.allows(Risk::Disruptive) {
            return None;
        }
        let target = self.restarts(contents?)?;
        Some(format!(
            "its fix would restart {target}, and --max-risk {} leaves it to you",
            max.word()
        ))
    }

    fn restarts(&self, path: &NodePath) -> Option<String> {
        let due = due(self.facts, &[path]);
        due.first().map(|due| due.target())
    }
}
