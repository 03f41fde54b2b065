//! What every command needs: the root, the baselines, the state, how to print.

mod facts;

use std::io::IsTerminal;
use std::path::PathBuf;

use super::manifests;
use super::network::can_be_let_in;
use serde_json::Value;

use crate::baseline::{self, Baseline};
use crate::check::{self, MaxRisk, Outcome, Selection};
use crate::cli::{EffectOptions, Format, Global};
use crate::effects::{POD_TIMEOUT, Progress, Settings, UNIT_TIMEOUT};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::plan::{Inputs, Planned, Planner};
use crate::report;
use crate::report::style::{Style, err, out};
use crate::root::{Meta, NodePath, Root, Where};
use crate::transaction::{StateDir, machine_id};
use crate::waivers::{self, Waivers};

/// Where transactions are kept when root runs the tool.
const STATE: &str = "/var/lib/tighten";

/// One run of the tool.
pub struct Context {
    /// The node.
    pub root: Root,
    /// What to judge by.
    pub baselines: Vec<Baseline>,
    /// Which checks.
    pub selection: Selection,
    /// What the command line says about the node.
    pub inputs: Inputs,
    /// How to print.
    pub style: Style,
    /// Text or JSON.
    pub format: Format,
    /// More.
    pub verbose: bool,
    /// Less.
    pub quiet: bool,
    /// The flags in use, for commands that a message names.
    pub flags: String,
    /// How restarts and health are taken care of.
    pub effects: Settings,
    /// What is accepted of what is found; nothing for commands that do not judge.
    pub waivers: Waivers,
    state: Option<PathBuf>,
    /// What the command line says about risk, when it says anything.
    max_risk: Option<MaxRisk>,
    /// The manifests that came from stdin.
    stdin: Option<(Meta, Vec<u8>)>,
}

impl Context {
    /// Opens the root and loads the baselines.
    ///
    /// # Errors
    /// When either cannot be had, or a check is named that does not exist.
    pub fn new(global: &Global) -> Result<Context, Failure> {
        proc_is_mounted()?;
        let root = open_root(global)?;
        let baselines = baseline::load(&global.baselines())?;
        let selection = Selection {
            only: global.only.clone(),
            skip: global.skip.clone(),
            max_risk: global.max_risk.unwrap_or_default(),
        };
        selection.known(&baselines)?;
        can_be_let_in(&global.allow_from)?;
        let named = |path: &Option<PathBuf>| -> Result<Option<NodePath>, Failure> {
            path.as_ref()
                .map(|path| {
                    global.node_path(path).ok_or_else(|| {
                        Failure::usage(format!("{} cannot be a path of the node", path.display()))
                    })
                })
                .transpose()
        };
        let inputs = Inputs {
            machine_id: machine_id(&root),
            root: root.host().display().to_string(),
            baselines: baselines
                .iter()
                .map(|baseline| (baseline.name.clone(), baseline.checksum.clone()))
                .collect(),
            only: global.only.clone(),
            skip: global.skip.clone(),
            max_risk: global.max_risk.unwrap_or_default(),
            node_ip: global.node_ip,
            allow_from: global.allow_from.clone(),
            config: named(&global.config)?,
            kubeconfig: named(&global.kubeconfig)?,
            manifests: manifests::paths(global)?,
            image_digest: global.image_digest.clone(),
        };
        let stdin = manifests::stdin(&inputs.manifests)?;
        let live = matches!(root.place(), Where::Live);
        let root_runs = live && nix::unistd::geteuid().is_root();
        Ok(Context {
            root,
            baselines,
            selection,
            inputs,
            style: Style::new(global.color),
            format: global.format(),
            verbose: global.verbose,
            quiet: global.quiet,
            flags: global.flags(),
            effects: Settings {
                run: root_runs,
                systemctl: None,
                unit_timeout: UNIT_TIMEOUT,
                pod_timeout: POD_TIMEOUT,
            },
            waivers: Waivers::default(),
            state: global.state_dir.clone(),
            max_risk: global.max_risk,
            stdin,
        })
    }

    /// The same with what the command line says about effects. Never in a tree that is not running,
    /// and never without root.
    #[must_use]
    pub fn with_effects(mut self, options: &EffectOptions) -> Context {
        self.effects = Settings {
            run: self.effects.run && !options.no_effects,
            systemctl: options.systemctl.clone(),
            unit_timeout: options.unit_timeout,
            pod_timeout: options.pod_timeout,
        };
        self
    }

    /// Where it is told what is waited for.
    pub fn progress(&self) -> Progress {
        Progress::new(std::io::stderr().is_terminal(), self.quiet)
    }

    /// Takes the inputs of a saved plan, which is applied exactly as it was made.
    ///
    /// # Errors
    /// When the command line asks for something else beside it.
    pub fn take_inputs(&mut self, saved: &Inputs) -> Result<(), Failure> {
        can_be_let_in(&saved.allow_from)?;
        let own = &self.inputs;
        let given = [
            (!own.only.is_empty(), "--only"),
            (!own.skip.is_empty(), "--skip"),
            (own.node_ip.is_some(), "--node-ip"),
            (own.config.is_some(), "--config"),
            (own.kubeconfig.is_some(), "--kubeconfig"),
            (
                own.image_digest.is_some() && own.image_digest != saved.image_digest,
                "--image-digest",
            ),
            // The commands that a message names carry it, beside the plan that was made with it too.
            (
                self.max_risk.is_some_and(|own| own != saved.max_risk),
                "--max-risk",
            ),
            (
                !own.allow_from.is_empty() && own.allow_from != saved.allow_from,
                "--allow-from",
            ),
        ];
        if let Some((_, flag)) = given.iter().find(|(given, _)| *given) {
            return Err(Failure::usage(format!(
                "{flag} cannot stand beside a saved plan, which is applied exactly or not at all"
            ))
            .help("make another plan with it: tighten plan --out FILE"));
        }
        manifests::same(&own.manifests, &saved.manifests)?;
        self.selection = Selection {
            only: saved.only.clone(),
            skip: saved.skip.clone(),
            max_risk: saved.max_risk,
        };
        self.inputs = Inputs {
            machine_id: own.machine_id.clone(),
            root: own.root.clone(),
            baselines: own.baselines.clone(),
            ..saved.clone()
        };
        Ok(())
    }

