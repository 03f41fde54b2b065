//! The kubeconfig gives a CA of its own that can be read.

use serde::Deserialize;

use super::{Instance, Kind, Verdict, by_hand, each_kubeconfig};
use crate::baseline::Check;
use crate::facts::{Facts, Role, Target};
use crate::kubeconfig::Kubeconfig;
use crate::root::LookError;

/// `kubeconfig-ca: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigCa {}

/// Number of certificates in PEM text; `Err` says what is wrong with it. Only the outer form of each is
/// looked at: a DER sequence that is as long as it says.
fn certificates(bytes: &[u8]) -> Result<usize, String> {
    let blocks = pem::parse_many(bytes).map_err(|_| "it is not PEM".to_string())?;
    let mut found = 0;
    for block in blocks.iter().filter(|block| block.tag() == "CERTIFICATE") {
        if !is_sequence(block.contents()) {
            return Err(format!("its certificate {} is damaged", found + 1));
        }
        found += 1;
    }
    match found {
        0 => Err("it holds no certificate".into()),
        found => Ok(found),
    }
}

/// True for a DER sequence whose length is that of the bytes.
fn is_sequence(der: &[u8]) -> bool {
    let Some((0x30, rest)) = der.split_first().map(|(tag, rest)| (*tag, rest)) else {
        return false;
    };
    let Some((first, rest)) = rest.split_first() else {
        return false;
    };
    let count = usize::from(first & 0x7f);
    if first & 0x80 == 0 {
        return rest.len() == count;
    }
    let Some((length, body)) = rest
        .split_at_checked(count)
        .filter(|_| (1..=4).contains(&count))
    else {
        return false;
    };
    let length = length
        .iter()
        .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    body.len() == length
}

/// The file that `certificate-authority` names.
fn file(facts: &Facts, line: usize) -> Option<&Target> {
    facts
        .targets(Role::ProxyCertificate)
        .find(|target| target.origin.line == Some(line))
}

/// What a kubeconfig's CA is good for: pass, fail or unknown, in words, and the line that gives it.
pub fn authority(facts: &Facts, kubeconfig: &Kubeconfig) -> (Verdict, String, Option<usize>) {
    let judged = |bytes: &[u8], what: &str| match certificates(bytes) {
        Ok(1) => (Verdict::Pass, format!("{what}: 1 certificate")),
        Ok(count) => (Verdict::Pass, format!("{what}: {count} certificates")),
        Err(why) => (Verdict::Fail, format!("{what}: {why}")),
    };
    let Some(cluster) = &kubeconfig.cluster else {
        return (
            Verdict::Fail,
            "the current context has no cluster".into(),
            None,
        );
    };
    if let Some(data) = &cluster.certificate_authority_data {
        let (verdict, said) = judged(data.value.pem(), "certificate-authority-data");
        return (verdict, said, Some(data.line));
    }
    let Some(named) = &cluster.certificate_authority else {
        return (Verdict::Fail, "no certificate-authority".into(), None);
    };
    let (verdict, said) = match file(facts, named.line).map(|target| (target, &target.seen)) {
        None => (
            Verdict::Unknown,
            format!("{} cannot be a path", named.value),
        ),
        Some((target, Ok(seen))) => match &seen.bytes {
            Some(bytes) => judged(bytes, target.path.as_str()),
            None => (
                Verdict::Unknown,
                format!("{} {}", target.path, seen.unread()),
            ),
        },
        // A container's own file that the node does not see says nothing.
        Some((target, Err(LookError::Missing))) if target.hidden().is_some() => (
            Verdict::Unknown,
            format!("{} is not visible on the node", target.path),
        ),
        Some((target, Err(LookError::Missing))) => {
            (Verdict::Fail, format!("{} does not exist", target.path))
        }
        Some((target, Err(error))) => (Verdict::Unknown, format!("{} {error}", target.path)),
    };
    (verdict, said, Some(named.line))
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
    use super::certificates;

    const CA: &[u8] = include_bytes!("../demo/ca.crt");
    const KEY: &[u8] = include_bytes!("../demo/kube-proxy.key");

    #[test]
    fn only_whole_certificates_count() {
        assert_eq!(certificates(CA), Ok(1));
        assert_eq!(certificates(&[CA, CA].concat()), Ok(2));
        assert!(certificates(KEY).unwrap_err().contains("no certificate"));
        assert!(certificates(b"").is_err());
        assert!(certificates(b"\xff\xfe-----BEGIN").is_err());
        let cut = b"-----BEGIN CERTIFICATE-----\nMIIBfzCC\n-----END CERTIFICATE-----\n";
        assert!(certificates(cut).unwrap_err().contains("damaged"));
    }
}
