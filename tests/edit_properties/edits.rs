//! Edits that make sense somewhere in a document.

use proptest::prelude::*;
use tighten::edit::{Operation, Scalar, Step, Tree};

use crate::model::Model;

/// One edit.
#[derive(Clone, Debug)]
pub struct Edit {
    pub path: Vec<Step>,
    pub operation: Operation,
}

fn value() -> impl Strategy<Value = Scalar> {
    let text = prop_oneof![
        prop::sample::select(
            &[
                "no",
                "0600",
                "",
                "~",
                "--a=b: c # d",
                "plain",
                "'\"\\",
                "{[,"
            ][..]
        )
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        any::<i64>().prop_map(Scalar::Int),
        text.clone().prop_map(Scalar::Text),
        prop::collection::vec(text, 0..3).prop_map(Scalar::List),
    ]
}

/// What is written: a single value, or the items that are inserted into a list.
pub type Written = (Scalar, Option<(u8, Vec<Tree>)>);

const NEW: &[&str] = &["new", "on", "new key", "n:w", "new/k8s.io", "\"", "é"];
/// What no generated document holds.
pub const MARK: &str = "inserted";

pub fn written() -> impl Strategy<Value = Written> {
    let leaf = value().prop_map(Tree::Scalar);
    let tree = leaf.prop_recursive(3, 10, 4, |inner| {
        let entries = (prop::collection::vec(inner.clone(), 0..4), any::<u8>());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Tree::List),
            entries.prop_map(|(values, turn)| {
                let keys = (0..).map(|at| NEW[(at + usize::from(turn)) % NEW.len()]);
                Tree::map(keys.zip(values))
            }),
        ]
    });
    // The first one is told from everything else in the document by its mark.
    let marked = tree.clone().prop_map(|tree| match tree {
        Tree::Scalar(Scalar::Text(text)) => Tree::text(format!("{MARK}{text}")),
        Tree::Map(mut entries) => {
            entries.insert(0, (MARK.into(), Tree::text("x")));
            Tree::Map(entries)
        }
        other => Tree::map([(MARK, other)]),
    });
    let items = (marked, prop::collection::vec(tree, 0..2)).prop_map(|(first, rest)| {
        let mut items = vec![first];
        items.extend(rest);
        items
    });
    (value(), prop::option::of((any::<u8>(), items)))
}

/// An edit that makes sense somewhere in the document.
pub fn choose(document: &Model, place: prop::sample::Index, kind: u8, written: Written) -> Edit {
    let places = document.places();
    let (value, items) = written;
    let lists: Vec<_> = places
        .iter()
        .filter(|(_, node)| matches!(node, Model::Seq(_) | Model::FlowSeq(_)))
        .collect();
    // Half of the insertions go into a list that is there, where there is one.
    let (mut path, node) = match &items {
        Some(_) if !lists.is_empty() && kind.is_multiple_of(2) => (*place.get(&lists)).clone(),
        _ => place.get(&places).clone(),
    };
    let new = |depth: usize| {
        let at = usize::from(kind / 4) + depth;
        Step::Key(NEW[at % NEW.len()].to_owned())
    };
    let deep = usize::from(kind % 3) + 1;
    if let Some((at, items)) = items {
        let length = match node {
            Model::Seq(items) | Model::FlowSeq(items) => items.len(),
            Model::Map(..) | Model::FlowMap(..) => {
                path.extend((0..deep).map(new));
                0
            }
            _ => 0,
        };
        let at = usize::from(at) % (length + 2);
        return Edit {
            path,
            operation: Operation::Insert {
                before: (at <= length).then_some(at),
                items,
            },
        };
    }
    if kind % 5 == 4 && !path.is_empty() {
        return Edit {
            path,
            operation: Operation::Remove,
        };
    }
    match node {
        Model::Map(..) | Model::FlowMap(..) => path.extend((0..deep).map(new)),
        Model::Null(_) if kind.is_multiple_of(2) => path.extend((0..deep).map(new)),
        Model::Seq(_) | Model::FlowSeq(_) if kind.is_multiple_of(2) => {
            return Edit {
                path,
                operation: Operation::Append(value),
            };
        }
        Model::Seq(_) | Model::FlowSeq(_) => {
            let value = Scalar::List(vec!["primary".to_owned()]);
            return Edit {
                path,
                operation: Operation::Set(value),
            };
        }
        _ => {}
    }
    Edit {
        path,
        operation: Operation::Set(value),
    }
}
