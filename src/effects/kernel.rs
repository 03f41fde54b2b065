//! What the kernel is told because a file of ours changes, which it does not read by itself: the table of
//! nftables, and route_localnet. What it had before goes into the journal, and is brought back from there.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use super::nft::Nft;
use crate::facts::{Table, nft_program, sysctl};
use crate::failure::Failure;
use crate::nftables::{self, Ruleset};
use crate::root::{LookError, NodePath, Root};
use crate::transaction::KernelState;

/// A part of the kernel that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The table `inet tighten`: loaded, or not there.
    Table,
    /// net.ipv4.conf.all.route_localnet: 1, or 0.
    RouteLocalnet,
}

/// What it is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// On, as its file says.
    On,
    /// Off.
    Off,
    /// As it is now, by what its file says then.
    AsItIs,
}

/// What the kernel is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tell {
    /// Of which part.
    pub part: Part,
    /// What it is to become.
    pub to: To,
}

/// Why it is told.
const BECAUSE: &str = "its file changes";

impl Part {
    /// All parts.
    pub const ALL: [Part; 2] = [Part::Table, Part::RouteLocalnet];

    /// Its name in a journal.
    pub fn name(self) -> &'static str {
        match self {
            Part::Table => "table",
            Part::RouteLocalnet => "route-localnet",
        }
    }

    /// The part of this name.
    fn named(name: &str) -> Option<Part> {
        Part::ALL.into_iter().find(|part| part.name() == name)
    }

    /// The file that says what it is to be.
    pub fn file(self) -> &'static str {
        match self {
            Part::Table => nftables::FILE,
            Part::RouteLocalnet => sysctl::FILE,
        }
    }

    /// What is done, as a plan has it: the kind of the effect and its target.
    fn effect(self, on: bool) -> (&'static str, String) {
        match (self, on) {
            (Part::Table, true) => ("load", "table inet tighten".into()),
            (Part::Table, false) => ("unload", "table inet tighten".into()),
            (Part::RouteLocalnet, on) => ("set", format!("{}={}", sysctl::NAME, u8::from(on))),
        }
    }

    /// What a person does in its place.
    fn by_hand(self, on: bool) -> String {
        match (self, on) {
            (Part::Table, true) => format!("nft -f {}", nftables::FILE),
            (Part::Table, false) => "nft delete table inet tighten".into(),
            (Part::RouteLocalnet, _) => format!("sysctl -w {}", self.effect(on).1),
        }
    }
}

impl Tell {
    /// The kind of the effect, its target, and why it follows.
    pub fn told(&self) -> (&'static str, String, &'static str) {
        let (kind, target) = self.part.effect(self.to != To::Off);
        (kind, target, BECAUSE)
    }
}

/// What a plan that writes these files has to tell. Pure.
pub fn to_tell(changed: &[&NodePath]) -> Vec<Tell> {
    let written = |part: &Part| changed.iter().any(|path| path.as_str() == part.file());
    let tell = |part: Part| Tell {
        part,
        to: match part {
            Part::Table => To::On,
            Part::RouteLocalnet => To::Off,
        },
    };
    Part::ALL.into_iter().filter(written).map(tell).collect()
}

/// One part, as it was and as it is to be.
#[derive(Clone, Copy, Debug)]
struct Change {
    part: Part,
    former: bool,
    to: bool,
}

/// What is told to the kernel in one transaction.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    changes: Vec<Change>,
    nft: Option<Nft>,
    begun: Cell<bool>,
}

