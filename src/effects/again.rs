//! The restarts of a transaction that another process began, once its files are put back.

use std::cell::{Cell, RefCell};

use super::Settings;
use super::due::{Component, Due, Way};
use super::health;
use super::kernel::{Kernel, left_of};
use super::processes::Moment;
use super::progress::Progress;
use super::systemctl::Systemctl;
use super::work::{Look, Work};
use crate::discover::platform::FlagPlace;
use crate::facts::{Facts, ServerSource};
use crate::failure::{Exit, Failure};
use crate::root::Root;
use crate::transaction::{Began, Uptime};

/// What the kubelet starts anew by itself, since the former manifest is back.
fn kubelets(facts: Option<&Facts>, component: Component) -> Option<Due> {
    let facts = facts?;
    let manifest = match component {
        Component::KubeProxy => match &facts.proxy.flag_place {
            FlagPlace::Manifest(manifest) => manifest,
            _ => return None,
        },
        Component::ApiServer => match &facts.api_server.as_ref()?.source {
            ServerSource::StaticPod(manifest) => &manifest.path,
            _ => return None,
        },
    };
    Some(Due {
        component,
        way: Way::Kubelet(manifest.clone()),
        because: "its former files are back".into(),
    })
}

/// The files are as before, and whether what runs has to be restarted is not known.
fn unseen(failure: Failure) -> Failure {
    failure
        .exit(Exit::Incomplete)
        .state("every file is as before, but nothing was restarted")
        .help("restart by hand what runs with these files")
}

/// What an interrupted transaction may have started with its new files: its restarts once more, now
/// that the former files are back. What has not been started since then, and what does not run because
/// nothing was started yet, needs none.
///
/// # Errors
/// Exit 4: it does not come back.
pub fn again(
    settings: &Settings,
    root: &Root,
    began: &Began,
    look: &Look<'_>,
    progress: Progress,
    left: &mut Vec<String>,
) -> Result<Option<String>, Failure> {
    let since = began.at.as_ref().and_then(Uptime::in_this_boot);
    let since = since.map(Moment::after_boot);
    // At boot it may not be clear which kube-proxy is meant, and nothing is restarted then.
    let facts = match settings.run {
        true => Some(look().map_err(unseen)?),
        false => look().ok(),
    };
    let mut due = Vec::new();
    for restart in &began.restarts {
        let Some(component) = Component::named(&restart.component) else {
            continue;
        };
        let name = restart.unit.as_deref().unwrap_or(component.name());
        let process = facts
            .as_ref()
            .map(|facts| health::process(facts, component));
        if !settings.run {
            // What is known not to run has read nothing.
            if process != Some(None) {
                left.push(format!(
                    "restart {name}, which may run with the files of the interrupted transaction"
                ));
            }
            continue;
        }
        // Nobody has to tell the kubelet that the former manifest is back; it is waited for all the same.
        if restart.unit.is_none() {
            due.extend(kubelets(facts.as_ref(), component));
            continue;
        }
        let started = process.flatten().and_then(Moment::started);
        let old = started
            .zip(since)
            .is_some_and(|(started, since)| started < since);
        if let (Some(name), false) = (&restart.unit, old) {
            due.push(Due {
                component,
                way: Way::Unit {
                    name: name.clone(),
                    reload: restart.reload,
                },
                because: "its former files are back".into(),
            });
        }
    }
    let kernel = match settings.run {
        true => Kernel::of(root, &began.kernel, since.is_some())
            .map_err(|why| unseen(Failure::refused(why)))?,
        false => {
            let same_boot = since.is_some();
            left.extend(
                began
                    .kernel
                    .iter()
                    .filter_map(|state| left_of(state, same_boot)),
            );
            Kernel::default()
        }
    };
    let units = due.iter().any(|due| matches!(due.way, Way::Unit { .. }));
    let work = Work {
        settings,
        root,
        due,
        kernel,
        systemctl: units
            .then(|| Systemctl::find(settings.systemctl.as_deref()))
            .transpose()
            .map_err(|failure| failure.exit(Exit::Incomplete))?,
        look,
        progress: RefCell::new(progress),
        told: RefCell::default(),
        begun: Cell::new(Moment::now()),
        begun_anew: Cell::new(units),
    };
    work.put_back()
}
