//! Which transactions there are. However many they are, nothing here holds all of their names: the
//! directory is read again for each batch.

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;

use rustix::fs::{Mode, OFlags, RawDir};

use crate::failure::Failure;

use super::id::TransactionId;
use super::state_dir::StateDir;

/// How many ids are held at a time.
const BATCH: usize = 1024;
/// What the kernel is asked for at a time, in bytes.
const NAMES: usize = 32 << 10;

/// What is added to the name of a transaction that is being removed: a name that is no id, so the
/// transaction is out of the history.
pub(super) const ASIDE: &str = ".pruned";

/// What one pass over all names tells.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) newest: Option<TransactionId>,
    /// A prune left some that it had set aside.
    pub(super) pruned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    NewestFirst,
    OldestFirst,
}

/// Ids in order, from one batch of names after another. Each comes once, whatever is added or
/// removed meanwhile. After an error nothing more comes.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    state: &'a StateDir,
    order: Order,
    /// What follows an id in the names that are listed.
    suffix: &'static str,
    /// The id that came last.
    last: Option<TransactionId>,
    /// Only what is older than this.
    below: Option<TransactionId>,
    batch: std::vec::IntoIter<TransactionId>,
    more: bool,
}

impl StateDir {
    /// Shows every name among the transactions, in no order.
    fn each_name(&self, visit: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<(), Failure> {
        let failed = |error: rustix::io::Errno| {
            let (path, error) = (self.path_of_name(""), io::Error::from(error));
            Failure::refused(format!("{}: cannot be listed: {error}", path.display()))
                .help("look at the file system that holds the state directory")
        };
        // A handle of its own, because the place in a directory belongs to the handle.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle =
            rustix::fs::openat(self.transactions(), ".", flags, Mode::empty()).map_err(failed)?;
        let mut buffer = vec![MaybeUninit::uninit(); NAMES];
        let mut entries = RawDir::new(handle, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(failed)?;
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry.file_name().to_str()
                && visit(name).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    /// The newest transaction, and whether a prune left something to remove.
    pub(super) fn survey(&self) -> Result<Survey, Failure> {
        let mut survey = Survey::default();
        self.each_name(&mut |name| {
            let newer = survey
                .newest
                .as_ref()
                .is_none_or(|newest| name > newest.as_str());
            if TransactionId::is_one(name) {
                if newer {
                    survey.newest = TransactionId::parse(name);
                }
            } else {
                survey.pruned |= name.strip_suffix(ASIDE).is_some_and(TransactionId::is_one);
            }
            ControlFlow::Continue(())
        })?;
        Ok(survey)
    }

    /// The newest transaction.
    pub(super) fn newest(&self) -> Result<Option<TransactionId>, Failure> {
        Ok(self.survey()?.newest)
    }

    /// The one transaction whose id begins so.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub fn find(&self, prefix: &str) -> Result<TransactionId, Failure> {
        let help = "list them with: tighten history";
        let refused = |why: String| {
            Failure::refused(why)
                .state("nothing was written")
                .help(help)
        };
        let none = || refused(format!("there is no transaction {prefix}"));
        if let Some(id) = TransactionId::parse(prefix) {
            return self.transaction(&id)?.map(|_| id).ok_or_else(none);
        }
        let mut found: Option<TransactionId> = None;
        let mut several = prefix.is_empty();
        self.each_name(&mut |name| {
            if name.starts_with(prefix) && TransactionId::is_one(name) {
                several |= found.is_some();
                found = TransactionId::parse(name);
                if several {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        match found {
            Some(id) if !several => Ok(id),
            None => Err(none()),
            Some(_) => Err(refused(format!(
                "more than one transaction begins with {prefix:?}"
            ))),
        }
    }

    /// All transactions, newest first.
    pub(super) fn newest_first(&self) -> Result<Listing<'_>, Failure> {
        Listing::begin(self, Order::NewestFirst, "", None)
    }

    /// The transactions that are older than `below`, oldest first; all where that is `None`.
    pub(super) fn oldest_first(
        &self,
        below: Option<TransactionId>,
    ) -> Result<Listing<'_>, Failure> {
        Listing::begin(self, Order::OldestFirst, "", below)
    }

    /// The transactions that were set aside to be removed, oldest first.
    pub(super) fn set_aside(&self) -> Result<Listing<'_>, Failure> {
        Listing::begin(self, Order::OldestFirst, ASIDE, None)
    }
}

impl<'a> Listing<'a> {
    /// With its first batch, so that a directory that cannot be listed is told before anything else.
    fn begin(
        state: &'a StateDir,
        order: Order,
        suffix: &'static str,
        below: Option<TransactionId>,
    ) -> Result<Listing<'a>, Failure> {
        let mut listing = Listing {
            state,
            order,
            suffix,
            last: None,
            below,
            batch: Vec::new().into_iter(),
            more: true,
        };
        listing.fill()?;
        Ok(listing)
    }

    fn fill(&mut self) -> Result<(), Failure> {
        let order = self.order;
        let comes_before = |one: &str, other: &str| match order {
            Order::NewestFirst => one > other,
            Order::OldestFirst => one < other,
        };
        // The next ones in this order, so far.
        let mut next: BTreeSet<TransactionId> = BTreeSet::new();
        let (last, below, suffix) = (&self.last, &self.below, self.suffix);
        self.state.each_name(&mut |name| {
            let Some(id) = name
                .strip_suffix(suffix)
                .filter(|id| TransactionId::is_one(id))
            else {
                return ControlFlow::Continue(());
            };
            let furthest = match order {
                Order::NewestFirst => next.first(),
                Order::OldestFirst => next.last(),
            };
            let full = next.len() == BATCH;
            let wanted = last
                .as_ref()
                .is_none_or(|last| comes_before(last.as_str(), id))
                && below.as_ref().is_none_or(|below| id < below.as_str())
                && !(full && furthest.is_some_and(|far| !comes_before(id, far.as_str())));
            if wanted
                && let Some(id) = TransactionId::parse(id)
                && next.insert(id)
                && full
            {
                match order {
                    Order::NewestFirst => next.pop_first(),
                    Order::OldestFirst => next.pop_last(),
                };
            }
            ControlFlow::Continue(())
        })?;
        self.more = next.len() == BATCH;
        let batch: Vec<TransactionId> = match order {
            Order::NewestFirst => next.into_iter().rev().collect(),
            Order::OldestFirst => next.into_iter().collect(),
        };
        self.last = batch.last().cloned().or(self.last.take());
        self.batch = batch.into_iter();
        Ok(())
    }
}

impl Iterator for Listing<'_> {
    type Item = Result<TransactionId, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(id) = self.batch.next() {
            return Some(Ok(id));
        }
        if !self.more {
            return None;
        }
        self.more = false;
        match self.fill() {
            Ok(()) => self.batch.next().map(Ok),
            Err(failure) => Some(Err(failure)),
        }
    }
}
