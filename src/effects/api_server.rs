//! Whether the kube-apiserver of this node is well: its endpoints, its command line, its audit log.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use super::due::Component;
use super::health::{Wanted, Well, runs_with, younger};
use super::processes::started_at;
use super::{http, listener, tls};
use crate::discover::flags;
use crate::discover::process::{self, Process};
use crate::facts::{ApiServer, Facts, LogPath, ServerSource};
use crate::root::{NodePath, Root};

/// Where it listens unless a flag says otherwise.
const PORT: u16 = 6443;
/// Whole seconds are compared.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// Its processes; several while one takes the place of another.
fn processes() -> Vec<Process> {
    let (all, _) = process::all();
    let name = Component::ApiServer.name();
    let its = |process: &Process| process.program == name;
    all.into_iter().filter(its).collect()
}

/// Its process. Of several the first: that there are several, `look` says.
pub(super) fn pid() -> Option<u32> {
    processes().first().map(|process| process.pid)
}

/// Looks once. `Err` says what is not yet as it must be.
pub(super) fn look(root: &Root, facts: &Facts, wanted: &Wanted) -> Result<Well, String> {
    let server = facts
        .api_server
        .as_ref()
        .ok_or("it is not found any more")?;
    if let Some(problem) = &server.problem {
        return Err(problem.clone());
    }
    let running = processes();
    let process = match running.as_slice() {
        [] => return Err("it does not run".into()),
        [only] => only,
        _ => return Err("more than one process of it runs".into()),
    };
    if wanted.values {
        same_flags(server, process)?;
    }
    younger(process.pid, wanted)?;
    let mut seen = vec![answers(root, server, process.pid)?];
    if wanted.values
        && let Some(grown) = log_grows(root, server, process.pid)?
    {
        seen.push(grown);
    }
    Ok(Well {
        pid: process.pid,
        seen: seen.join(", "),
    })
}

/// What runs must have been started with the flags that are written: the kubelet takes up to 20 s to
/// see a manifest, and the old one answers until it is told to end.
fn same_flags(server: &ApiServer, process: &Process) -> Result<(), String> {
    let written = match (&server.source, &server.unit) {
        (ServerSource::StaticPod(_), _) => server.flags.clone(),
        (_, Some(unit)) => unit.flags(Component::ApiServer.name()).flags,
        _ => return Ok(()),
    };
    let origin = crate::facts::Origin::flag(None);
    let runs = flags::parse(&process.arguments, &origin);
    runs_with(process.pid, &runs, &written)
}

/// `/livez` and `/readyz` over TLS. Who may not ask anonymously has still been answered.
fn answers(root: &Root, server: &ApiServer, pid: u32) -> Result<String, String> {
    let value =
        |name: &str| flags::last(&server.flags, name).and_then(|flag| flag.value.as_deref());
    let port = value("secure-port").and_then(|port| port.parse().ok());
    let host: Option<IpAddr> = value("bind-address").and_then(|host| host.parse().ok());
    let host = host.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let address = http::reachable(SocketAddr::new(host, port.unwrap_or(PORT)));
    // The file may lie in the container alone, and then any certificate has to do.
    listener::is_its(pid, address)?;
    let certificate = value("tls-cert-file")
        .and_then(NodePath::new)
        .and_then(|path| root.open(&path).ok())
        .and_then(|(_, opened)| opened.read().ok());
    let mut anonymous = true;
    for path in ["/livez", "/readyz"] {
        let answer = tls::get(address, path, certificate.as_deref())?;
        match answer.status {
            200 => {}
            401 | 403 => anonymous = false,
            other => return Err(format!("{address}{path} answers {other}")),
        }
    }
    Ok(match anonymous {
        true => "/livez and /readyz answer 200".into(),
        false => "it answers, and lets nobody ask for /livez anonymously".into(),
    })
}

/// The audit log must be written to by the process that runs now: somebody asks the API server
/// something every few seconds. A rotation makes the file smaller, so its time tells, not its size.
fn log_grows(root: &Root, server: &ApiServer, pid: u32) -> Result<Option<String>, String> {
    let policy = flags::last(&server.flags, "audit-policy-file");
    let (LogPath::Named(_, Some(path), _), Some(_)) = (&server.log.path, policy) else {
        return Ok(None);
    };
    let (_, opened) = root
        .open(path)
        .map_err(|error| format!("its audit log {path} {error}"))?;
    let started = started_at(pid).ok_or("it is gone")?;
    let written = UNIX_EPOCH + Duration::from_secs(opened.meta.mtime.seconds.max(0).unsigned_abs());
    if opened.meta.size > 0 && written + CLOCK_STEP >= started {
        return Ok(Some(format!("{path} grows")));
    }
    Err(format!("nothing is written to its audit log {path} yet"))
}
