//! What a running kube-proxy says of its configuration on `/configz`.
//!
//! It shows the program's inner type, whose names have changed between releases and are not the
//! file's: capital letters, `NodeIPOverride` for bindAddress in newer ones. What it does not show
//! under a name that is known says nothing.

use serde_json::Value;

use crate::proxyconfig::Effective;

/// The settings that are compared, and the names under which `/configz` shows each.
const SHOWN: &[(&str, &[&[&str]])] = &[
    ("bindAddress", &[&["BindAddress"], &["NodeIPOverride"]]),
    ("healthzBindAddress", &[&["HealthzBindAddress"]]),
    ("metricsBindAddress", &[&["MetricsBindAddress"]]),
    ("bindAddressHardFail", &[&["BindAddressHardFail"]]),
    ("enableProfiling", &[&["EnableProfiling"]]),
    ("nodePortAddresses", &[&["NodePortAddresses"]]),
    (
        "iptables.localhostNodePorts",
        &[&["IPTables", "LocalhostNodePorts"]],
    ),
];

/// Longest value that a message quotes, in letters.
const MAX_SHOWN: usize = 100;

/// Compares what runs with what it was told: `Err` names the first setting that differs, or says what
/// the answer is instead.
pub(super) fn compare(told: &Effective, body: &[u8]) -> Result<(), String> {
    let document: Value =
        serde_json::from_slice(body).map_err(|_| "/configz is not JSON".to_string())?;
    let shown = document
        .get("kubeproxy.config.k8s.io")
        .ok_or("/configz shows no configuration of kube-proxy")?;
    for (name, spellings) in SHOWN {
        let Some(field) = told.field(name).filter(|field| field.written) else {
            continue;
        };
        let found = spellings.iter().find_map(|spelling| find(shown, spelling));
        if let Some(found) = found
            && !same(&field.value, found)
        {
            return Err(format!(
                "it runs with {name}: {}, and {} was written",
                short(found),
                field.value
            ));
        }
    }
    Ok(())
}

/// A value for a message: who answers in kube-proxy's place may send a megabyte.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((cut, _)) => format!("{}..", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

fn find<'v>(shown: &'v Value, spelling: &[&str]) -> Option<&'v Value> {
    let mut at = shown;
    for key in spelling {
        let mut entries = at.as_object()?.iter();
        at = entries.find(|(name, _)| name.eq_ignore_ascii_case(key))?.1;
    }
    Some(at)
}

fn same(told: &Value, shown: &Value) -> bool {
    match (told, shown) {
        // Newer releases hold the one address as a list.
        (Value::String(one), Value::Array(several)) => {
            matches!(several.as_slice(), [only] if only == one)
        }
        (Value::Null, Value::Array(none)) | (Value::Array(none), Value::Null) => none.is_empty(),
        _ => told == shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(config: &str, shown: &str) -> Result<(), String> {
        let text = format!(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n{config}"
        );
        let reading = crate::proxyconfig::read(text.as_bytes());
        compare(&reading.values.unwrap(), shown.as_bytes())
    }

    #[test]
    fn what_runs_must_be_what_was_written() {
        let config = "bindAddress: 10.0.0.7\nenableProfiling: false\nnodePortAddresses: [primary]\niptables: {localhostNodePorts: false}\n";
        let shown = |address: &str, profiling: bool| {
            format!(
                r#"{{"kubeproxy.config.k8s.io": {{{address}, "EnableProfiling": {profiling}, "NodePortAddresses": ["primary"], "IPTables": {{"LocalhostNodePorts": false}}}}}}"#
            )
        };
        let old = r#""BindAddress": "10.0.0.7""#;
        assert_eq!(compared(config, &shown(old, false)), Ok(()));
        let new = r#""NodeIPOverride": ["10.0.0.7"]"#;
        assert_eq!(compared(config, &shown(new, false)), Ok(()));
        let other = compared(config, &shown(old, true)).unwrap_err();
        assert!(other.contains("enableProfiling: true"), "{other}");
        let other = compared(config, &shown(r#""BindAddress": "0.0.0.0""#, false));
        assert!(other.unwrap_err().contains("bindAddress"));
    }

    #[test]
    fn what_is_not_shown_or_not_written_says_nothing() {
        let empty = r#"{"kubeproxy.config.k8s.io": {}}"#;
        assert_eq!(compared("bindAddress: 10.0.0.7\n", empty), Ok(()));
        let other = r#"{"kubeproxy.config.k8s.io": {"BindAddress": "1.1.1.1"}}"#;
        assert_eq!(compared("", other), Ok(()));
        let none = r#"{"kubeproxy.config.k8s.io": {"NodePortAddresses": null}}"#;
        assert_eq!(compared("nodePortAddresses: []\n", none), Ok(()));
    }

    #[test]
    fn a_value_without_end_is_not_quoted_whole() {
        let long = format!(
            r#"{{"kubeproxy.config.k8s.io": {{"BindAddress": "{}"}}}}"#,
            "1".repeat(1 << 19)
        );
        let why = compared("bindAddress: 10.0.0.7\n", &long).unwrap_err();
        assert!(why.len() < 200, "{}", why.len());
    }

    #[test]
    fn another_answer_is_no_configuration() {
        assert!(compared("", "not found").is_err());
        assert!(compared("", r#"{"kubelet": {}}"#).is_err());
    }
}
