//! The private key belongs to the client certificate.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, each_client_certificate};
use crate::baseline::Check;
use crate::certificates::Fit;
use crate::facts::Facts;

/// `certificate-key: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateKey {}

impl Kind for CertificateKey {
    fn expected(&self) -> String {
        "the private key of the client certificate".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_client_certificate(facts, |certificate| {
            let Some((fit, origin)) = &facts.credentials.key else {
                return Instance::not_applicable("the kubeconfig gives no key");
            };
            let subject = &certificate.subject;
            let instance = match fit {
                Ok(Fit::Belongs) => {
                    Instance::judged(true, format!("the key of {subject}"), || Mend::None)
                }
                Ok(Fit::Other) => {
                    let said = format!("the key is not that of {subject}");
                    Instance::judged(false, said, || by_hand(check))
                }
                Ok(Fit::Refused(what)) => {
                    let said = format!("{what} in the place of the key of {subject}");
                    Instance::judged(false, said, || by_hand(check))
                }
                Ok(Fit::Unknown(why)) => Instance::unknown(format!("not compared: {why}")),
                Err(why) => Instance::unknown(why.clone()),
            };
            let instance = instance.from(origin).line(origin.line);
            match &origin.path {
                Some(path) => instance.at(path),
                None => instance,
            }
        })
    }
}
