//! The audit policy that the API server of this node uses, or could use.

use serde::Deserialize;

use super::{Instance, Kind, Mend, by_hand, fix_or_by_hand};
use crate::baseline::{Check, Fix, content};
use crate::facts::{ApiServer, Facts, Origin, OriginKind, PolicyPath};
use crate::golang::header;
use crate::goyaml::{self, Data, Item};
use crate::root::{FileKind, LookError, NodePath};

/// `audit-policy: {}`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPolicy {}

/// What the API server demands of `apiVersion` and `kind`.
const HEADER: header::Expected = header::Expected {
    group: "audit.k8s.io",
    version: "v1",
    kind: "Policy",
    missing: header::Missing::Refused,
    scheme: "",
};
const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];

/// Why the API server would not start with this policy.
enum Refused {
    /// It would not.
    No(String),
    /// It is more than is read here.
    Unjudged(String),
}

/// Judges the contents: a policy of audit.k8s.io/v1 with rules, each with a level.
fn contents(bytes: &[u8]) -> Result<usize, Refused> {
    let no = |why: &str| Err(Refused::No(why.into()));
    let root = goyaml::load(bytes)
        .map_err(|trouble| match trouble.budget {
            true => Refused::Unjudged(trouble.message),
            false => Refused::No(format!("it cannot be read: {}", trouble.message)),
        })?
        .root;
    match &root.data {
        Data::Null => return no("it is empty"),
        Data::Map(_) => {}
        _ => return no("it is no policy of audit.k8s.io/v1"),
    }
    if header::check(&root, &HEADER).is_err() {
        return no("it is no policy of audit.k8s.io/v1");
    }
    let rules = root.get("rules").map(|entry| entry.item.items());
    let rules = rules.unwrap_or_default();
    if rules.is_empty() {
        return no("it has no rules, and the API server refuses it");
    }
    let known = |rule: &Item| {
        rule.get("level")
            .and_then(|entry| entry.item.text())
            .is_some_and(|level| LEVELS.contains(&level))
    };
    match rules.iter().find(|rule| !known(rule)) {
        Some(rule) => Err(Refused::No(format!(
            "the rule in line {} has no level that there is, and the API server refuses it",
            rule.line
        ))),
        None => Ok(rules.len()),
    }
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
            Err(Refused::No(why)) => refused(why),
            Err(Refused::Unjudged(why)) => Instance::unknown(why),
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
        Some(create) => Mend::Create(path.clone(), create.content.clone(), create.mode.0),
        None => by_hand(check),
    })
}

impl Kind for AuditPolicy {
    fn expected(&self) -> String {
        "an audit policy that the API server accepts".into()
    }

    fn judge(&self, check: &Check, facts: &Facts) -> Vec<Instance> {
        let Some(server) = &facts.api_server else {
            return vec![Instance::not_applicable("no kube-apiserver on this node")];
        };
        if let Some(problem) = &server.problem {
            return vec![Instance::unknown(problem)];
        }
        let (path, origin) = match &server.policy {
            PolicyPath::Named(path, origin) => (path, origin.clone()),
            PolicyPath::Default(path) => (path, Origin::at(OriginKind::File, path, None)),
            PolicyPath::Unreachable(shown, origin) => {
                return vec![
                    Instance::unknown(format!(
                        "{} names {shown}, which the node does not see",
                        server.described
                    ))
                    .from(origin),
                ];
            }
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
            Err(Refused::No(why) | Refused::Unjudged(why)) => {
                Err(format!("the fix creates {:?}, but {why}", create.content))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Refused, contents};

    #[test]
    fn a_policy_has_a_header_and_rules_with_levels() {
        let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
        let judged = |text: &str| match contents(text.as_bytes()) {
            Ok(_) => String::new(),
            Err(Refused::No(why)) => why,
            Err(Refused::Unjudged(why)) => format!("? {why}"),
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
            (String::new(), "empty"),
            ("# nothing\n".into(), "empty"),
            ("text".into(), "no policy"),
            ("[]".into(), "no policy"),
            ("a: [".into(), "cannot be read"),
            ("rules: [{level: None}]".into(), "no policy"),
            (
                head.replace("v1", "v1beta1") + "rules: [{level: None}]",
                "no policy",
            ),
            (
                head.replace("Policy", "Pod") + "rules: [{level: None}]",
                "no policy",
            ),
            (head.to_string(), "no rules"),
            (format!("{head}rules: []\n"), "no rules"),
            (format!("{head}rules: {{level: None}}\n"), "no rules"),
            (format!("{head}rules:\n- users: [x]\n"), "line 4"),
            (format!("{head}rules:\n- level: metadata\n"), "line 4"),
            (format!("{head}rules: [null]\n"), "no level"),
        ] {
            assert!(judged(&bad).contains(why), "{bad}: {}", judged(&bad));
        }
    }
}
