//! kube-proxy without `--config`: its flags over the same defaults.
//!
//! Source: cmd/kube-proxy/app/options.go. The defaults are made before the flags are read, so the family
//! of `--bind-address` does not decide where healthz and metrics listen, as it does in a file.

use super::held::{Held, Slots};
use super::{Reading, defaults, judge, set};
use crate::golang::address;
use crate::golang::duration;
use crate::golang::parse_int;
use crate::golang::text::quoted;

/// The flags that still count beside `--config`; it makes kube-proxy ignore all others.
pub const HONOURED_WITH_CONFIG: &[&str] = &[
    "config",
    "write-config-to",
    "cleanup",
    "init-only",
    "hostname-override",
    "master",
    "v",
    "vmodule",
    "logging-format",
    "log-flush-frequency",
    "log-text-split-stream",
    "log-text-info-buffer-size",
    "log-json-split-stream",
    "log-json-info-buffer-size",
    "version",
    "machine-id-file",
    "boot-id-file",
];

pub(super) const EMPTY_HOSTNAME: &str = "failed complete: empty hostname-override is invalid";

/// How a flag's text is read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Ip,
    IpPort,
    Bool,
    Int,
    Float,
    Duration,
    List,
    Gates,
    Verbosity,
    Modules,
}

/// The flags that fill a field. The sync periods come last, because the mode decides where they go.
const FLAGS: &[(&str, Kind, &str)] = &[
    ("feature-gates", Kind::Gates, "featureGates"),
    ("kubeconfig", Kind::Text, "clientConnection.kubeconfig"),
    (
        "kube-api-content-type",
        Kind::Text,
        "clientConnection.contentType",
    ),
    ("kube-api-qps", Kind::Float, "clientConnection.qps"),
    ("kube-api-burst", Kind::Int, "clientConnection.burst"),
    ("logging-format", Kind::Text, "logging.format"),
    (
        "log-flush-frequency",
        Kind::Duration,
        "logging.flushFrequency",
    ),
    ("v", Kind::Verbosity, "logging.verbosity"),
    ("vmodule", Kind::Modules, "logging.vmodule"),
    (
        "log-text-split-stream",
        Kind::Bool,
        "logging.options.text.splitStream",
    ),
    (
        "log-json-split-stream",
        Kind::Bool,
        "logging.options.json.splitStream",
    ),
    ("bind-address", Kind::Ip, "bindAddress"),
    ("healthz-bind-address", Kind::IpPort, "healthzBindAddress"),
    ("metrics-bind-address", Kind::IpPort, "metricsBindAddress"),
    ("bind-address-hard-fail", Kind::Bool, "bindAddressHardFail"),
    ("profiling", Kind::Bool, "enableProfiling"),
    (
        "show-hidden-metrics-for-version",
        Kind::Text,
        "showHiddenMetricsForVersion",
    ),
    ("proxy-mode", Kind::Text, "mode"),
    (
        "iptables-masquerade-bit",
        Kind::Int,
        "iptables.masqueradeBit",
    ),
    ("masquerade-all", Kind::Bool, "iptables.masqueradeAll"),
    (
        "iptables-localhost-nodeports",
        Kind::Bool,
        "iptables.localhostNodePorts",
    ),
    ("ipvs-scheduler", Kind::Text, "ipvs.scheduler"),
    ("ipvs-exclude-cidrs", Kind::List, "ipvs.excludeCIDRs"),
    ("ipvs-strict-arp", Kind::Bool, "ipvs.strictARP"),
    ("ipvs-tcp-timeout", Kind::Duration, "ipvs.tcpTimeout"),
    ("ipvs-tcpfin-timeout", Kind::Duration, "ipvs.tcpFinTimeout"),
    ("ipvs-udp-timeout", Kind::Duration, "ipvs.udpTimeout"),
    ("detect-local-mode", Kind::Text, "detectLocalMode"),
    (
        "pod-bridge-interface",
        Kind::Text,
        "detectLocal.bridgeInterface",
    ),
    (
        "pod-interface-name-prefix",
        Kind::Text,
        "detectLocal.interfaceNamePrefix",
    ),
    ("cluster-cidr", Kind::Text, "clusterCIDR"),
    ("nodeport-addresses", Kind::List, "nodePortAddresses"),
    ("oom-score-adj", Kind::Int, "oomScoreAdj"),
    ("conntrack-max-per-core", Kind::Int, "conntrack.maxPerCore"),
    ("conntrack-min", Kind::Int, "conntrack.min"),
    (
        "conntrack-tcp-timeout-established",
        Kind::Duration,
        "conntrack.tcpEstablishedTimeout",
    ),
    (
        "conntrack-tcp-timeout-close-wait",
        Kind::Duration,
        "conntrack.tcpCloseWaitTimeout",
    ),
    (
        "conntrack-tcp-be-liberal",
        Kind::Bool,
        "conntrack.tcpBeLiberal",
    ),
    (
        "conntrack-udp-timeout",
        Kind::Duration,
        "conntrack.udpTimeout",
    ),
    (
        "conntrack-udp-timeout-stream",
        Kind::Duration,
        "conntrack.udpStreamTimeout",
    ),
    ("config-sync-period", Kind::Duration, "configSyncPeriod"),
];

