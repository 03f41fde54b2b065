//! k3s and RKE2: kube-proxy's flags out of their own configuration.
//!
//! Sources: k3s, pkg/configfilearg/parser.go (files and their merging), pkg/util/args.go (how arguments
//! meet defaults) and pkg/daemons/agent/agent_linux.go (the defaults); RKE2 is built on it.

use super::place::{Agent, AgentConfig, FlagPlace, Setting};
use crate::discover::flags::{self, Flag};
use crate::discover::pod::{Manifests, StaticPod};
use crate::discover::systemd::Unit;
use crate::facts::{Origin, OriginKind};
use crate::root::{LookError, NodePath, Root};
use crate::yaml::{self, Node, Value};

const KEY: &str = "kube-proxy-arg";

/// Services under which the agents are installed.
const SERVICES: &[(&str, Agent)] = &[
    ("k3s.service", Agent::K3s),
    ("k3s-agent.service", Agent::K3s),
    ("rke2-server.service", Agent::Rke2),
    ("rke2-agent.service", Agent::Rke2),
];

/// What an agent's configuration says of kube-proxy.
#[derive(Clone, Debug)]
pub struct Read {
    /// Where flags last.
    pub config: AgentConfig,
    /// Its service, when there is one.
    pub unit: Option<Unit>,
    /// Where it keeps its files.
    pub data: NodePath,
    /// What tells it to run no kube-proxy.
    pub disabled: Option<String>,
    /// Why the arguments are not known.
    pub problem: Option<String>,
    /// The node's address that it was told, and where.
    pub node_ip: Option<(String, Origin)>,
    /// The arguments that count, in order, each with where it stands.
    arguments: Vec<(String, Origin)>,
}

impl Read {
    /// Where a flag lasts. Arguments of the command line stand in the unit and are left there.
    pub fn place(&self) -> FlagPlace {
        match &self.problem {
            Some(problem) => FlagPlace::Nowhere(problem.clone()),
            None => FlagPlace::Agent(self.config.clone()),
        }
    }

    /// kube-proxy's flags: the arguments over what the agent gives by itself.
    pub fn flags(&self, given: &[Flag]) -> Vec<Flag> {
        merged(given, &self.arguments)
    }

    /// The arguments that count, as flags; `--name=value` is written `name=value` there.
    pub fn arguments(&self) -> Vec<Flag> {
        let flag = |(item, origin): &(String, Origin)| {
            flags::parse(&[format!("--{}", item.trim_start_matches("--"))], origin)
        };
        self.arguments.iter().flat_map(flag).collect()
    }

    /// What the agent gives by itself. The cluster's ranges and the node's name come from the server.
    pub fn defaults(&self) -> Vec<Flag> {
        let kubeconfig = format!("{}/agent/kubeproxy.kubeconfig", self.data);
        let own = [
            ("conntrack-max-per-core", "0"),
            ("conntrack-tcp-timeout-close-wait", "0s"),
            ("conntrack-tcp-timeout-established", "0s"),
            ("healthz-bind-address", "127.0.0.1"),
            ("kubeconfig", &kubeconfig),
            ("proxy-mode", "iptables"),
        ];
        let flag = |(name, value): (&str, &str)| Flag {
            name: name.into(),
            value: Some(value.into()),
            origin: Origin::DEFAULT,
        };
        own.map(flag).into()
    }
}

/// The static pod that RKE2 writes for kube-proxy, anew at each start.
pub fn pod(root: &Root) -> Option<StaticPod> {
    let directory = NodePath::new("/var/lib/rancher/rke2/agent/pod-manifests")?;
    Manifests::of(root, &directory).running("kube-proxy").pop()
}

/// The service of an agent, when it is installed. One that is named by the process counts first.
pub fn service(root: &Root, agent: Agent, named: Option<&str>) -> Option<Unit> {
    let known = SERVICES.iter().filter(|(_, whose)| *whose == agent);
    named
        .into_iter()
        .chain(known.map(|(name, _)| *name))
        .find_map(|name| crate::discover::systemd::load(root, name))
}

/// Reads an agent's configuration.
pub fn read(root: &Root, agent: Agent, named: Option<&str>) -> Option<Read> {
    read_as_if(root, agent, named, None)
}

