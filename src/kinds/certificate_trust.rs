//! The API server would take the client certificate.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, each_client_certificate};
use crate::baseline::Check;
use crate::certificates::{Bundle, Certificate, Chain, Moment, chain};
use crate::facts::{ClientAuthority, Facts, ServerSource};

/// `certificate-trust: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateTrust {}

fn fails(check: &Check, fault: String) -> Instance {
    Instance::judged(false, fault, || by_hand(check))
}

/// Against the CAs that are known, of the API server or, as a hint, of the kubelet.
fn against(
    check: &Check,
    certificate: &Certificate,
    along: &[&Certificate],
    known: &ClientAuthority,
    now: Moment,
) -> Instance {
    let path = &known.path;
    let bundle: &Bundle = match &known.bundle {
        Ok(bundle) => bundle,
        Err(why) => return Instance::unknown(format!("the client CA {why}")),
    };
    let authorities: Vec<&Certificate> = bundle.all().collect();
    let subject = &certificate.subject;
    let instance = match chain(certificate, along, &authorities, now) {
        Chain::Signed(by) => {
            let said = format!("{subject} signed by {by}");
            return Instance::judged(true, said, || Mend::None);
        }
        Chain::Unchecked(why) => {
            let said = format!("{subject} names a signer of {path}");
            return Instance::unknown(format!("{said}, and its signature was not verified: {why}"));
        }
        // Go might read, and trust, one that could not be read here.
        _ if !bundle.damaged.is_empty() => {
            let (place, why) = bundle
                .damaged
                .first()
                .map_or((0, String::new()), |(place, why)| (*place, why.to_string()));
            return Instance::unknown(format!("{path}: its certificate {place} {why}"));
        }
        Chain::NotValid(by) => format!("{subject} is signed by {by}, which is not valid now"),
        Chain::Insecure => format!("{subject} is signed with SHA-1 or MD5, which is refused"),
        Chain::OtherKey => {
            format!("{subject} names a signer of {path}, whose key did not make the signature")
        }
        Chain::NoSigner => format!("{subject} is not signed by any CA of {path}"),
    };
    match known.hint {
        true => Instance::unknown(format!(
            "{instance}; that is the kubelet's client CA, which need not be the API server's"
        )),
        false => fails(check, instance),
    }
}

impl Kind for CertificateTrust {
    fn expected(&self) -> String {
        "a certificate for clients, signed by a client CA of the API server".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let given = facts.credentials.client.as_ref();
        let bundle = given.and_then(|given| given.bundle.as_ref().ok());
        let along: Vec<&Certificate> =
            bundle.map_or(Vec::new(), |bundle| bundle.others().collect());
        each_client_certificate(facts, |certificate| {
            if !certificate.purpose.client {
                let said = "its extended key usage does not allow clients";
                return fails(check, format!("{}: {said}", certificate.subject));
            }
            match (&facts.client_authority, &facts.api_server) {
                (_, Some(server)) if server.problem.is_some() => {
                    let why = server.problem.clone().unwrap_or_default();
                    Instance::unknown(format!("{}: {why}", server.described))
                }
                (Some(known), _) => against(check, certificate, &along, known, facts.clock.0),
                // A distribution's agent gives it one that no flag on the node names.
                (None, Some(server)) if matches!(server.source, ServerSource::Controller(..)) => {
                    Instance::not_applicable(format!(
                        "{}: its client CA is not among the flags",
                        server.described
                    ))
                }
                (None, Some(server)) => fails(
                    check,
                    format!(
                        "{}: no --client-ca-file, so no client certificate counts",
                        server.described
                    ),
                ),
                (None, None) => Instance::not_applicable(
                    "the client CA of the API server is not known on this node",
                ),
            }
        })
    }
}
