//! The command of a container in a static pod's manifest: `command` and `args`, an item a word.

use super::{At, Set};
use crate::discover::flags::{self, Given};
use crate::discover::words::{self, Variables};
use crate::edit::{self, Scalar, Step};
use crate::yaml::{self, Node, Value};

/// The arguments of the program in its container: each with the way to it.
struct Arguments {
    words: Vec<String>,
    ways: Vec<Vec<Step>>,
    /// The list to which another one is added.
    end: Vec<Step>,
}

fn key(name: &str) -> Step {
    Step::Key(name.into())
}

fn arguments(bytes: &[u8], program: &str) -> Result<Arguments, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let document = yaml::parse(text)
        .map_err(|refusal| format!("line {}: {}", refusal.line, refusal.message))?;
    let containers = document
        .root
        .as_ref()
        .and_then(|root| root.get("spec")?.get("containers"))
        .map(Node::items)
        .unwrap_or_default();
    for (number, container) in containers.iter().enumerate() {
        let base = [key("spec"), key("containers"), Step::Index(number)];
        let (mut words, mut ways, mut end) = (Vec::new(), Vec::new(), None);
        for list in ["command", "args"] {
            let Some(node) = container.get(list) else {
                continue;
            };
            let Value::Sequence(items, _) = &node.value else {
                return Err(format!("{list} is no list"));
            };
            let way = [&base[..], &[key(list)]].concat();
            for (index, item) in items.iter().enumerate() {
                words.push(
                    item.text()
                        .ok_or("a word of the command is no text")?
                        .to_string(),
                );
                ways.push([&way[..], &[Step::Index(index)]].concat());
            }
            end = Some(way);
        }
        let Some(start) = words::behind(&words, program) else {
            if words::arguments(&words, &Variables::new(), program).is_some() {
                return Err("a shell starts it".into());
            }
            continue;
        };
        let (Some(end), Some(ways)) = (end, ways.get(start..)) else {
            continue;
        };
        return Ok(Arguments {
            ways: ways.to_vec(),
            words: words.split_off(start.min(words.len())),
            end,
        });
    }
    Err(format!("no container starts {program} by itself"))
}

fn given(arguments: &Arguments, name: &str) -> Result<Vec<Given>, String> {
    if arguments.words.iter().any(|word| word == "--") {
        return Err("its command holds a --, behind which nothing is a flag".into());
    }
    let given = flags::given(&arguments.words).into_iter();
    Ok(given.filter(|given| given.name == name).collect())
}

/// How a flag is to be set.
///
/// # Errors
/// Why it cannot be.
pub fn place(bytes: &[u8], program: &str, name: &str, list: bool) -> Result<At, String> {
    let arguments = arguments(bytes, program)?;
    At::of(name, list, given(&arguments, name)?.len(), true)
}

/// Sets a flag.
///
/// # Errors
/// When it does not stand where it was found, or the manifest cannot be edited with certainty.
pub fn set(bytes: &[u8], program: &str, set: &Set) -> Result<Vec<u8>, String> {
    let flag = set.spelled()?;
    let arguments = arguments(bytes, program)?;
    if set.at == At::Behind {
        return edit::append(bytes, &arguments.end, &Scalar::Text(flag))
            .map_err(|refused| refused.to_string());
    }
    let given = given(&arguments, &set.name)?;
    let range = given.last().map(|given| given.words.clone());
    let last = range.as_ref().and_then(|range| range.end.checked_sub(1));
    let found = last.and_then(|last| Some((arguments.words.get(last)?, arguments.ways.get(last)?)));
    let Some((word, way)) = found else {
        return Err(format!("--{} is not given any more", set.name));
    };
    let spelled = match range.is_some_and(|range| range.len() == 1) {
        true => format!(
            "{}={}",
            word.split('=').next().unwrap_or_default(),
            set.value
        ),
        false => set.value.clone(),
    };
    edit::set(bytes, way, &Scalar::Text(spelled)).map_err(|refused| refused.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(command: &str) -> Result<String, String> {
        let text = format!("spec:\n  containers:\n  - name: kp\n{command}");
        let at = place(text.as_bytes(), "kube-proxy", "profiling", false)?;
        let wanted = Set {
            name: "profiling".into(),
            value: "false".into(),
            at,
        };
        let bytes = set(text.as_bytes(), "kube-proxy", &wanted)?;
        let text = String::from_utf8(bytes).unwrap();
        Ok(text.split_once("kp\n").unwrap().1.to_string())
    }

    #[test]
    fn a_flag_is_set_in_the_command_or_added_to_its_end() {
        for (before, after) in [
            (
                "    command:\n    - kube-proxy\n    - --profiling # a\n    - --v=2\n",
                "    command:\n    - kube-proxy\n    - \"--profiling=false\" # a\n    - --v=2\n",
            ),
            (
                "    command: [kube-proxy]\n    args:\n    - --v=2\n",
                "    command: [kube-proxy]\n    args:\n    - --v=2\n    - \"--profiling=false\"\n",
            ),
            (
                "    command: [kube-proxy, --v=$(V)]\n",
                "    command: [kube-proxy, --v=$(V), \"--profiling=false\"]\n",
            ),
        ] {
            assert_eq!(changed(before).as_deref(), Ok(after), "{before}");
        }
        for refused in [
            "    command: [sh, -c, kube-proxy --v=2]\n",
            "    command: [kube-proxy, --]\n",
            "    command: [other]\n",
            "    command: kube-proxy\n",
        ] {
            assert!(changed(refused).is_err(), "{refused}");
        }
    }
}
