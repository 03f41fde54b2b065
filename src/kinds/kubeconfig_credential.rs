//! How kube-proxy authenticates.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, each_kubeconfig};
use crate::baseline::Check;
use crate::facts::{Facts, Opens};
use crate::golang::text::quoted;
use crate::kubeconfig::{Kubeconfig, Present, User};

/// `kubeconfig-credential: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeconfigCredential {}

/// Most users that are named.
const SHOWN: usize = 3;

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

/// kube-proxy never uses them, and whoever reads the file has them all the same (facts page, section 6).
fn stray(check: &Check, kubeconfig: &Kubeconfig) -> Instance {
    let mut users: Vec<&str> = Vec::new();
    for secret in &kubeconfig.stray_secrets {
        if !users.contains(&secret.value.as_str()) {
            users.push(&secret.value);
        }
    }
    let more = match users.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown: Vec<String> = users.iter().take(SHOWN).map(|user| quoted(user)).collect();
    let observed = format!(
        "secrets of {}{more}, whom the current context does not use",
        shown.join(", ")
    );
    let first = kubeconfig.stray_secrets.first();
    Instance::judged(false, observed, || by_hand(check)).line(first.map(|secret| secret.line))
}

impl Kind for KubeconfigCredential {
    fn expected(&self) -> String {
        "a client certificate or a tokenFile, and nothing weaker".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let mut all = each_kubeconfig(facts, |_, kubeconfig| {
            let by_hand = || by_hand(check);
            let Some(user) = &kubeconfig.user else {
                return Instance::judged(false, "the current context has no user", by_hand);
            };
            let weak = weak(user);
            if let Some((_, line)) = weak.first() {
                let all: Vec<&str> = weak.iter().map(|(what, _)| *what).collect();
                return Instance::judged(false, all.join(", "), by_hand).line(Some(*line));
            }
            // client-go reads it before its first request (tools/clientcmd/client_config.go).
            if let (Some(file), Some(Opens::No)) = (&user.token_file, &facts.credentials.token_file)
            {
                let said = format!("tokenFile: {} does not exist", file.value);
                return Instance::judged(false, said, by_hand).line(Some(file.line));
            }
            match strong(user) {
                Some(what) => Instance::judged(true, what, || Mend::None).line(Some(user.line)),
                None => Instance::judged(false, "no credential", by_hand).line(Some(user.line)),
            }
        });
        if matches!(&facts.kubeconfig, Some(Ok(read)) if !read.stray_secrets.is_empty()) {
            all.extend(each_kubeconfig(facts, |_, kubeconfig| {
                stray(check, kubeconfig)
            }));
        }
        all
    }
}
