//! Certificates at chosen times: the clock is a fact like any other.

use super::{Verdict, facts, path};
use crate::baseline;
use crate::certificates::{self, Certificate, Moment};
use crate::check::{self, Selection};
use crate::facts::{Credentials, Given, Origin, OriginKind};
use crate::kubeconfig;

const CLIENT: &[u8] = include_bytes!("../../demo/kube-proxy.crt");
const KUBECONFIG: &[u8] = include_bytes!("../../demo/kubeconfig");
const DAY: u64 = 86_400;

fn certificate() -> Certificate {
    let bundle = certificates::read(CLIENT).unwrap();
    bundle.first().unwrap().clone()
}

/// The verdict and its words when the machine's clock stands at that time.
fn at(clock: u64) -> (Verdict, String) {
    let mut facts = facts("", None, None);
    let file = path("/var/lib/kube-proxy/kube-proxy.crt");
    facts.kubeconfig = Some(Ok(kubeconfig::read(KUBECONFIG).unwrap()));
    facts.clock.0 = Moment(clock);
    facts.credentials = Credentials {
        client: Some(Given {
            path: file.clone(),
            origin: Origin::at(OriginKind::File, &file, None),
            described: file.to_string(),
            bundle: certificates::read(CLIENT).map_err(|_| unreachable!()),
        }),
        ..Credentials::default()
    };
    let baselines = baseline::load(&["kube-proxy".to_string()]).unwrap();
    let selection = Selection {
        only: vec!["certificate-expired".into()],
        ..Selection::default()
    };
    let outcomes = check::run(&baselines, &selection, &facts);
    let instance = outcomes[0].instances[0].clone();
    (instance.verdict, instance.observed.unwrap())
}

#[test]
fn a_certificate_fails_from_30_days_before_its_last_second_on_and_passes_before() {
    let last = certificate().not_after.0;
    let name = "CN=system:kube-proxy, O=system:node-proxier";
    let until = "2126-10-30T17:54:44Z";
    let good = (Verdict::Pass, format!("{name} valid until {until}"));
    assert_eq!(at(last - 31 * DAY), good);
    assert_eq!(at(last - 30 * DAY), good);
    let soon = format!("{name} expires on {until}, within 30 days");
    assert_eq!(at(last - 30 * DAY + 1), (Verdict::Fail, soon.clone()));
    assert_eq!(at(last), (Verdict::Fail, soon));
    let gone = format!("{name} expired on {until}");
    assert_eq!(at(last + 1), (Verdict::Fail, gone.clone()));
    assert_eq!(at(u64::MAX), (Verdict::Fail, gone));
}

#[test]
fn a_certificate_fails_up_to_the_second_before_its_first() {
    let first = certificate().not_before.0;
    let early =
        "CN=system:kube-proxy, O=system:node-proxier is not valid before 2026-11-23T17:54:44Z";
    assert_eq!(at(first - 1), (Verdict::Fail, early.to_owned()));
    assert_eq!(at(0), (Verdict::Fail, early.to_owned()));
    assert_eq!(at(first).0, Verdict::Pass);
}
