//! The list of arguments in the configuration of k3s or RKE2: `kube-proxy-arg`, items without dashes.

use super::{At, Set};
use crate::edit::{self, Refused, Scalar, Step};
use crate::yaml::{self, Value};

/// The flag's name in an item, and whether it adds to what the agent gives by itself (`name+=value`).
pub fn name_of(item: &str) -> (String, bool) {
    let name = item.trim_start_matches("--");
    let name = name.split('=').next().unwrap_or_default();
    let bare = name.trim_end_matches(['+', '-']);
    (bare.replace('_', "-"), bare != name)
}

/// Sets an argument in the list under a key; where there is none, the list is made.
///
/// # Errors
/// When it does not stand where it was found, or the document cannot be edited with certainty.
pub fn set(bytes: &[u8], key: &str, set: &Set) -> Result<Vec<u8>, String> {
    set.spelled()?;
    let item = format!("{}={}", set.name, set.value);
    if bytes.is_empty() {
        return Ok(format!("{key}:\n- \"{item}\"\n").into_bytes());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let document = yaml::parse_first(text)
        .map_err(|refusal| format!("line {}: {}", refusal.line, refusal.message))?;
    let here = document.root.as_ref().and_then(|root| root.get(key));
    let at = vec![Step::Key(key.into())];
    let refused = |refused: Refused| refused.to_string();
    let texts: Vec<&str> = match here.map(|node| &node.value) {
        Some(Value::Sequence(items, _)) => {
            let texts = items.iter().map(|item| item.text());
            texts.collect::<Option<_>>().ok_or("an item is no text")?
        }
        Some(Value::Scalar(..)) if here.is_some_and(|node| !node.is_null()) => {
            here.and_then(|node| node.text()).into_iter().collect()
        }
        Some(Value::Mapping(..) | Value::Alias(_)) => return Err(format!("{key} is no list")),
        _ => Vec::new(),
    };
    let is_list = here.is_some_and(|node| matches!(node.value, Value::Sequence(..)));
    if set.at == At::Behind {
        if is_list && !texts.is_empty() {
            return edit::append(bytes, &at, &Scalar::Text(item)).map_err(refused);
        }
        let mut all: Vec<String> = texts.into_iter().map(String::from).collect();
        all.push(item);
        return edit::set(bytes, &at, &Scalar::List(all)).map_err(refused);
    }
    let last = texts
        .iter()
        .rposition(|text| name_of(text) == (set.name.clone(), false));
    let Some((index, old)) = last.and_then(|index| Some((index, texts.get(index)?))) else {
        return Err(format!("{key} does not give {} any more", set.name));
    };
    let spelled = old.split('=').next().unwrap_or_default();
    let item = Scalar::Text(format!("{spelled}={}", set.value));
    let mut at = at;
    if is_list {
        at.push(Step::Index(index));
    }
    edit::set(bytes, &at, &item).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, at: At) -> Result<String, String> {
        let wanted = Set {
            name: "profiling".into(),
            value: "false".into(),
            at,
        };
        let bytes = set(text.as_bytes(), "kube-proxy-arg", &wanted)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn an_argument_is_set_in_its_list_in_each_of_its_forms() {
        for (before, at, after) in [
            ("", At::Behind, "kube-proxy-arg:\n- \"profiling=false\"\n"),
            (
                "kube-proxy-arg: # a\n- v=2\n- --profiling=true # b\n",
                At::InPlace,
                "kube-proxy-arg: # a\n- v=2\n- \"--profiling=false\" # b\n",
            ),
            (
                "kube-proxy-arg:\n  - v=2\nx: 1\n",
                At::Behind,
                "kube-proxy-arg:\n  - v=2\n  - \"profiling=false\"\nx: 1\n",
            ),
            (
                "kube-proxy-arg: profiling\n",
                At::InPlace,
                "kube-proxy-arg: \"profiling=false\"\n",
            ),
            (
                "kube-proxy-arg: v=2 # a\n",
                At::Behind,
                "kube-proxy-arg: [\"v=2\", \"profiling=false\"] # a\n",
            ),
            (
                "x: 1\n",
                At::Behind,
                "x: 1\nkube-proxy-arg: [\"profiling=false\"]\n",
            ),
            (
                "kube-proxy-arg: []\n",
                At::Behind,
                "kube-proxy-arg: [\"profiling=false\"]\n",
            ),
        ] {
            assert_eq!(changed(before, at).as_deref(), Ok(after), "{before}");
        }
        for refused in [
            "kube-proxy-arg: {a: b}\n",
            "kube-proxy-arg: [[a]]\n",
            "a: [\n",
        ] {
            assert!(changed(refused, At::Behind).is_err(), "{refused}");
        }
        assert!(changed("kube-proxy-arg: [profiling+=x]\n", At::InPlace).is_err());
    }
}
