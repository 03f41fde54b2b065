//! The edits of one file, each with what it makes of the contents.

use super::build::{Draft, Wanted};
use super::chain::Chain;
use super::now::Now;
use super::proved;
use crate::auditpolicy::Policy;
use crate::diff::{self, Shown};
use crate::edit::{Alteration, Stream, Within};
use crate::facts::Role;
use crate::kinds::Edit;
use crate::objects::carried_configuration;
use crate::proxyconfig;
use crate::transaction::sha256;

/// What a change makes of a file's contents.
pub(super) struct Made {
    /// All of them, at least behind the last change of the file: it is written once.
    pub bytes: Option<Vec<u8>>,
    /// Their SHA-256, in hexadecimal.
    pub sum: String,
    /// What changes, without secrets.
    pub diff: String,
}

impl Made {
    /// A new file that the binary carries, or that is made of facts: nothing in it is a secret.
    pub fn whole(bytes: Vec<u8>) -> Made {
        let text = String::from_utf8_lossy(&bytes);
        Made {
            sum: sha256(&bytes),
            diff: diff::unified(&Shown::own(""), &Shown::own(&text)),
            bytes: Some(bytes),
        }
    }
}

/// The drafts in their order, each with what it makes, or why it is not made.
type Edits<'d, 'c> = Vec<(&'d Draft<'c>, Result<Made, String>)>;

impl Chain<'_> {
    /// Does the edits, each on the result of the one before it.
    pub(super) fn edits<'d, 'c>(&self, drafts: Vec<&'d Draft<'c>>, now: &Now) -> Edits<'d, 'c> {
        let together = self.in_stream(&drafts, now);
        together.unwrap_or_else(|| self.one_by_one(drafts, now))
    }

    fn one_by_one<'d, 'c>(&self, drafts: Vec<&'d Draft<'c>>, now: &Now) -> Edits<'d, 'c> {
        let mut bytes = now.state.exists.then(|| now.bytes.clone());
        let mut shown = None;
        let edit = |draft: &'d Draft<'c>| {
            let made = self.edited(draft, bytes.as_deref()).map(|result| {
                let next = show(&draft.mend, &result);
                let before = shown
                    .take()
                    .unwrap_or_else(|| show(&draft.mend, &now.bytes));
                let diff = diff::unified(&before, &next);
                shown = Some(next);
                bytes = Some(result.clone());
                Made {
                    sum: sha256(&result),
                    diff,
                    bytes: Some(result),
                }
            });
            (draft, made)
        };
        drafts.into_iter().map(edit).collect()
    }

    /// The same for edits that all concern single documents of a file that is there, for which all of it
    /// is read twice and not several times for each; `None` where that is not so, or where the whole cannot
    /// be proved, so that it is to be seen which of them is to blame.
    fn in_stream<'d, 'c>(&self, drafts: &[&'d Draft<'c>], now: &Now) -> Option<Edits<'d, 'c>> {
        if !now.state.exists || self.policy().is_some() {
            return None;
        }
        let within = |draft: &&'d Draft<'c>| match &draft.mend {
            Wanted::Edit(Edit::Within(within, alterations)) => {
                Some((*draft, within, alterations.as_slice()))
            }
            _ => None,
        };
        let wanted: Vec<_> = drafts.iter().map(within).collect::<Option<_>>()?;
        let mut stream = Stream::read(&now.bytes).ok()?;
        let mut all: Edits = Vec::new();
        for (draft, within, alterations) in wanted {
            all.push((draft, edited_within(&mut stream, within, alterations)));
        }
        stream.prove().ok()?;
        let last = all
            .iter_mut()
            .rev()
            .find_map(|(_, made)| made.as_mut().ok());
        if let Some(last) = last {
            last.bytes = Some(stream.into_bytes());
        }
        Some(all)
    }

    /// The contents with the draft's edit, when it is proved and kube-proxy would take the result. No
    /// bytes are a file that is not there.
    fn edited(&self, draft: &Draft, bytes: Option<&[u8]>) -> Result<Vec<u8>, String> {
        let Wanted::Edit(edit) = &draft.mend else {
            return Err("not an edit".into());
        };
        let result = proved::edited(self.planner.root, self.path, bytes, edit)?;
        let is_config = self
            .planner
            .facts
            .targets(Role::ProxyConfig)
            .any(|target| matches!(&target.seen, Ok(seen) if seen.path == *self.path));
        if self.policy().is_some()
            && let Err(refused) = Policy::read(&result)
        {
            return Err(format!(
                "not edited: the API server would refuse it: {}",
                refused.message
            ));
        }
        let refusal = match edit {
            Edit::Within(within, _) => carried_configuration(&result, within),
            _ => is_config.then(|| proxyconfig::refusal(&result)).flatten(),
        };
        match refusal {
            Some(refusal) => Err(format!("not edited: {refusal}")),
            None => Ok(result),
        }
    }
}

/// A text as it may be shown beside an edit.
fn show(wanted: &Wanted, bytes: &[u8]) -> Shown {
    match wanted {
        Wanted::Edit(Edit::Flags(flags)) if !flags.is_yaml() => Shown::flags(bytes),
        // What somebody else wrote in its place may hold anything.
        Wanted::Edit(Edit::Whole { .. }) => Shown::flags(bytes),
        _ => Shown::of(bytes),
    }
}

/// Edits one document of a stream, when kube-proxy would take the result.
fn edited_within(
    stream: &mut Stream<'_>,
    within: &Within,
    alterations: &[Alteration],
) -> Result<Made, String> {
    let document = within.document;
    let own = stream
        .altered(within, alterations)
        .map_err(|refused| format!("not edited: {refused}"))?;
    if own == stream.own(document) {
        return Err("the value is already there".into());
    }
    // Its bytes are the document as a text of their own, too.
    let alone = Within {
        document: 0,
        embedded: within.embedded.clone(),
    };
    if let Some(refusal) = carried_configuration(own.as_bytes(), &alone) {
        return Err(format!("not edited: {refusal}"));
    }
    let (lines, before) = stream.around(document);
    let before = Shown::of(before.as_bytes());
    stream.put(document, &own);
    let (_, after) = stream.around(document);
    Ok(Made {
        bytes: None,
        sum: sha256(stream.bytes()),
        diff: diff::unified_below(lines, &before, &Shown::of(after.as_bytes())),
    })
}
