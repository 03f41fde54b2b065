//! The table in the kernel, through nft, which alone knows how to load one at once or not at all.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::preflight::{Place, write};
use super::program;
use crate::facts::Table;
use crate::failure::Failure;
use crate::nftables::{TABLE, listed};
use crate::report::printable;
use crate::root::NodePath;

/// How long nft may take; it waits for others who change the ruleset.
const LIMIT: Duration = Duration::from_secs(30);
/// What nft says in the C locale of a table that is not there: the kernel's ENOENT.
const NO_TABLE: &str = "No such file or directory";

/// Lets nft and the kernel judge the new table, in a private directory below the state directory. The caller
/// holds the lock.
///
/// # Errors
/// Exit 1, nothing was written: it would not be loaded.
pub fn accepts(nft: &NodePath, new: &[u8], state: &Path) -> Result<(), Failure> {
    let refused = |why: String| Failure::refused(why).state("nothing was written");
    let place = Place::make(state)
        .map_err(|error| refused(format!("{}: {error}", state.display())).because(error))?;
    let file = place.file("nftables.nft");
    write(&file, new)
        .map_err(|error| refused(format!("{}: {error}", file.display())).because(error))?;
    Nft::at(nft).check(&file).map_err(|why| {
        // Its own path would mean nothing to the reader.
        let why = why.replace(&file.display().to_string(), "the table");
        refused(printable(&why)).help(
            "this is what nft says of it; leave the change out with --skip firewall-missing, or see docs/network.md",
        )
    })
}

/// The program.
#[derive(Clone, Debug)]
pub struct Nft(NodePath);

impl Nft {
    /// The one that lies at this path.
    pub fn at(path: &NodePath) -> Nft {
        Nft(path.clone())
    }

    /// What is loaded now. Changes nothing.
    pub fn table(&self) -> Table {
        let [family, name] = TABLE;
        match self.run(&["-j", "list", "table", family, name].map(OsStr::new)) {
            Ok(text) => match listed(&text) {
                Ok(ruleset) => Table::Loaded(ruleset),
                Err(why) => Table::Other(why),
            },
            Err(why) if why.contains(NO_TABLE) => Table::Absent,
            Err(why) => Table::Unknown(why),
        }
    }

    /// Lets nft and the kernel judge a file. Changes nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, file: &Path) -> Result<(), String> {
        let words = [OsStr::new("--check"), OsStr::new("-f"), file.as_os_str()];
        self.run(&words).map(|_| ())
    }

    /// Loads a file as a whole, or nothing of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(&self, file: &Path) -> Result<(), String> {
        let words = [OsStr::new("-f"), file.as_os_str()];
        self.run(&words).map(|_| ())
    }

    /// Takes the table away.
    ///
    /// # Errors
    /// Why it is still there.
    pub fn delete(&self) -> Result<(), String> {
        let [family, name] = TABLE;
        match self.run(&["delete", "table", family, name].map(OsStr::new)) {
            Err(why) if !why.contains(NO_TABLE) => Err(why),
            _ => Ok(()),
        }
    }

    fn run(&self, words: &[&OsStr]) -> Result<String, String> {
        program::done(Path::new(self.0.as_str()), words, LIMIT)
    }
}