    /// Prints a text on stdout.
    pub fn say(&self, text: &str) {
        out(&report::with_flags(text, &self.flags));
    }

    /// The failure with the flags in use in the commands that its help names.
    #[must_use]
    pub fn hinted(&self, failure: Failure) -> Failure {
        hinted(failure, &self.flags)
    }

    /// The document with the flags in use in the commands that it names, where they decide what a command
    /// works on: without them it would work on this node.
    #[must_use]
    pub fn hinted_document(&self, mut document: Value) -> Value {
        if !self.inputs.manifests.is_empty() {
            report::with_flags_in(&mut document, &self.flags);
        }
        document
    }

    /// Prints a message on stderr.
    pub fn tell(&self, text: &str) {
        err(&report::with_flags(&report::printable(text), &self.flags));
    }

    /// Prints on stderr what a report made, colours and all.
    pub fn tell_report(&self, text: &str) {
        err(&report::with_flags(text, &self.flags));
    }

    /// Judges the node, and waives what the waivers accept.
    pub fn outcomes(&self, facts: &Facts) -> Vec<Outcome<'_>> {
        let mut outcomes = check::run(&self.baselines, &self.selection, facts);
        let hostname = facts.hostname.as_deref();
        self.waivers.waive(&mut outcomes, hostname);
        outcomes
    }

    /// Makes plans from what was found.
    pub fn planner<'a>(&'a self, facts: &'a Facts, outcomes: &'a [Outcome<'a>]) -> Planner<'a> {
        let states = self.waiver_states(facts, outcomes);
        let remarks = facts.remarks();
        let warnings = waivers::warnings(&states).into_iter();
        Planner::new(&self.root, facts, outcomes, &self.selection)
            .warning(warnings.chain(remarks.cloned()).collect())
    }

    /// Plans for the node, with every change.
    pub fn plan(&self, facts: &Facts, outcomes: &[Outcome]) -> Planned {
        self.planner(facts, outcomes)
            .plan(self.inputs.clone(), &|_| true)
    }

    /// The state directory, made when it is missing.
    ///
    /// # Errors
    /// When it cannot be had or is not safe.
    pub fn state(&self) -> Result<StateDir, Failure> {
        StateDir::open(&self.state_path()?, &self.root)
    }

    /// The state directory, when there is one.
    ///
    /// # Errors
    /// When it is not safe.
    pub fn existing_state(&self) -> Result<Option<StateDir>, Failure> {
        StateDir::open_existing(&self.state_path()?, &self.root)
    }

    fn state_path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.state {
            let absolute = std::path::absolute(path).map_err(|error| {
                Failure::usage(format!("--state-dir {}: {error}", path.display()))
            })?;
            // Without the slash at its end, behind which the kernel would follow a symlink.
            return Ok(absolute.components().collect());
        }
        if nix::unistd::geteuid().is_root() {
            return Ok(PathBuf::from(STATE));
        }
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
            .map(|base| base.join("tighten"))
            .ok_or_else(|| {
                Failure::refused(
                    "no place for the transaction: neither XDG_STATE_HOME nor HOME is set",
                )
                .help("name one with --state-dir DIR")
            })
    }

    /// Who runs the tool, for history.
    pub fn user() -> String {
        // sudo tells who asked; only used for showing.
        let asked = std::env::var("SUDO_USER").ok().filter(|name| {
            !name.is_empty()
                && name.len() <= 64
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        });
        let uid = nix::unistd::geteuid();
        match asked {
            Some(name) => name,
            None if uid.is_root() => "root".into(),
            None => format!("uid {uid}"),
        }
    }
}

/// The failure with the flags in use in the commands that its help names.
pub fn hinted(mut failure: Failure, flags: &str) -> Failure {
    let put_in = |text: String| report::with_flags(&text, flags);
    failure.state = failure.state.map(put_in);
    failure.help = failure.help.map(put_in);
    failure
}

/// What is open is read and changed through its handle's name in /proc; without it every file would
/// seem to be missing.
fn proc_is_mounted() -> Result<(), Failure> {
    match std::fs::metadata("/proc/self/fd") {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        // Any other error is told of the file for which it matters.
        _ => return Ok(()),
    }
    Err(
        Failure::refused("/proc is not mounted here, and no file can be looked at without it")
            .state("nothing was written")
            .help("mount it with: mount -t proc proc /proc"),
    )
}

/// Opens the node's file system.
///
/// # Errors
/// When it cannot be opened or is not a directory.
pub fn open_root(global: &Global) -> Result<Root, Failure> {
    let Some(path) = &global.root else {
        return Root::live()
            .map_err(|error| Failure::refused(format!("/: {error}")).because(error));
    };
    let refuse = |error: std::io::Error| {
        let failure = Failure::refused(format!("--root {}: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                failure.help("name the directory that holds the node's file system")
            }
            _ => failure.because(error),
        }
    };
    let real = std::fs::canonicalize(path).map_err(refuse)?;
    Root::directory(&real).map_err(|error| refuse(error.into()))
}
