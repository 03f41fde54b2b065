//! What is waived in this run, and what became of each waiver.

use super::context::Context;
use crate::baseline::{self, Baseline};
use crate::certificates::Moment;
use crate::check::Outcome;
use crate::cli::Global;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::waivers::{self, State, Waiver, Waivers};

impl Context {
    /// The same with the waivers that the command line names, or the node's own.
    ///
    /// # Errors
    /// When one cannot be read, could have been written by others than root, or is not valid.
    pub fn with_waivers(mut self, global: &Global) -> Result<Context, Failure> {
        if global.no_waivers {
            return Ok(self);
        }
        // A waiver of a check that this baseline does not have is no mistake, when another one has it.
        let chosen = global.baselines();
        let other = |name: &&str| !chosen.iter().any(|given| given == name);
        let built_in: Vec<String> = baseline::names().filter(other).map(String::from).collect();
        let built_in = baseline::load(&built_in)?;
        let known: Vec<&str> = ids(&self.baselines).chain(ids(&built_in)).collect();
        let list = waivers::load(&self.root, &global.waivers, &known)?;
        self.waivers = Waivers::new(list, Moment::now());
        Ok(self)
    }

    /// What became of each waiver.
    pub fn waiver_states(&self, facts: &Facts, outcomes: &[Outcome]) -> Vec<(&Waiver, State)> {
        self.waivers.states(outcomes, facts.hostname.as_deref())
    }
}

fn ids(baselines: &[Baseline]) -> impl Iterator<Item = &str> {
    let checks = baselines.iter().flat_map(|baseline| &baseline.checks);
    checks.map(|check| check.id.as_str())
}
