//! A policy as it is written: decoded, not yet validated.

use std::ops::Range;

use crate::goyaml::{Data, Item};

/// A text and its line.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    pub text: String,
    pub line: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub rules: Vec<WrittenRule>,
    pub omit_stages: Vec<Word>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct WrittenRule {
    pub line: usize,
    pub span: Range<usize>,
    pub level: Word,
    pub users: Vec<Word>,
    pub user_groups: Vec<Word>,
    pub verbs: Vec<Word>,
    pub resources: Vec<WrittenResources>,
    pub namespaces: Vec<Word>,
    pub non_resource_urls: Vec<Word>,
    pub omit_stages: Vec<Word>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct WrittenResources {
    pub line: usize,
    pub group: Word,
    pub resources: Vec<Word>,
    pub names: Vec<Word>,
}

/// Decodes what was found to fit the types. Unknown keys are dropped.
pub(super) fn policy(root: &Item) -> Written {
    let mut held = Written::default();
    for entry in root.entries() {
        match entry.key.as_str() {
            "rules" => list(&mut held.rules, &entry.item, rule),
            "omitStages" => list(&mut held.omit_stages, &entry.item, word),
            _ => {}
        }
    }
    held
}

/// Go decodes the list of a doubled key over the one that is there, element by element, so that what the
/// later one does not mention stays.
fn list<T: Default>(held: &mut Vec<T>, item: &Item, fill: impl Fn(&mut T, &Item)) {
    if item.data == Data::Null {
        held.clear();
        return;
    }
    held.resize_with(item.items().len(), T::default);
    for (element, item) in held.iter_mut().zip(item.items()) {
        fill(element, item);
    }
}

/// Null leaves a text as it is.
fn word(held: &mut Word, item: &Item) {
    held.line = item.line;
    if let Some(text) = item.text() {
        text.clone_into(&mut held.text);
    }
}

fn rule(held: &mut WrittenRule, item: &Item) {
    held.line = item.line;
    held.span = item.span.clone();
    for entry in item.entries() {
        let item = &entry.item;
        match entry.key.as_str() {
            "level" => word(&mut held.level, item),
            "users" => list(&mut held.users, item, word),
            "userGroups" => list(&mut held.user_groups, item, word),
            "verbs" => list(&mut held.verbs, item, word),
            "resources" => list(&mut held.resources, item, resources),
            "namespaces" => list(&mut held.namespaces, item, word),
            "nonResourceURLs" => list(&mut held.non_resource_urls, item, word),
            "omitStages" => list(&mut held.omit_stages, item, word),
            _ => {}
        }
    }
}

fn resources(held: &mut WrittenResources, item: &Item) {
    held.line = item.line;
    for entry in item.entries() {
        let item = &entry.item;
        match entry.key.as_str() {
            "group" => word(&mut held.group, item),
            "resources" => list(&mut held.resources, item, word),
            "resourceNames" => list(&mut held.names, item, word),
            _ => {}
        }
    }
}
