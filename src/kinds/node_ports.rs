//! nodePortAddresses: set, and not to all addresses in another spelling.

use std::net::IpAddr;

use serde::Deserialize;

use super::config_address::split;
use super::config_value::{EMPTY, placed, set, values};
use super::{Instance, Kind, Mend, by_hand, fix_or_by_hand};
use crate::baseline::{Check, Fix, Version, Written};
use crate::discover::address::usable;
use crate::facts::Facts;
use crate::golang::address::{cidr_is_ipv4, ip};
use crate::proxyconfig;

const KEY: &str = "nodePortAddresses";

/// The first release that knows `primary`.
const PRIMARY: Version = Version {
    major: 1,
    minor: 31,
};

/// `node-ports: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodePorts {}

/// Addresses from the first to the last, as numbers.
type Span = (u128, u128);

/// What a list opens.
enum Open {
    /// Chosen addresses, with what is to be said about them.
    Chosen(Option<String>),
    /// All addresses, and the list cannot be meant: it may be replaced.
    All(&'static str),
    /// All addresses, and part of the list was chosen, or another value is to blame.
    AllByHand(String),
}

/// What a list opens on a node with these addresses, as far as they are known.
fn open(list: &[&str], bind_address: &str, local: Option<&[IpAddr]>) -> Open {
    let loopback = split(bind_address).is_some_and(|(address, _)| address.is_loopback());
    match list {
        // Seen on 1.36.2: the loopback node IP is dropped, and an empty list means all.
        [] if loopback => {
            Open::AllByHand("unset means all addresses, and primary with a loopback bindAddress means them too: mend bindAddress first, as bind-address-wildcard does".into())
        }
        [] => Open::All("unset means all addresses"),
        list if list.contains(&"primary") => {
            if loopback {
                Open::AllByHand("primary with a loopback bindAddress means all addresses: mend bindAddress, as bind-address-wildcard does".into())
            } else {
                Open::Chosen(None)
            }
        }
        list => ranges(list, local),
    }
}

/// Judges each family on its own: one without a range is open on all its addresses.
fn ranges(list: &[&str], local: Option<&[IpAddr]>) -> Open {
    let of = |ipv4: bool| -> Vec<Span> {
        let ranges = list.iter().filter_map(|text| span(text));
        ranges
            .filter_map(|(is_ipv4, span)| (is_ipv4 == ipv4).then_some(span))
            .collect()
    };
    let families = [(true, "IPv4", of(true)), (false, "IPv6", of(false))];
    let all = |(ipv4, _, spans): &&(bool, &'static str, Vec<Span>)| covers_all(*ipv4, spans);
    let given = || families.iter().filter(|(_, _, spans)| !spans.is_empty());
    if let Some((_, name, _)) = given().find(all) {
        return if given().all(|family| all(&family)) {
            Open::All("the list holds all addresses")
        } else {
            Open::AllByHand(format!(
                "the list holds all {name} addresses: narrow its {name} ranges"
            ))
        };
    }
    let Some((ipv4, name, _)) = families.iter().find(|(_, _, spans)| spans.is_empty()) else {
        return Open::Chosen(None);
    };
    let has = |address: &&IpAddr| address.is_ipv4() == *ipv4 && usable(**address);
    match local.map(|local| local.iter().find(has)) {
        Some(None) => Open::Chosen(None),
        Some(Some(address)) => Open::AllByHand(format!(
            "no {name} range is given, so {name} is open on all addresses, and this node has {address}: add {name} ranges"
        )),
        None => Open::Chosen(Some(format!(
            "no {name} range is given, so {name} stays open on all addresses where the node has it"
        ))),
    }
}

/// The family of a CIDR and the addresses in it.
fn span(text: &str) -> Option<(bool, Span)> {
    let is_ipv4 = cidr_is_ipv4(text)?;
    let (address, mask) = text.split_once('/')?;
    let mask: u32 = mask.parse().ok()?;
    let (bits, mask, first) = match ip(address)? {
        // An IPv4 address in IPv6 form has a mask of 128 bits.
        IpAddr::V4(v4) if is_ipv4 && address.contains(':') => {
            (32, mask.checked_sub(96)?, v4.to_bits().into())
        }
        IpAddr::V4(v4) if is_ipv4 => (32, mask, v4.to_bits().into()),
        IpAddr::V4(v4) => (128, mask, v4.to_ipv6_mapped().to_bits()),
        IpAddr::V6(v6) => (128, mask, v6.to_bits()),
    };
    let size = u128::MAX.checked_shr(128 - bits + mask).unwrap_or_default();
    Some((is_ipv4, (first & !size, first | size)))
}

/// True when NodePorts are open on an IPv4 loopback address, for which kube-proxy sets route_localnet.
pub(super) fn on_loopback(list: &[&str], bind_address: &str) -> bool {
    const LOOPBACK: Span = (0x7f00_0000, 0x7fff_ffff);
    if list.contains(&"primary") {
        // With a loopback node IP the list comes to nothing, which means all.
        return split(bind_address).is_some_and(|(address, _)| address.is_loopback());
    }
    let ipv4: Vec<Span> = list
        .iter()
        .filter_map(|text| span(text))
        .filter_map(|(is_ipv4, span)| is_ipv4.then_some(span))
        .collect();
    ipv4.is_empty()
        || ipv4
            .iter()
            .any(|(first, end)| *first <= LOOPBACK.1 && LOOPBACK.0 <= *end)
}

/// True when the ranges hold every address that a node can have: multicast and the unspecified ones
/// are no node's.
fn covers_all(ipv4: bool, spans: &[Span]) -> bool {
    let never: [Span; 2] = if ipv4 {
        [(0, 0x00ff_ffff), (0xe000_0000, 0xffff_ffff)]
    } else {
        [(0, 0), (0xff << 120, u128::MAX)]
    };
    let last = if ipv4 {
        u128::from(u32::MAX)
    } else {
        u128::MAX
    };
    let mut sorted: Vec<Span> = spans.iter().chain(&never).copied().collect();
    sorted.sort_unstable();
    let mut next = 0;
    for (first, end) in sorted {
        if first > next {
            return false;
        }
        if end >= last {
            return true;
        }
        next = next.max(end + 1);
    }
    false
}

impl Kind for NodePorts {
    fn expected(&self) -> String {
        "chosen addresses".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let values = match values(facts) {
            Ok(values) => values,
            Err(instance) => return vec![*instance],
        };
        let mut list = values.list(KEY).unwrap_or_default();
        let version = facts.proxy.version.as_deref().and_then(Version::read);
        if let Some(version) = version.filter(|version| *version < PRIMARY)
            && list.contains(&"primary")
        {
            // Before that release nftables had no default of its own.
            if values.field(KEY).is_some_and(|field| field.defaulted) {
                list.clear();
            } else {
                let why = format!(
                    "kube-proxy {version} does not know primary and does not start with it"
                );
                let instance = Instance::judged(false, format!("{KEY}: primary"), || {
                    Mend::ByHand(why.clone())
                });
                return vec![placed(instance.because(why), facts, values, KEY)];
            }
        }
        let bind_address = values.text("bindAddress").unwrap_or_default();
        let observed = match list.as_slice() {
            [] => format!("{KEY} is not set"),
            list => format!("{KEY}: {}", list.join(", ")),
        };
        let instance = match open(&list, bind_address, facts.local_addresses.as_deref()) {
            Open::Chosen(reason) => {
                let instance = Instance::judged(true, observed, || Mend::None);
                match reason {
                    Some(reason) => instance.because(reason),
                    None => instance,
                }
            }
            Open::All(why) => Instance::judged(false, observed, || {
                fix_or_by_hand(check, |fix| match &fix.value {
                    Some(value) => set(facts, check, KEY, value.clone().into()),
                    None => by_hand(check),
                })
            })
            .because(why),
            Open::AllByHand(why) => {
                Instance::judged(false, observed, || Mend::ByHand(why.clone())).because(why.clone())
            }
        };
        vec![placed(instance, facts, values, KEY)]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        let Some(Written::List(list)) = &fix.value else {
            return Err("a fix of node-ports gives a list".into());
        };
        let text = format!("{EMPTY}{KEY}: {}\n", serde_json::json!(list));
        if let Some(problem) = proxyconfig::read(text.as_bytes()).error {
            return Err(format!(
                "kube-proxy would refuse the fix: {}",
                problem.message
            ));
        }
        let texts: Vec<&str> = list.iter().map(String::as_str).collect();
        match open(&texts, "192.0.2.10", None) {
            Open::Chosen(_) => {}
            Open::All(why) => return Err(format!("the fix leaves all addresses open: {why}")),
            Open::AllByHand(why) => {
                return Err(format!("the fix leaves all addresses open: {why}"));
            }
        }
        let older = fix.needs_version.is_none_or(|version| version < PRIMARY);
        if older && texts.contains(&"primary") {
            return Err(format!(
                "primary needs needs-version: \"{PRIMARY}\" at least"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(list: &[&str], local: Option<&[&str]>) -> &'static str {
        let local: Option<Vec<IpAddr>> =
            local.map(|all| all.iter().map(|text| text.parse().unwrap()).collect());
        match open(list, "10.0.0.10", local.as_deref()) {
            Open::Chosen(None) => "chosen",
            Open::Chosen(Some(_)) => "chosen, but",
            Open::All(_) => "all",
            Open::AllByHand(_) => "all, by hand",
        }
    }

    #[test]
    fn a_family_is_judged_by_the_union_of_its_ranges() {
        for (list, expected) in [
            (&["0.0.0.0/0"][..], "all"),
            (&["0.0.0.0/00"], "all"),
            (&["10.1.2.3/0"], "all"),
            (&["::/0", "0.0.0.0/0"], "all"),
            (&["0.0.0.0/1", "128.0.0.0/1"], "all"),
            (&["128.0.0.0/1", "0.0.0.0/1", "10.0.0.0/8"], "all"),
            (&["1.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"], "all"),
            (&["::/1", "8000::/1"], "all"),
            (
                &[
                    "::/1", "8000::/2", "c000::/3", "e000::/4", "f000::/5", "f800::/6", "fc00::/7",
                    "fe00::/8",
                ],
                "all",
            ),
            (&["::ffff:0.0.0.0/96"], "all"),
            (&["10.0.0.0/8", "::/0"], "all, by hand"),
            (&["0.0.0.0/1", "128.0.0.0/1", "fd00::/8"], "all, by hand"),
            (&["0.0.0.0/1", "128.0.0.0/2"], "chosen, but"),
            (&["10.0.0.0/8"], "chosen, but"),
            (&["::ffff:10.0.0.0/104"], "chosen, but"),
            (&["fd00::/8"], "chosen, but"),
            (&["10.0.0.0/8", "fd00::/8"], "chosen"),
            (&["10.0.0.10/32", "fd00::1/128"], "chosen"),
            (&["primary"], "chosen"),
            (&[], "all"),
        ] {
            assert_eq!(verdict(list, None), expected, "{list:?}");
        }
    }

    #[test]
    fn a_family_without_a_range_is_open_where_the_node_has_it() {
        let v4 = &["127.0.0.1", "::1", "10.0.0.10", "fe80::1"];
        let both = &["10.0.0.10", "fd00::10"];
        assert_eq!(verdict(&["10.0.0.0/8"], Some(v4)), "chosen");
        assert_eq!(verdict(&["10.0.0.0/8"], Some(both)), "all, by hand");
        assert_eq!(verdict(&["fd00::/8"], Some(both)), "all, by hand");
        assert_eq!(verdict(&["10.0.0.0/8", "fd00::/8"], Some(both)), "chosen");
    }

    #[test]
    fn loopback_is_open_where_a_range_meets_it_or_its_family_has_none() {
        for (list, bind, expected) in [
            (&[][..], "10.0.0.10", true),
            (&["10.0.0.0/8"], "10.0.0.10", false),
            (&["10.0.0.0/8", "127.0.0.1/32"], "10.0.0.10", true),
            (&["0.0.0.0/0"], "10.0.0.10", true),
            (&["126.0.0.0/7"], "10.0.0.10", true),
            (&["128.0.0.0/1"], "10.0.0.10", false),
            (&["fd00::/8"], "10.0.0.10", true),
            (&["primary"], "10.0.0.10", false),
            (&["primary"], "127.0.0.1", true),
        ] {
            assert_eq!(on_loopback(list, bind), expected, "{list:?} {bind}");
        }
    }

    #[test]
    fn primary_means_all_behind_a_loopback_bind_address() {
        for bind in ["127.0.0.1", "::1", "127.1.2.3"] {
            for list in [&["primary"][..], &[]] {
                assert!(
                    matches!(open(list, bind, None), Open::AllByHand(_)),
                    "{bind}"
                );
            }
        }
    }
}