/// Reads an agent's configuration as if the file at a path, with every symlink resolved, held these bytes.
pub fn read_as_if(
    root: &Root,
    agent: Agent,
    named: Option<&str>,
    supposed: Option<(&NodePath, &[u8])>,
) -> Option<Read> {
    let unit = service(root, agent, named);
    let words = unit
        .as_ref()
        .map_or(&[][..], |unit| unit.command.as_slice());
    let value = |names: &[&str]| named_values(words, names).pop();
    let program = agent.program();
    let environment = unit.as_ref().and_then(|unit| {
        let name = format!("{}_CONFIG_FILE", program.to_ascii_uppercase());
        unit.environment.get(&name).cloned()
    });
    let main = environment
        .or_else(|| value(&["--config", "-c"]))
        .unwrap_or_else(|| format!("/etc/rancher/{program}/config.yaml"));
    let main = NodePath::new(&main)?;
    let mut gathered = Gathered {
        problem: unit.as_ref().and_then(|unit| unit.problem.clone()),
        disabled: words
            .iter()
            .any(|word| word == "--disable-kube-proxy" || word == "--disable-kube-proxy=true")
            .then(|| "its command line".to_string()),
        ..Gathered::default()
    };
    for path in files(root, &main, &mut gathered.problem) {
        gathered.file(root, &path, path == main, supposed);
    }
    let on_command_line = named_values(words, &["--kube-proxy-arg"]);
    let counting = gathered.settings.iter().filter(|setting| setting.counts);
    let mut arguments: Vec<(String, Origin)> = counting
        .flat_map(|setting| {
            let origin = |line| Origin::at(OriginKind::File, &setting.path, Some(line));
            let items = setting.items.iter();
            items.map(move |(item, line)| (item.clone(), origin(*line)))
        })
        .collect();
    let mut problem = gathered.problem;
    if !on_command_line.is_empty() {
        let origin = unit.as_ref().and_then(|unit| unit.origin.clone());
        let origin = origin.unwrap_or(Origin::flag(None));
        // The documentation says that the command line replaces the list, the code adds to it.
        if !arguments.is_empty() {
            problem = Some(format!(
                "{KEY} stands on {}'s command line and in its configuration files, and which of them counts is not certain",
                agent.name()
            ));
        }
        arguments.extend(
            on_command_line
                .into_iter()
                .map(|word| (word, origin.clone())),
        );
    }
    // Of an option that takes one value the last counts: the command line's.
    let data = value(&["--data-dir", "-d"]).or(gathered.data);
    let data = data.as_deref().and_then(NodePath::new);
    let address = value(&["--node-ip", "-i"]).map(|text| {
        let origin = unit.as_ref().and_then(|unit| unit.origin.clone());
        (text, origin.unwrap_or(Origin::flag(None)))
    });
    Some(Read {
        config: AgentConfig {
            agent,
            main,
            files: gathered.files,
            settings: gathered.settings,
            service: unit.as_ref().map(|unit| unit.name.clone()),
        },
        unit,
        data: data.or_else(|| NodePath::new(&format!("/var/lib/rancher/{program}")))?,
        disabled: gathered.disabled,
        problem,
        node_ip: address.or(gathered.node_ip),
        arguments,
    })
}

/// The values of an option that takes one, `--name=value` or `--name value`.
fn named_values(words: &[String], names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.split_once('=') {
            Some((name, value)) if names.contains(&name) => found.push(value.to_string()),
            None if names.contains(&word.as_str()) => found.extend(rest.next().cloned()),
            _ => {}
        }
    }
    found
}

/// The main file and its drop-ins, in the order in which they are read.
fn files(root: &Root, main: &NodePath, problem: &mut Option<String>) -> Vec<NodePath> {
    let Some(directory) = NodePath::new(&format!("{main}.d")) else {
        return vec![main.clone()];
    };
    let names = match root.list(&directory) {
        Ok(names) => names,
        Err(LookError::Missing | LookError::NotDirectory) => Vec::new(),
        Err(error) => {
            *problem = Some(format!("{directory} {error}"));
            Vec::new()
        }
    };
    let is_yaml = |name: &&String| {
        let name = name.to_ascii_lowercase();
        name.ends_with(".yaml") || name.ends_with(".yml")
    };
    let dropins = names.iter().filter(is_yaml);
    let dropins = dropins.filter_map(|name| directory.join(name));
    std::iter::once(main.clone()).chain(dropins).collect()
}

#[derive(Default)]
struct Gathered {
    files: Vec<NodePath>,
    settings: Vec<Setting>,
    data: Option<String>,
    node_ip: Option<(String, Origin)>,
    disabled: Option<String>,
    problem: Option<String>,
}

