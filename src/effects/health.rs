//! Whether a component is well: one look, which `wait` repeats.

use std::net::SocketAddr;

use serde_json::Value;

use super::due::Component;
use super::processes::Moment;
use super::{api_server, configz, http, listener};
use crate::discover::flag_file::FlagFile;
use crate::discover::flags::Flag;
use crate::facts::Facts;
use crate::golang::address::split_host_port;
use crate::proxyconfig::Effective;
use crate::root::Root;

/// What must hold.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// What is looked at.
    pub component: Component,
    /// The unit whose process it must be.
    pub unit: Option<String>,
    /// It must have started at or after this moment; `None` when it was not restarted.
    pub since: Option<Moment>,
    /// Whether it must run with the values that are written now.
    pub values: bool,
}

/// A component that is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Well {
    /// Its process.
    pub pid: u32,
    /// What was seen, in a few words.
    pub seen: String,
}

/// The process of a component, when it runs.
pub(super) fn process(facts: &Facts, component: Component) -> Option<u32> {
    match component {
        Component::KubeProxy => facts.proxy.pid(),
        Component::ApiServer => api_server::pid(),
    }
}

/// Looks once. `Err` says what is not yet as it must be.
pub(super) fn look(root: &Root, facts: &Facts, wanted: &Wanted) -> Result<Well, String> {
    match wanted.component {
        Component::KubeProxy => kube_proxy(facts, wanted),
        Component::ApiServer => api_server::look(root, facts, wanted),
    }
}

fn kube_proxy(facts: &Facts, wanted: &Wanted) -> Result<Well, String> {
    let pid = facts.proxy.pid().ok_or("it does not run")?;
    let unit = facts.proxy.unit().map(|unit| unit.name.as_str());
    if wanted.unit.is_some() && unit != wanted.unit.as_deref() {
        return Err(format!("process {pid} does not belong to its unit"));
    }
    if wanted.values
        && let Some(written) = written(facts)
    {
        runs_with(pid, &facts.proxy.flags, &written)?;
    }
    younger(pid, wanted)?;
    let values = facts
        .config
        .as_ref()
        .filter(|reading| reading.accepted)
        .and_then(|reading| reading.values.as_ref())
        .ok_or("its configuration is not accepted")?;
    let mut seen = Vec::new();
    if let Some(address) = listening(values, "healthzBindAddress") {
        listener::is_its(pid, address)?;
        seen.push(alive(address)?);
    }
    if let Some(address) = listening(values, "metricsBindAddress").filter(|_| wanted.values) {
        listener::is_its(pid, address)?;
        let answer = http::get(address, "/configz")?;
        if answer.status != 200 {
            return Err(format!("{address}/configz answers {}", answer.status));
        }
        configz::compare(values, &answer.body)?;
        seen.push("/configz shows what is written".into());
    }
    let seen = match seen.is_empty() {
        true => "it runs; it has no endpoint to ask".into(),
        false => seen.join(", "),
    };
    Ok(Well { pid, seen })
}

/// The flags that are written, where they are known to be all.
fn written(facts: &Facts) -> Option<Vec<Flag>> {
    match (&facts.flag_file, facts.proxy.unit()) {
        (Ok(FlagFile::Manifest(_, _, written)), _) => Some(written.clone()),
        (Ok(FlagFile::DropIn(_)), Some(unit)) => {
            let given = unit.flags(Component::KubeProxy.name());
            given.problem.is_none().then_some(given.flags)
        }
        _ => None,
    }
}

/// What runs must have been started with the flags that are written. A reference to the pod's
/// environment is filled in only when it starts, and says nothing.
pub(super) fn runs_with(pid: u32, runs: &[Flag], written: &[Flag]) -> Result<(), String> {
    let pair = |flag: &Flag| {
        let value = flag.value.clone().unwrap_or_else(|| "true".into());
        (flag.name.clone(), value)
    };
    let runs: Vec<_> = runs.iter().map(pair).collect();
    let missing = written
        .iter()
        .map(pair)
        .find(|flag| !flag.1.contains("$(") && !runs.contains(flag));
    match missing {
        // The value can be a secret of somebody's; the name tells enough.
        Some((name, _)) => Err(format!(
            "process {pid} was not started with the new --{name}"
        )),
        None if runs.len() > written.len() => {
            Err(format!("process {pid} still has flags that are taken away"))
        }
        None => Ok(()),
    }
}

/// A process from before the change still has the old values.
pub(super) fn younger(pid: u32, wanted: &Wanted) -> Result<(), String> {
    let Some(since) = wanted.since else {
        return Ok(());
    };
    match Moment::started(pid) {
        Some(started) if started >= since => Ok(()),
        Some(_) => Err(format!("process {pid} is still the one from before")),
        None => Err(format!("process {pid} is gone")),
    }
}

/// Where an endpoint can be asked; `None` when it is off.
fn listening(values: &Effective, key: &str) -> Option<SocketAddr> {
    let (host, port) = split_host_port(values.text(key)?)?;
    let host = crate::golang::address::ip(host)?;
    Some(http::reachable(SocketAddr::new(host, port.parse().ok()?)))
}

/// `/livez` decides; releases before it have only `/healthz`. That one also answers 503 when the node
/// is about to be deleted, which is no fault of what runs here.
fn alive(address: SocketAddr) -> Result<String, String> {
    let live = http::get(address, "/livez")?;
    let health = http::get(address, "/healthz")?;
    let leaving = || {
        let body: Option<Value> = serde_json::from_slice(&health.body).ok();
        body.is_some_and(|body| body.get("nodeEligible") == Some(&Value::Bool(false)))
    };
    match (live.status, health.status) {
        (200, 200) => Ok("/livez and /healthz answer 200".into()),
        (404, 200) => Ok("/healthz answers 200 (there is no /livez)".into()),
        (200, 503) if leaving() => {
            Ok("/livez answers 200 (/healthz 503: the node is being taken away)".into())
        }
        (200 | 404, other) => Err(format!("{address}/healthz answers {other}")),
        (other, _) => Err(format!("{address}/livez answers {other}")),
    }
}
