//! The kubeconfig gives a CA of its own that can be read.

use serde::Deserialize;

use super::{Instance, Kind, Verdict, by_hand, each_kubeconfig};
use crate::baseline::Check;
use crate::certificates::{Bundle, Damage};
use crate::facts::{Facts, NoBundle};
use crate::kubeconfig::Kubeconfig;

/// `kubeconfig-ca: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigCa {}

/// What the certificates are good for. Go passes over what it cannot read, as long as one is left.
fn judged(bundle: &Bundle) -> (Verdict, String) {
    let mut damaged = bundle.damaged.iter();
    let said = damaged
        .next()
        .map(|(place, why)| format!("its certificate {place} {why}"));
    match (bundle.certificates.len(), said) {
        (1, None) => (Verdict::Pass, "1 certificate".into()),
        (count, None) => (Verdict::Pass, format!("{count} certificates")),
        (0, Some(said)) => {
            let broken = bundle.damaged.iter().all(|(_, why)| *why == Damage::Broken);
            let verdict = if broken {
                Verdict::Fail
            } else {
                Verdict::Unknown
            };
            (verdict, said)
        }
        (count, Some(said)) => (Verdict::Pass, format!("{count} that can be read; {said}")),
    }
}

/// What a kubeconfig's CA is good for: pass, fail or unknown, in words, and the line that gives it.
pub fn authority(facts: &Facts, kubeconfig: &Kubeconfig) -> (Verdict, String, Option<usize>) {
    if kubeconfig.cluster.is_none() {
        let said = "the current context has no cluster";
        return (Verdict::Fail, said.into(), None);
    }
    let Some(given) = &facts.credentials.authority else {
        return (Verdict::Fail, "no certificate-authority".into(), None);
    };
    let (verdict, said) = match &given.bundle {
        Ok(bundle) => {
            let (verdict, said) = judged(bundle);
            (verdict, format!("{}: {said}", given.described))
        }
        Err(NoBundle::Wrong(why)) => (Verdict::Fail, given.told(why)),
        Err(NoBundle::Unknown(why)) => (Verdict::Unknown, given.told(why)),
    };
    (verdict, said, given.origin.line)
}

impl Kind for KubeconfigCa {
    fn expected(&self) -> String {
        "a certificate-authority that exists and holds certificates".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_kubeconfig(facts, |_, kubeconfig| {
            let (verdict, said, line) = authority(facts, kubeconfig);
            match verdict {
                Verdict::Unknown => Instance::unknown(said),
                verdict => Instance::judged(verdict == Verdict::Pass, said, || by_hand(check)),
            }
            .line(line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judged};
    use crate::certificates::read;

    const CA: &[u8] = include_bytes!("../demo/ca.crt");
    const KEY: &[u8] = include_bytes!("../demo/kube-proxy.key");

    #[test]
    fn only_whole_certificates_count() {
        let verdict = |bytes: &[u8]| judged(&read(bytes).unwrap());
        assert_eq!(verdict(CA), (Verdict::Pass, "1 certificate".into()));
        let two = verdict(&[CA, CA].concat());
        assert_eq!(two, (Verdict::Pass, "2 certificates".into()));
        assert!(read(KEY).unwrap_err().contains("no certificate"));
        assert!(read(b"").is_err());
        assert!(read(b"\xff\xfe-----BEGIN").is_err());
        let cut: &[u8] = b"-----BEGIN CERTIFICATE-----\nMIIBfzCC\n-----END CERTIFICATE-----\n";
        let said = "its certificate 1 is damaged".to_owned();
        assert_eq!(verdict(cut), (Verdict::Fail, said));
        let (both, said) = verdict(&[cut, CA].concat());
        assert_eq!(both, Verdict::Pass);
        assert_eq!(said, "1 that can be read; its certificate 1 is damaged");
        // A sequence in a sequence, as long as it says, and no certificate.
        let other: &[u8] = b"-----BEGIN CERTIFICATE-----\nMAIwAA==\n-----END CERTIFICATE-----\n";
        assert_eq!(verdict(other).0, Verdict::Unknown);
    }
}
