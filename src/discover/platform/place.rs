//! Where a flag of kube-proxy lasts: the file whose reader starts kube-proxy with it again.

use serde::{Deserialize, Serialize};

use crate::root::NodePath;

/// Where a flag is written so that the next start has it.
///
/// The flags themselves are in [`KubeProxy::flags`](crate::discover::KubeProxy), each with the file and
/// line that gave it; a default of the platform has the origin `default`. `--config` is a flag among
/// them: with it most other flags count for nothing, and values belong into the file that it names.
#[derive(Clone, Debug, PartialEq)]
pub enum FlagPlace {
    /// In the command of the systemd service that [`KubeProxy::unit`](crate::discover::KubeProxy::unit)
    /// gives, through a drop-in.
    Unit,
    /// In the list `kube-proxy-arg` of k3s or RKE2.
    Agent(AgentConfig),
    /// In a file that holds nothing but flags and is read at each start, as MicroK8s has one. The path as
    /// it is named; a symlink leads to the revision that runs.
    ArgsFile(ArgsFile),
    /// In the manifest of a static pod that nobody rewrites.
    Manifest(NodePath),
    /// In no file of this node: why, and where instead.
    Nowhere(String),
}

impl Default for FlagPlace {
    fn default() -> FlagPlace {
        FlagPlace::Nowhere("no command line of kube-proxy is known here".into())
    }
}

/// A file of flags, and who reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct ArgsFile {
    /// The file, as its reader names it.
    pub path: NodePath,
    /// The systemd service that reads it when it starts.
    pub service: String,
    /// The variables that its reader fills in, such as `SNAP_DATA`.
    pub variables: Vec<(String, String)>,
}

/// The program that runs kube-proxy and has a configuration of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Agent {
    /// k3s, which runs kube-proxy inside its own process.
    K3s,
    /// RKE2, which writes a static pod for it.
    Rke2,
}

impl Agent {
    /// The program's name, and that of its directories.
    pub fn program(self) -> &'static str {
        match self {
            Agent::K3s => "k3s",
            Agent::Rke2 => "rke2",
        }
    }

    /// How people write it.
    pub fn name(self) -> &'static str {
        match self {
            Agent::K3s => "k3s",
            Agent::Rke2 => "RKE2",
        }
    }
}

/// The configuration of k3s or RKE2 as far as it sets kube-proxy's flags.
///
/// Source: k3s, pkg/configfilearg/parser.go. The main file is read first, then the files of `config.yaml.d`
/// that end in `.yaml` or `.yml` by name; a later `kube-proxy-arg` replaces the earlier list, and
/// `kube-proxy-arg+` adds to it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// Whose configuration it is.
    pub agent: Agent,
    /// The main file, whether or not it is there.
    pub main: NodePath,
    /// The files that are there, in the order in which they are read.
    pub files: Vec<NodePath>,
    /// Each key that sets flags, in the order in which they are read.
    pub settings: Vec<Setting>,
    /// The systemd service that reads them when it starts, when it is known.
    pub service: Option<String>,
}

/// One `kube-proxy-arg` of a configuration file.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The file.
    pub path: NodePath,
    /// The key as it stands there: `kube-proxy-arg` or `kube-proxy-arg+`.
    pub key: String,
    /// The key's line, counted from 1.
    pub line: usize,
    /// Its items: the argument, and the line of each. None of them counts when a later key replaces it.
    pub items: Vec<(String, usize)>,
    /// False for a value that is written as one string instead of a list.
    pub list: bool,
    /// False when a later key replaces it.
    pub counts: bool,
}

impl AgentConfig {
    /// The setting to which a new argument is added: the last one. None: the list is made in the main file.
    pub fn last(&self) -> Option<&Setting> {
        self.settings.last()
    }
}