impl Gathered {
    /// Takes what one file says. The file may hold the cluster's token, so nothing else of it is kept, and
    /// no message quotes it.
    fn file(
        &mut self,
        root: &Root,
        path: &NodePath,
        is_main: bool,
        supposed: Option<(&NodePath, &[u8])>,
    ) {
        let real = root.locate(path).map(|place| place.path);
        let is_it = |it: &NodePath| it == path || real.as_ref().is_ok_and(|real| real == it);
        let read = match supposed.filter(|(it, _)| is_it(it)) {
            Some((_, bytes)) => Ok(bytes.to_vec()),
            None => match root.open(path) {
                Ok((_, opened)) => opened.read(),
                // The agent does without its main file. A drop-in that leads nowhere it cannot read.
                Err(LookError::Missing | LookError::NotDirectory) if is_main => return,
                Err(error) => return self.fail(path, None, &error.to_string()),
            },
        };
        self.files.push(path.clone());
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => return self.fail(path, None, &error.to_string()),
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return self.fail(path, None, "is not UTF-8");
        };
        let document = match yaml::parse_first(&text) {
            Ok(document) => document,
            Err(refusal) => return self.fail(path, Some(refusal.line), &refusal.message),
        };
        let Some(root) = &document.root else {
            return;
        };
        if !root.is_null() && !matches!(root.value, Value::Mapping(..)) {
            return self.fail(path, Some(root.line), "is no mapping");
        }
        for (key, value) in root.entries() {
            match key.text() {
                Some("data-dir") => self.data = value.text().map(String::from),
                Some("node-ip") => {
                    let first = value.items().first().unwrap_or(value);
                    let origin = Origin::at(OriginKind::File, path, Some(first.line));
                    self.node_ip = first.text().map(|text| (text.to_string(), origin));
                }
                Some("disable-kube-proxy") => {
                    let told = value.text() == Some("true");
                    self.disabled = told.then(|| format!("{path}:{}", key.line));
                }
                Some(name) if name.trim_end_matches('+') == KEY => {
                    self.setting(path, name, key.line, value);
                }
                Some("<<") | None => {
                    self.fail(path, Some(key.line), "has a key that is not read here")
                }
                Some(_) => {}
            }
        }
    }

    fn setting(&mut self, path: &NodePath, name: &str, line: usize, value: &Node) {
        let list = matches!(value.value, Value::Sequence(..));
        let nodes = match &value.value {
            Value::Sequence(items, _) => items.iter().collect(),
            _ if value.is_null() => Vec::new(),
            _ => vec![value],
        };
        let mut items = Vec::new();
        for node in nodes {
            match node.text() {
                Some(text) => items.push((text.to_string(), node.line)),
                None => self.fail(path, Some(node.line), "has an argument that is no text"),
            }
        }
        if !name.ends_with('+') {
            for earlier in &mut self.settings {
                earlier.counts = false;
            }
        }
        self.settings.push(Setting {
            path: path.clone(),
            key: name.to_string(),
            line,
            items,
            list,
            counts: true,
        });
    }

    fn fail(&mut self, path: &NodePath, line: Option<usize>, why: &str) {
        let line = line.map_or(String::new(), |line| format!(":{line}"));
        self.problem
            .get_or_insert_with(|| format!("{path}{line} {why}"));
    }
}

/// Arguments over given flags, as the agents merge them: a name that is given replaces it, `name+` adds
/// behind it and `name-` before it.
fn merged(given: &[Flag], arguments: &[(String, Origin)]) -> Vec<Flag> {
    let mut found: Vec<Flag> = given.to_vec();
    let mut replaced: Vec<String> = Vec::new();
    for (argument, origin) in arguments {
        let argument = argument.trim_start_matches("--");
        let (name, value) = argument.split_once('=').unwrap_or((argument, "true"));
        let bare = name.trim_end_matches(['+', '-']);
        let word = format!("--{bare}={value}");
        let Some(flag) = flags::parse(&[word], origin).pop() else {
            continue;
        };
        if name == bare && !replaced.contains(&flag.name) {
            found.retain(|known| known.name != flag.name);
        }
        replaced.push(flag.name.clone());
        match found.iter().position(|known| known.name == flag.name) {
            Some(first) if name.ends_with('-') => found.insert(first, flag),
            _ => found.push(flag),
        }
    }
    found
}