/// The flag that fills a field, without dashes, and whether its values add up when it is repeated.
pub fn flag_of(field: &str) -> Option<(&'static str, bool)> {
    let found = FLAGS.iter().find(|(.., name)| *name == field);
    found.map(|(flag, kind, _)| (*flag, matches!(kind, Kind::List)))
}

/// The effective configuration of a kube-proxy without `--config`. Names come with or without dashes in
/// front; flags that fill no field are passed over.
pub fn from_flags(flags: &[(String, Option<String>)]) -> Reading {
    let mut slots = Slots::zero();
    defaults::scheme(&mut slots);
    match apply(&mut slots, flags) {
        Err(message) => Reading::refused(&message, None),
        Ok(()) => {
            defaults::platform(&mut slots);
            judge(slots, Vec::new())
        }
    }
}

fn apply(slots: &mut Slots, flags: &[(String, Option<String>)]) -> Result<(), String> {
    let (mut hostname, mut ports, mut periods) = (None, Vec::new(), Vec::new());
    for (name, value) in flags {
        let name = name.trim_start_matches('-').replace('_', "-");
        let value = value.as_deref();
        match name.as_str() {
            "hostname-override" => hostname = Some(needed(&name, value)?.to_owned()),
            "healthz-port" | "metrics-port" => {
                let port = number(&name, needed(&name, value)?)?;
                ports.push((name, port));
            }
            "iptables-sync-period"
            | "iptables-min-sync-period"
            | "ipvs-sync-period"
            | "ipvs-min-sync-period" => {
                let held = held(&name, Kind::Duration, value)?;
                periods.push((name, held));
            }
            _ => {
                if let Some((flag, kind, field)) = FLAGS.iter().find(|(flag, ..)| *flag == name) {
                    overlay(slots, flag, *kind, field, value)?;
                }
            }
        }
    }
    for (name, field, default) in [
        ("healthz-port", "healthzBindAddress", 10_256),
        ("metrics-port", "metricsBindAddress", 10_249),
    ] {
        let given = ports.iter().rev().find(|(flag, _)| flag == name);
        let port = given.map_or(default, |(_, port)| *port);
        // 0 switches the server off; the empty address is refused for metrics later.
        let address = match u32::try_from(port) {
            Ok(0) => String::new(),
            Ok(port) => address::with_port(slots.text(field), port),
            Err(_) => format!("{}:{port}", slots.text(field)),
        };
        if address == slots.text(field) {
            continue;
        }
        match slots.slot_mut(field) {
            Some(slot) if slot.written && port == default => slot.held = Held::Text(address),
            _ => set(slots, field, Held::Text(address), name),
        }
    }
    sync_periods(slots, periods);
    let Some(hostname) = hostname.filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    let trimmed = hostname.trim();
    if trimmed.is_empty() {
        return Err(EMPTY_HOSTNAME.to_owned());
    }
    let held = Held::Text(trimmed.to_lowercase());
    set(slots, "hostnameOverride", held, "hostname-override");
    Ok(())
}

/// kube-proxy has one pair of periods inside: that of iptables, unless the mode is ipvs and its own flags
/// are set.
fn sync_periods(slots: &mut Slots, periods: Vec<(String, Held)>) {
    let mode = match slots.text("mode") {
        "ipvs" => "ipvs",
        "nftables" => "nftables",
        _ => "iptables",
    };
    if mode == "ipvs" {
        let least = Held::Duration(1_000_000_000);
        slots.default("ipvs.minSyncPeriod", least);
    }
    for (name, held) in periods {
        let of_ipvs = name.starts_with("ipvs");
        if of_ipvs == (mode == "ipvs") {
            let least = name.contains("-min-");
            let field = if least { "minSyncPeriod" } else { "syncPeriod" };
            set(slots, &format!("{mode}.{field}"), held, &name);
        }
    }
}