/// How one of them ended: the kind of the effect, its target, and why it failed.
pub(super) type Done = (&'static str, String, Result<(), String>);

impl Kernel {
    /// Looks at what there is, while nothing has been written.
    ///
    /// # Errors
    /// Exit 1: nft is missing, or what is loaded is not ours to replace.
    pub fn prepare(root: &Root, wanted: &[Tell]) -> Result<Kernel, Failure> {
        let refused = |why: String| Failure::refused(why).state("nothing was written");
        let mut kernel = Kernel::default();
        if wanted.iter().any(|tell| tell.part == Part::Table) {
            kernel.nft = Some(find(root).map_err(|why| {
                refused(why).help("install nftables, or load the table by yourself: --no-effects")
            })?);
        }
        for tell in wanted {
            let former = kernel.now(tell.part).map_err(|why| {
                refused(why).help("mend that first, or tell the kernel by yourself: --no-effects")
            })?;
            let to = match tell.to {
                To::On => true,
                To::Off => false,
                To::AsItIs => former,
            };
            if tell.part == Part::Table && former && to && !has_file(root) {
                return Err(refused(format!(
                    "a table inet tighten is loaded, and there is no {} that holds it",
                    nftables::FILE
                ))
                .help("look at it with: nft list table inet tighten; take it away with: nft delete table inet tighten"));
            }
            let part = tell.part;
            kernel.changes.push(Change { part, former, to });
        }
        Ok(kernel)
    }

    /// What another process began: all of it is brought back.
    ///
    /// # Errors
    /// What is missing to do so.
    pub fn of(root: &Root, states: &[KernelState], same_boot: bool) -> Result<Kernel, String> {
        let mut kernel = Kernel::default();
        for state in states {
            let Some(part) = Part::named(&state.part) else {
                continue;
            };
            match part {
                Part::Table => kernel.nft = Some(find(root)?),
                // The machine was started anew since, and has what its files say.
                Part::RouteLocalnet if !same_boot => continue,
                Part::RouteLocalnet => {}
            }
            let former = state.former;
            kernel.changes.push(Change {
                part,
                former,
                to: !former,
            });
        }
        kernel.begun.set(!kernel.changes.is_empty());
        Ok(kernel)
    }

    /// For the journal.
    pub fn states(&self) -> Vec<KernelState> {
        let state = |change: &Change| KernelState {
            part: change.part.name().into(),
            former: change.former,
        };
        self.changes.iter().map(state).collect()
    }

    /// True once the kernel may have been told anything.
    pub fn begun(&self) -> bool {
        self.begun.get()
    }

    /// Tells the kernel what is new, or what was before; stops at what fails only on the way forward.
    pub fn all(&self, root: &Root, forward: bool) -> Vec<Done> {
        let mut done = Vec::new();
        if !forward && !self.begun() {
            return done;
        }
        for change in &self.changes {
            self.begun.set(true);
            let on = if forward { change.to } else { change.former };
            let (kind, target) = change.part.effect(on);
            let ended = self.set(root, change.part, on);
            let failed = ended.is_err();
            done.push((kind, target, ended));
            if forward && failed {
                break;
            }
        }
        done
    }

    fn now(&self, part: Part) -> Result<bool, String> {
        match (part, &self.nft) {
            (Part::RouteLocalnet, _) => sysctl::now(),
            (Part::Table, Some(nft)) => match nft.table() {
                Table::Loaded(_) | Table::Other(_) => Ok(true),
                Table::Absent | Table::NotAsked => Ok(false),
                Table::Unknown(why) => Err(why),
            },
            (Part::Table, None) => Err("nft was not found".into()),
        }
    }

    /// Sets it, and looks whether it is so.
    fn set(&self, root: &Root, part: Part, on: bool) -> Result<(), String> {
        match (part, &self.nft) {
            (Part::RouteLocalnet, _) => {
                let text = format!("{}\n", u8::from(on));
                fs::write(sysctl::PROC, text)
                    .map_err(|error| format!("{}: {error}", sysctl::PROC))?;
            }
            (Part::Table, Some(nft)) if on => {
                nft.load(Path::new(nftables::FILE))?;
                return as_its_file(root, &nft.table());
            }
            (Part::Table, Some(nft)) => nft.delete()?,
            (Part::Table, None) => return Err("nft was not found".into()),
        }
        match self.now(part)? == on {
            true => Ok(()),
            false => Err("the kernel did not take it".into()),
        }
    }
}

/// Whether what is loaded is what the file says.
fn as_its_file(root: &Root, table: &Table) -> Result<(), String> {
    let path = NodePath::new(nftables::FILE).ok_or("its file cannot be named")?;
    let (_, opened) = root.open(&path).map_err(|error| error.to_string())?;
    let bytes = opened.read().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    match (Ruleset::parse(&text), table) {
        (Ok(written), Table::Loaded(loaded)) if *loaded == written => Ok(()),
        // What somebody else wrote is put back as it was, whatever it says.
        (Err(_), Table::Loaded(_) | Table::Other(_)) => Ok(()),
        (_, Table::Unknown(why)) => Err(why.clone()),
        _ => Err("what is loaded is not what its file says".into()),
    }
}

fn has_file(root: &Root) -> bool {
    let path = NodePath::new(nftables::FILE);
    path.is_some_and(|path| !matches!(root.open(&path), Err(LookError::Missing)))
}

/// The program that loads the table.
fn find(root: &Root) -> Result<Nft, String> {
    match nft_program(root) {
        Some(path) => Ok(Nft::at(&path)),
        None => Err("there is no nft on this node, which loads the table".into()),
    }
}

/// What is left to the caller of one part: the kind of the effect, its target, and why, with what to do.
pub(super) fn left(tell: &Tell) -> (&'static str, String, String) {
    let on = tell.to != To::Off;
    let (kind, target) = tell.part.effect(on);
    (
        kind,
        target,
        format!("{BECAUSE}: {}", tell.part.by_hand(on)),
    )
}

/// What is left to the caller of an interrupted transaction.
pub(super) fn left_of(state: &KernelState, same_boot: bool) -> Option<String> {
    // A machine that was started anew since has what its files say.
    let part = Part::named(&state.part).filter(|part| same_boot || *part != Part::RouteLocalnet)?;
    let command = part.by_hand(state.former);
    Some(format!(
        "{command}, since the kernel may have been told otherwise by the interrupted transaction"
    ))
}
