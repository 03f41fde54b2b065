//! The CA and the client certificate are valid, now and for a while.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, each_certificate, given_at};
use crate::baseline::Check;
use crate::certificates::{Bundle, Certificate, Damage, Moment};
use crate::facts::{Facts, Given, NoBundle};

/// Longest time ahead that makes sense: certificates of CAs last ten years.
const MAX_DAYS: u32 = 3_650;
/// Most certificates of a bundle that are named.
const MAX_NAMED: usize = 8;

/// `certificate-validity: {days: 30}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateValidity {
    /// Days, counted from now, for which a certificate must stay valid.
    days: u32,
}

impl CertificateValidity {
    /// What is wrong with one certificate at that time.
    fn fault(&self, certificate: &Certificate, now: Moment) -> Option<String> {
        let (first, last) = (certificate.not_before, certificate.not_after);
        let subject = &certificate.subject;
        if now < first {
            return Some(format!("{subject} is not valid before {first}"));
        }
        if last < now {
            return Some(format!("{subject} expired on {last}"));
        }
        let soon = last < now.plus_days(self.days);
        soon.then(|| format!("{subject} expires on {last}, within {} days", self.days))
    }

    /// One valid certificate makes a CA bundle good; the others are named.
    fn authority(&self, check: &Check, given: &Given, bundle: &Bundle, now: Moment) -> Instance {
        let all: Vec<&Certificate> = bundle.all().collect();
        let faults: Vec<String> = all
            .iter()
            .filter_map(|certificate| self.fault(certificate, now))
            .collect();
        let mut named = faults.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>();
        if faults.len() > MAX_NAMED {
            named.push(format!("{} more", faults.len() - MAX_NAMED));
        }
        let named = named.join("; ");
        let good = all.iter().find(|one| self.fault(one, now).is_none());
        let instance = match good {
            Some(one) => {
                let instance = Instance::judged(true, until(one), || Mend::None);
                match faults.is_empty() {
                    true => instance,
                    false => instance.because(format!("beside it: {named}")),
                }
            }
            None if all.is_empty() => unread(check, given, bundle),
            // Go might read, and trust, one that could not be read here.
            None if bundle.damaged.iter().any(|(_, why)| *why != Damage::Broken) => {
                Instance::unknown(named)
            }
            None => Instance::judged(false, named, || by_hand(check)),
        };
        given_at(instance, given)
    }

    fn client(&self, check: &Check, given: &Given, bundle: &Bundle, now: Moment) -> Instance {
        let instance = match bundle.first() {
            Err(_) => unread(check, given, bundle),
            Ok(certificate) => match self.fault(certificate, now) {
                Some(fault) => Instance::judged(false, fault, || by_hand(check)),
                None => Instance::judged(true, until(certificate), || Mend::None),
            },
        };
        given_at(instance, given)
    }
}

fn until(certificate: &Certificate) -> String {
    format!(
        "{} valid until {}",
        certificate.subject, certificate.not_after
    )
}

/// The first certificate is damaged, which is a finding, or cannot be read here.
fn unread(check: &Check, given: &Given, bundle: &Bundle) -> Instance {
    let told =
        |place: usize, why: &Damage| format!("{}: its certificate {place} {why}", given.described);
    match bundle.damaged.first() {
        Some((place, why @ Damage::Unread(_))) => Instance::unknown(told(*place, why)),
        Some((place, why)) => Instance::judged(false, told(*place, why), || by_hand(check)),
        None => Instance::unknown("it holds no certificate"),
    }
}

impl Kind for CertificateValidity {
    fn expected(&self) -> String {
        format!("valid now and for {} days", self.days)
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let now = facts.clock.0;
        each_certificate(facts, || {
            let credentials = &facts.credentials;
            let missing = |given: &Given, why: &NoBundle| {
                let instance = match why {
                    NoBundle::Wrong(why) => {
                        Instance::judged(false, given.told_beside(why), || by_hand(check))
                    }
                    NoBundle::Unknown(why) => Instance::unknown(given.told_beside(why)),
                };
                given_at(instance, given)
            };
            let mut found = Vec::new();
            if let Some(given) = &credentials.authority {
                found.push(match &given.bundle {
                    Ok(bundle) => self.authority(check, given, bundle, now),
                    Err(why) => missing(given, why),
                });
            }
            if let Some(given) = &credentials.client {
                found.push(match &given.bundle {
                    Ok(bundle) => self.client(check, given, bundle, now),
                    Err(why) => missing(given, why),
                });
            }
            match found.is_empty() {
                true => vec![Instance::not_applicable(
                    "the kubeconfig gives no certificate",
                )],
                false => found,
            }
        })
    }

    fn sound(&self) -> Result<(), String> {
        match self.days <= MAX_DAYS {
            true => Ok(()),
            false => Err(format!("days must be at most {MAX_DAYS}")),
        }
    }
}