fn overlay(
    slots: &mut Slots,
    flag: &str,
    kind: Kind,
    field: &str,
    value: Option<&str>,
) -> Result<(), String> {
    // An empty address leaves the default in place.
    if matches!(kind, Kind::Ip | Kind::IpPort) && value == Some("") {
        return Ok(());
    }
    let mut held = held(flag, kind, value)?;
    let earlier = slots.slot(field).filter(|slot| slot.flag.is_some());
    match (&mut held, earlier.map(|slot| &slot.held)) {
        (Held::Texts(Some(texts)), Some(Held::Texts(Some(before)))) => {
            texts.splice(0..0, before.iter().cloned());
        }
        (Held::Flags(Some(gates)), Some(Held::Flags(Some(before)))) => {
            let mut all = before.clone();
            all.retain(|(name, _)| !gates.iter().any(|(gate, _)| gate == name));
            all.append(gates);
            *gates = all;
        }
        _ => {}
    }
    set(slots, field, held, flag);
    Ok(())
}

fn needed<'text>(flag: &str, value: Option<&'text str>) -> Result<&'text str, String> {
    value.ok_or_else(|| format!("flag needs an argument: --{flag}"))
}

fn held(flag: &str, kind: Kind, value: Option<&str>) -> Result<Held, String> {
    if matches!(kind, Kind::Bool) {
        return match value.unwrap_or("true") {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Held::Bool(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Held::Bool(false)),
            other => Err(invalid(flag, other, "it is no boolean")),
        };
    }
    let text = needed(flag, value)?;
    let is_ip = |text: &str| address::ip(text).is_some();
    match kind {
        Kind::Text | Kind::Bool => Ok(Held::Text(text.to_owned())),
        Kind::Ip if is_ip(text) => Ok(Held::Text(text.to_owned())),
        Kind::Ip => Err(invalid(flag, text, "it is not a valid IP address")),
        Kind::IpPort => match address::split_host_port(text) {
            _ if is_ip(text) => Ok(Held::Text(text.to_owned())),
            Some((host, port))
                if is_ip(host)
                    && address::atoi(port).is_some_and(|port| (0..=65_535).contains(&port)) =>
            {
                Ok(Held::Text(text.to_owned()))
            }
            _ => Err(invalid(
                flag,
                text,
                "it is not in a valid format (ip or ip:port)",
            )),
        },
        Kind::Int => number(flag, text).map(Held::Int),
        Kind::Verbosity => match text.parse::<i32>() {
            Ok(level) if level >= 0 => Ok(Held::Int(i64::from(level))),
            _ => Err(invalid(flag, text, "it is no level")),
        },
        Kind::Float => match text.parse::<f32>() {
            Ok(number) if number.is_finite() => Ok(Held::Float(number)),
            _ => Err(invalid(flag, text, "it is no number")),
        },
        Kind::Duration => duration::parse(text)
            .map(Held::Duration)
            .map_err(|message| invalid(flag, text, &message)),
        Kind::List if text.is_empty() => Ok(Held::Texts(Some(Vec::new()))),
        Kind::List => Ok(Held::Texts(Some(text.split(',').map(unquote).collect()))),
        Kind::Gates => gates(flag, text),
        Kind::Modules => modules(flag, text),
    }
}

/// pflag reads lists as CSV, where a field may stand in double quotes.
fn unquote(field: &str) -> String {
    match field
        .strip_prefix('"')
        .and_then(|field| field.strip_suffix('"'))
    {
        Some(inner) => inner.replace("\"\"", "\""),
        None => field.to_owned(),
    }
}

fn gates(flag: &str, text: &str) -> Result<Held, String> {
    let mut gates: Vec<(String, bool)> = Vec::new();
    for pair in text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let gate = pair.split_once('=').and_then(|(name, value)| {
            let on = match value.trim() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
                "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
                _ => return None,
            };
            Some((name.trim().to_owned(), on))
        });
        let gate = gate.ok_or_else(|| invalid(flag, pair, "a gate is written name=true"))?;
        gates.retain(|(name, _)| *name != gate.0);
        gates.push(gate);
    }
    Ok(Held::Flags(Some(gates)))
}

fn modules(flag: &str, text: &str) -> Result<Held, String> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    let module = |pair: &str| {
        let (pattern, level) = pair.split_once('=')?;
        let level = level.parse::<u32>().ok()?;
        (!pattern.is_empty()).then(|| (pattern.to_owned(), i64::from(level)))
    };
    pairs
        .map(|pair| module(pair).ok_or_else(|| invalid(flag, pair, "expect pattern=N")))
        .collect::<Result<_, _>>()
        .map(Held::Modules)
}

/// pflag's int32: `strconv.ParseInt(text, 0, 32)`.
fn number(flag: &str, text: &str) -> Result<i64, String> {
    parse_int(text)
        .filter(|number| i32::try_from(*number).is_ok())
        .ok_or_else(|| invalid(flag, text, "it is no 32-bit number"))
}

fn invalid(flag: &str, text: &str, why: &str) -> String {
    format!(
        "invalid argument {} for \"--{flag}\" flag: {why}",
        quoted(text)
    )
}
