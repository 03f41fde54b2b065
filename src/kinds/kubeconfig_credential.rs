//! How kube-proxy authenticates.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, each_kubeconfig};
use crate::baseline::Check;
use crate::facts::Facts;
use crate::kubeconfig::{Present, User};

/// `kubeconfig-credential: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigCredential {}

/// What is weak, in words and with its line.
fn weak(user: &User) -> Vec<(&'static str, usize)> {
    let line = |found: &Option<Present>| found.as_ref().map(|found| found.line);
    let named = [
        ("a password", line(&user.password)),
        ("a user name for basic authentication", line(&user.username)),
        ("a token in the file", line(&user.token)),
        ("exec", user.exec.as_ref().map(|exec| exec.line)),
        ("auth-provider", line(&user.auth_provider)),
        ("impersonation", line(&user.impersonate)),
        ("impersonation of a uid", line(&user.impersonate_uid)),
        ("impersonation of groups", line(&user.impersonate_groups)),
        ("impersonation with extras", line(&user.impersonate_extra)),
    ];
    let given = |(what, line): (&'static str, Option<usize>)| line.map(|line| (what, line));
    named.into_iter().filter_map(given).collect()
}

/// What is strong, in words.
fn strong(user: &User) -> Option<&'static str> {
    if user.client_certificate.is_some() || user.client_certificate_data.is_some() {
        return Some("client certificate");
    }
    user.token_file.as_ref().map(|_| "tokenFile")
}

impl Kind for KubeconfigCredential {
    fn expected(&self) -> String {
        "a client certificate or a tokenFile, and nothing weaker".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        each_kubeconfig(facts, |_, kubeconfig| {
            let by_hand = || by_hand(check);
            let Some(user) = &kubeconfig.user else {
                return Instance::judged(false, "the current context has no user", by_hand);
            };
            let weak = weak(user);
            if let Some((_, line)) = weak.first() {
                let all: Vec<&str> = weak.iter().map(|(what, _)| *what).collect();
                return Instance::judged(false, all.join(", "), by_hand).line(Some(*line));
            }
            match strong(user) {
                Some(what) => Instance::judged(true, what, || Mend::None).line(Some(user.line)),
                None => Instance::judged(false, "no credential", by_hand).line(Some(user.line)),
            }
        })
    }
}
