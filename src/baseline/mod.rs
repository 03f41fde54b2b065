//! The types of plans/*.yaml: what a hardened node looks like, as data.
//!
//! Loaded strictly: an unknown field, an unknown kind or a doubled id is an error with line and
//! column, and each fix is run through its own expectation, so that no check can be mended into a
//! failing state.

mod builtin;
mod load;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use builtin::{content, names};
pub use load::{Place, load, parse, strictly};

use crate::auditpolicy::Level;
use crate::edit::Scalar;
use crate::kinds::Expect;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Defence in depth.
    Low,
    /// Weakens a boundary.
    Medium,
    /// Gives away a credential or control over kube-proxy.
    High,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        })
    }
}

/// What a fix may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing that runs notices.
    Safe,
    /// kube-proxy has to be restarted, or clients may notice.
    Disruptive,
    /// Only a person can do it.
    Manual,
}

impl fmt::Display for Risk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Risk::Safe => "safe",
            Risk::Disruptive => "disruptive",
            Risk::Manual => "manual",
        })
    }
}

/// A named set of checks.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// The name that `--baseline` takes.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// Its checks, in the order in which they are shown.
    pub checks: Vec<Check>,
    /// SHA-256 of its text, in hex.
    pub checksum: String,
}

/// One expectation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Check {
    /// Its stable name.
    pub id: String,
    /// What holds when it passes, in one sentence.
    pub title: String,
    /// How bad it is when it fails.
    pub severity: Severity,
    /// The expectation: a kind and its fields.
    pub expect: Expect,
    /// What mends it, where that can be written down.
    pub fix: Option<Fix>,
    /// The oldest release of Kubernetes for which it holds; without one, for every release.
    pub since: Option<Version>,
    /// Why it matters.
    pub why: String,
    /// What the fix may break.
    pub breaks: Option<String>,
    /// What a person can do where tighten does not.
    pub by_hand: Option<String>,
    /// CIS ids, CVEs, chapters of the guide and of the facts page.
    #[serde(default)]
    pub refs: Vec<String>,
}

/// What mends a failed check. Exactly one of the ways is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fix {
    /// What it may cost.
    pub risk: Risk,
    /// Only carried out when the check is named with `--only`.
    #[serde(default)]
    pub on_request: bool,
    /// The oldest kube-proxy that understands it, `1.31`.
    pub needs_version: Option<Version>,
    /// Bits that may stay; a mode only ever loses bits.
    pub mode: Option<Mode>,
    /// The owner to set.
    pub owner: Option<Owner>,
    /// The value to write.
    pub value: Option<Written>,
    /// The address to write, known only on the node.
    pub address: Option<AddressChoice>,
    /// The file to create.
    pub create: Option<Create>,
    /// The level at which inserted audit rules log.
    pub log_at: Option<Level>,
    /// What goes out of an object.
    pub remove: Option<Removed>,
}

/// What a fix takes out of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removed {
    /// kube-proxy, out of the subjects of a binding.
    Subject,
}

/// A value as a baseline writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Written {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl From<Written> for Scalar {
    fn from(written: Written) -> Scalar {
        match written {
            Written::Bool(value) => Scalar::Bool(value),
            Written::Int(value) => Scalar::Int(value),
            Written::Text(value) => Scalar::Text(value),
            Written::List(values) => Scalar::List(values),
        }
    }
}

/// Which address a fix writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressChoice {
    /// The node's InternalIP.
    NodeIp,
    /// Loopback of kube-proxy's primary address family, with the port that is configured.
    Loopback,
}

/// A file that a fix creates, always owned by root.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The name of a file that the binary carries.
    pub content: String,
    /// Its mode.
    pub mode: Mode,
}

/// Permission bits, written as a quoted octal number: `"0600"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mode(pub u32);

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // A sign would be read as part of the number.
        let plain = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        u32::from_str_radix(&text, 8)
            .ok()
            .filter(|_| plain)
            .map(Mode)
            .ok_or_else(|| format!("not a mode of four octal digits: {text:?}"))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04o}", self.0)
    }
}

/// An owner and a group. Only root: another name could mean another number on each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl TryFrom<String> for Owner {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |name: &str| matches!(name, "root" | "0").then_some(0);
        text.split_once(':')
            .and_then(|(user, group)| {
                Some(Owner {
                    uid: number(user)?,
                    gid: number(group)?,
                })
            })
            .ok_or_else(|| format!("only root:root can be an owner: {text:?}"))
    }
}

/// A release of Kubernetes, `1.31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Version {
    /// Always 1, so far.
    pub major: u32,
    /// The minor release.
    pub minor: u32,
}

impl Version {
    /// The first kube-proxy with `--init-only` (facts page, section 2).
    pub const INIT_ONLY: Version = Version {
        major: 1,
        minor: 29,
    };

    /// Reads `1.36`, `1.36.2` or `1.36.2-rc.1`.
    pub fn read(text: &str) -> Option<Version> {
        let mut parts = text.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?;
        let digits = minor.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Version {
            major,
            minor: digits.parse().ok()?,
        })
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Version::read(&text).ok_or_else(|| format!("not a version such as 1.31: {text:?}"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}
