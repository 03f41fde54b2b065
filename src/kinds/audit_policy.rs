//! The audit policy that the API server of this node uses, or could use.

use serde::Deserialize;

use super::{Contents, Instance, Kind, Mend, by_hand, fix_or_by_hand};
use crate::auditpolicy::{Policy, Refused};
use crate::baseline::{Check, Fix, content};
use crate::facts::{ApiServer, Facts, Origin, OriginKind, PolicyPath};
use crate::goyaml::{self, Data};
use crate::root::{FileKind, LookError, NodePath};

/// `audit-policy: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPolicy {}

/// Reads a policy as the API server does.
pub(super) fn contents(bytes: &[u8]) -> Result<usize, Refused> {
    let refused = match Policy::read(bytes) {
        Ok(policy) => return Ok(policy.rules.len()),
        Err(refused) => refused,
    };
    // The API server's own message speaks of a version that nobody wrote.
    let empty = goyaml::load(bytes).is_ok_and(|loaded| loaded.root.data == Data::Null);
    Err(Refused {
        message: match (refused.unjudged, empty) {
            (true, _) => refused.message,
            (_, true) => "it is empty".into(),
            _ => format!("the API server refuses it: {}", refused.message),
        },
        ..refused
    })
}

/// The API server, the path of its policy and who names it; where there is nothing to judge, that.
pub(super) fn policy_of(facts: &Facts) -> Result<(&ApiServer, &NodePath, Origin), Box<Instance>> {
    let Some(server) = &facts.api_server else {
        let instance = Instance::not_applicable("no kube-apiserver on this node");
        return Err(Box::new(instance));
    };
    if let Some(problem) = &server.problem {
        return Err(Box::new(Instance::unknown(problem)));
    }
    match &server.policy {
        PolicyPath::Named(path, origin) => Ok((server, path, origin.clone())),
        PolicyPath::Default(path) => Ok((server, path, Origin::at(OriginKind::File, path, None))),
        PolicyPath::Unreachable(shown, origin) => {
            let why = format!(
                "{} names {shown}, which the node does not see",
                server.described
            );
            Err(Box::new(Instance::unknown(why).from(origin)))
        }
    }
}

/// The bytes of the policy; where there are none to judge, that.
pub(super) fn readable(server: &ApiServer) -> Result<&[u8], Box<Instance>> {
    let instance = match (&server.policy_seen, &server.policy_bytes) {
        (Err(LookError::Missing), _) => Instance::not_applicable("there is no audit policy"),
        (Ok(meta), _) if meta.kind != FileKind::File => {
            let what = meta.kind.describe();
            Instance::unknown(format!("it is {what}, not a regular file"))
        }
        (Err(error), _) | (_, Err(error)) => Instance::unknown(error.to_string()),
        (Ok(_), Ok(bytes)) => return Ok(bytes),
    };
    Err(Box::new(instance))
}

/// Judges what lies at the path.
fn existing(server: &ApiServer) -> Instance {
    let refused = |why: String| Instance::judged(false, why.clone(), || Mend::ByHand(why));
    match (&server.policy_seen, &server.policy_bytes) {
        (Ok(meta), _) if meta.kind != FileKind::File => {
            let what = meta.kind.describe();
            refused(format!("it is {what}, not a regular file"))
        }
        (_, Ok(bytes)) => match contents(bytes) {
            Ok(1) => Instance::judged(true, "a policy with 1 rule", || Mend::None),
            Ok(rules) => {
                Instance::judged(true, format!("a policy with {rules} rules"), || Mend::None)
            }
            Err(why) if why.unjudged => Instance::unknown(why.message).line(why.line),
            Err(why) => refused(why.message).line(why.line),
        },
        (Err(error), _) | (_, Err(error)) => Instance::unknown(error.to_string()),
    }
}

/// What puts a policy where there is none.
fn create(check: &Check, server: &ApiServer, path: &NodePath) -> Mend {
    if let Some(target) = &server.policy_link {
        return Mend::ByHand(format!("{path} is a symlink to {target}, where nothing is"));
    }
    if server.policy_among_pods {
        return Mend::ByHand(format!(
            "the kubelet takes every file in {} for a pod: name another place with --audit-policy-file",
            path.parent()
        ));
    }
    if let Err(error) = &server.directory {
        return Mend::ByHand(format!("its directory {} {error}", path.parent()));
    }
    fix_or_by_hand(check, |fix| match &fix.create {
        Some(create) => Mend::Create(
            path.clone(),
            Contents::Carried(create.content.clone()),
            create.mode.0,
        ),
        None => by_hand(check),
    })
}

impl Kind for AuditPolicy {
    fn expected(&self) -> String {
        "an audit policy that the API server accepts".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let (server, path, origin) = match policy_of(facts) {
            Ok(found) => found,
            Err(instance) => return vec![*instance],
        };
        let instance = match &server.policy_seen {
            Err(LookError::Missing) => {
                Instance::judged(false, "it does not exist", || create(check, server, path))
            }
            _ => existing(server),
        };
        vec![instance.at(path).from(&origin)]
    }

    fn accepts(&self, fix: &Fix) -> Result<(), String> {
        let Some(create) = &fix.create else {
            return Err("a fix of audit-policy creates a file".into());
        };
        if create.mode.0 & 0o077 != 0 {
            return Err(format!(
                "the fix creates it with mode {}, open to others",
                create.mode
            ));
        }
        let text = content(&create.content)
            .ok_or_else(|| format!("the binary carries no file {:?}", create.content))?;
        match contents(text.as_bytes()) {
            Ok(_) => Ok(()),
            Err(refused) => Err(format!(
                "the fix creates {:?}, but {}",
                create.content, refused.message
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::contents;

    #[test]
    fn a_policy_is_what_the_api_server_starts_with() {
        let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
        let judged = |text: &str| match contents(text.as_bytes()) {
            Ok(_) => String::new(),
            Err(refused) => {
                assert!(!refused.unjudged, "{text}");
                refused.message
            }
        };
        for good in [
            format!("{head}rules:\n- level: None\n"),
            format!("---\n{head}rules: [{{level: Metadata, users: [x]}}]\n---\nx\n"),
            r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"Request"}]}"#
                .into(),
        ] {
            assert_eq!(judged(&good), "", "{good}");
        }
        for (bad, why) in [
            (String::new(), "it is empty"),
            ("# nothing\n".into(), "it is empty"),
            ("text".into(), "json parse error"),
            ("[]".into(), "json parse error"),
            ("a: [".into(), "failed decoding: yaml"),
            ("rules: [{level: None}]".into(), "unknown group version"),
            (
                head.replace("v1", "v1beta1") + "rules: [{level: None}]",
                "no kind",
            ),
            (
                head.replace("Policy", "Pod") + "rules: [{level: None}]",
                "no kind",
            ),
            (head.to_string(), "0 rules"),
            (format!("{head}rules: []\n"), "0 rules"),
            (
                format!("{head}rules: {{level: None}}\n"),
                "cannot unmarshal",
            ),
            (format!("{head}rules:\n- users: [x]\n"), "rules[0].level"),
            (
                format!("{head}rules:\n- level: metadata\n"),
                "rules[0].level",
            ),
            (format!("{head}rules: [null]\n"), "rules[0].level"),
        ] {
            assert!(judged(&bad).contains(why), "{bad}: {}", judged(&bad));
        }
    }
}
