//! What would mend a failure, as data: it is printed, saved, and made again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::baseline::{Owner, content};
use crate::edit::flags::Flags;
use crate::edit::{self, Alteration, Scalar, Step, Within, spelled};
use crate::root::NodePath;

/// What would mend a failure.
#[derive(Clone, Debug)]
pub enum Mend {
    /// Nothing to mend.
    None,
    /// Set a mode, which only takes bits away.
    Mode(NodePath, u32),
    /// Set owner and group.
    Owner(NodePath, Owner),
    /// Set mode and owner of a directory; only what is wrong.
    Directory(NodePath, Option<u32>, Option<Owner>),
    /// Change the contents of a file.
    Edit(NodePath, Edit),
    /// Create a file, owned by root: path, contents, mode.
    Create(NodePath, Contents, u32),
    /// Make a directory, owned by root, with this mode. Those that are missing above it get
    /// [`Mend::ABOVE`].
    MakeDirectory(NodePath, u32),
    /// Belongs into the cluster's API: the file of the node that shows it, where there is one, the edit as
    /// it would be made there, and why it is not made here.
    Elsewhere(Option<NodePath>, Edit, String),
    /// Only a person can: the reason.
    ByHand(String),
}

impl Mend {
    /// The mode of a directory that is made only because another one is to lie in it, as mkdir -p gives it.
    pub const ABOVE: u32 = 0o755;
}

/// How the contents of a file change. From the same bytes it always makes the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// Values of one YAML or JSON document; all of them, or none.
    Values(Vec<Alteration>),
    /// Values of one document of a stream, or of one that a text of it holds; all of them, or none.
    Within(Within, Vec<Alteration>),
    /// Flags of a program.
    Flags(Flags),
    /// A file that is tighten's own, as a whole; where it is not there, it is made for all to read.
    Whole {
        /// All of its contents. They hold no secret.
        text: String,
    },
}

impl Edit {
    /// Sets one value.
    pub fn set(path: Vec<Step>, value: Scalar) -> Edit {
        Edit::Values(vec![Alteration::set(path, value)])
    }

    /// The contents afterwards.
    ///
    /// # Errors
    /// Why it is not made: it cannot be proved, or there is nothing left to do.
    pub fn of(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let refused = |refused: edit::Refused| format!("not edited: {refused}");
        let result = match self {
            Edit::Values(alterations) => edit::alter(bytes, alterations).map_err(refused)?,
            Edit::Within(within, alterations) => {
                edit::alter_within(bytes, within, alterations).map_err(refused)?
            }
            Edit::Flags(flags) => flags
                .of(bytes)
                .map_err(|why| format!("not edited: {why}"))?,
            Edit::Whole { text } => text.as_bytes().to_vec(),
        };
        if result == bytes {
            return Err("the value is already there".into());
        }
        Ok(result)
    }

    /// The mode with which it makes a file where there is none; `None` for an edit of what is there.
    pub fn makes(&self) -> Option<u32> {
        match self {
            Edit::Values(_) | Edit::Within(..) => None,
            Edit::Flags(flags) => flags.makes(),
            Edit::Whole { .. } => Some(0o644),
        }
    }

    /// Where it changes something, in words.
    pub fn places(&self) -> String {
        match self {
            Edit::Values(alterations) => places(alterations),
            Edit::Within(within, alterations) => format!("{within}{}", places(alterations)),
            Edit::Flags(flags) => {
                let names: Vec<String> = flags
                    .set
                    .iter()
                    .map(|set| format!("--{}", set.name))
                    .collect();
                names.join(", ")
            }
            Edit::Whole { .. } => "all of it".into(),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Values(alterations) => out.write_str(&told(alterations)),
            Edit::Within(within, alterations) => write!(out, "{within}{}", told(alterations)),
            Edit::Flags(flags) => flags.fmt(out),
            Edit::Whole { .. } => out.write_str("written anew"),
        }
    }
}

/// Where the alterations change something.
fn places(alterations: &[Alteration]) -> String {
    let places = alterations.iter();
    let mut places: Vec<String> = places.map(|alteration| spelled(&alteration.path)).collect();
    places.dedup();
    places.join(", ")
}

/// What the alterations do.
fn told(alterations: &[Alteration]) -> String {
    let told: Vec<String> = alterations.iter().map(ToString::to_string).collect();
    told.join(", ")
}

/// The contents of a new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// A file that the binary carries, by its name.
    Carried(String),
    /// Text that is made from the facts of this node.
    Made(String),
}

impl Contents {
    /// The bytes; `None` when the binary carries no such file.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let text = match self {
            Contents::Carried(name) => content(name)?,
            Contents::Made(text) => text,
        };
        Some(text.as_bytes().to_vec())
    }

    /// The name of what the binary carries.
    pub fn name(&self) -> Option<&str> {
        match self {
            Contents::Carried(name) => Some(name),
            Contents::Made(_) => None,
        }
    }
}
