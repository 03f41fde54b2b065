//! What is looked at: a node, or manifests.

use super::Context;
use crate::baseline::Check;
use crate::discover::platform::FlagPlace;
use crate::discover::{self, KubeProxy, Named, Source, Survey};
use crate::facts::{self, Facts};
use crate::failure::Failure;
use crate::kinds::Subject;
use crate::objects::{self, Objects};

impl Context {
    /// Looks at the node.
    ///
    /// # Errors
    /// When no kube-proxy is found, or more than one.
    pub fn facts(&self) -> Result<Facts, Failure> {
        if !self.inputs.manifests.is_empty() {
            return self.objects().map(Objects::into_facts);
        }
        let survey = discover::survey(&self.root);
        match discover::find(&self.root, &survey, &self.named()) {
            Ok(proxy) => Ok(self.gather(&survey, proxy)),
            Err(failure) => self.without_proxy(&survey, failure),
        }
    }

    /// Reads the manifests that the command line names.
    fn objects(&self) -> Result<Objects, Failure> {
        let given = objects::Given {
            paths: &self.inputs.manifests,
            stdin: self.stdin.as_ref(),
            image_digest: self.inputs.image_digest.as_deref(),
        };
        objects::read(&self.root, &given)
    }

    /// A control plane without kube-proxy: what speaks of its API server alone is judged all the same.
    fn without_proxy(&self, survey: &Survey, failure: Failure) -> Result<Facts, Failure> {
        let facts = self.gather(survey, KubeProxy::absent());
        if facts.api_server.is_none() {
            return Err(failure);
        }
        let checks = self.baselines.iter().flat_map(|baseline| &baseline.checks);
        let (of_api_server, others): (Vec<_>, Vec<_>) = checks
            .filter(|check| self.selection.takes(&check.id))
            .partition(|check| check.expect.is_of_api_server());
        if others.is_empty() && !of_api_server.is_empty() {
            return Ok(facts);
        }
        let ids: Vec<&str> = of_api_server
            .iter()
            .map(|check| check.id.as_str())
            .collect();
        let Some(help) = failure.help.clone().filter(|_| !ids.is_empty()) else {
            return Err(failure);
        };
        Err(failure.help(format!(
            "{help}; what speaks of the API server alone can be judged with: tighten scan --only {}",
            ids.join(",")
        )))
    }

    /// Looks at the node; where there is none and only `--config` names a file, at that file alone.
    ///
    /// # Errors
    /// As [`Context::facts`].
    pub fn facts_or_config(&self) -> Result<Facts, Failure> {
        if !self.inputs.manifests.is_empty() {
            return self.facts();
        }
        let survey = discover::survey(&self.root);
        let proxy = discover::find(&self.root, &survey, &self.named())?;
        let alone = matches!(proxy.source, Source::Named) && self.inputs.kubeconfig.is_none();
        if alone {
            return Ok(facts::gather_config(&self.root, proxy));
        }
        Ok(self.gather(&survey, proxy))
    }

    fn named(&self) -> Named {
        Named {
            config: self.inputs.config.clone(),
            kubeconfig: self.inputs.kubeconfig.clone(),
        }
    }

    fn gather(&self, survey: &Survey, proxy: KubeProxy) -> Facts {
        let mut facts = facts::gather(&self.root, survey, proxy, self.inputs.node_ip);
        let mut checks = self.baselines.iter().flat_map(|baseline| &baseline.checks);
        let of_objects = |check: &&Check| check.expect.subject() == Subject::Objects;
        if checks.any(|check| of_objects(&check) && self.selection.takes(&check.id)) {
            let lasting = match &facts.proxy.flag_place {
                FlagPlace::Manifest(path) => Some(path.clone()),
                _ => None,
            };
            let digest = self.inputs.image_digest.as_deref();
            let found = objects::of_static_pods(&self.root, survey, lasting.as_ref(), digest);
            if let Some(found) = found {
                facts.add(found);
            }
        }
        self.with_network(facts)
    }
}
