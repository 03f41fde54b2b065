//! A second reading of a node's flags: as plain as the files of the cases are, and sharing nothing with the
//! discovery but the YAML library.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::model::{BOOLEAN, Case, Form, Oddity, Pairs, counting};
use super::render::{ARGS, ENVIRONMENT, K3S, K3S_MORE, POD, UNIT};

pub fn read(node: &Path, case: &Case) -> Pairs {
    let text = |path: &str| fs::read_to_string(node.join(path)).unwrap_or_default();
    let words = match case.form {
        Form::Unit => unit(node, case),
        Form::Lines => {
            let text = text(ARGS);
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let bare = lines.map(|line| line.replace(['"', '\''], ""));
            let words = bare.flat_map(|line| {
                let words: Vec<String> = line.split_whitespace().map(String::from).collect();
                words
            });
            words.collect()
        }
        Form::K3s => {
            let mut items = Vec::new();
            for path in [K3S, K3S_MORE] {
                let text = text(path);
                if text.is_empty() {
                    continue;
                }
                let document: Json = serde_yaml::from_str(&text).unwrap();
                for key in ["kube-proxy-arg", "kube-proxy-arg+"] {
                    match &document[key] {
                        Json::Array(list) => {
                            items.extend(list.iter().map(|item| item.as_str().unwrap().to_string()))
                        }
                        Json::String(one) => items.push(one.clone()),
                        _ => {}
                    }
                }
            }
            let items = items.iter().map(|item| item.trim_start_matches("--"));
            let dashed = items.map(|item| match item.contains('=') {
                true => format!("--{item}"),
                false => format!("--{item}=true"),
            });
            dashed.collect()
        }
        Form::Manifest => {
            let pod: Json = serde_yaml::from_str(&text(POD)).unwrap();
            let container = &pod["spec"]["containers"][1];
            let list = |key: &str| container[key].as_array().cloned().unwrap_or_default();
            let words = [list("command"), list("args")].concat();
            let mut words: Vec<String> = words
                .iter()
                .map(|word| word.as_str().unwrap().to_string())
                .collect();
            for variable in container["env"].as_array().unwrap().iter().rev() {
                let name = format!("$({})", variable["name"].as_str().unwrap());
                let value = variable["value"].as_str().unwrap();
                for word in &mut words {
                    *word = word.replace(&name, value);
                }
            }
            if case.oddity == Oddity::Shell {
                words = words[2].split(' ').map(String::from).collect();
            }
            words.remove(0);
            words
        }
    };
    flags(&words)
}

/// The command that counts by the names of the drop-ins, with its variable filled in.
fn unit(node: &Path, case: &Case) -> Vec<String> {
    let mut files = vec![match case.oddity {
        Oddity::Generated => node.join("run/systemd/generator/kube-proxy.service"),
        _ => node.join(UNIT),
    }];
    let mut more: Vec<_> = fs::read_dir(node.join(format!("{UNIT}.d")))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    more.sort();
    files.extend(more);
    let (mut exec, mut variable) = (String::new(), String::new());
    for file in files {
        let text = fs::read_to_string(file)
            .unwrap()
            .replace('\r', "")
            .replace("\\\n", " ");
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("ExecStart=") {
                exec = command.into();
            }
            if let Some(value) = line.strip_prefix("Environment=\"MORE_ARGS=") {
                variable = value.trim_end_matches('"').into();
            }
        }
    }
    let text = fs::read_to_string(node.join(ENVIRONMENT)).unwrap_or_default();
    if let Some((_, value)) = text.split_once("MORE_ARGS=") {
        variable = value.trim().trim_matches('"').into();
    }
    let bare = exec
        .replace(['"', '\''], "")
        .replace("$MORE_ARGS", &variable);
    let words = bare.split_whitespace();
    let behind = words
        .skip_while(|word| !word.ends_with("/usr/bin/kube-proxy"))
        .skip(1);
    behind
        .filter(|word| *word != "kube-proxy")
        .map(String::from)
        .collect()
}

fn flags(words: &[String]) -> Pairs {
    let mut found = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            break;
        }
        let bare = word.trim_start_matches('-');
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) => (name, value.to_string()),
            None if BOOLEAN.contains(&bare) => (bare, "true".into()),
            None => (bare, rest.next().cloned().unwrap_or_default()),
        };
        found.push((name.replace('_', "-"), value));
    }
    counting(found.into_iter())
}
