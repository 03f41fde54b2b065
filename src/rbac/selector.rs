//! Label selectors: apimachinery's pkg/labels/selector.go.

use std::collections::BTreeMap;

use super::read::{Refused, items, refused, text, texts};
use crate::golang::text::quoted;
use crate::goyaml::Item;

/// A label selector: all of its requirements must hold. Without any it selects everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(pub Vec<Requirement>);

/// What a selector asks of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what; none for `Exists` and `DoesNotExist`.
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is there with one of the values.
    In,
    /// It is not there, or has none of the values.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Selector {
    /// Whether it selects an object with these labels.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let Selector(requirements) = self;
        requirements.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            let listed = value.is_some_and(|value| requirement.values.contains(value));
            match requirement.operator {
                Operator::In => listed,
                Operator::NotIn => !listed,
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }
}

/// metav1.LabelSelector.
///
/// # Errors
/// What apimachinery's LabelSelectorAsSelector refuses, which never selects anything, and the line.
pub fn selector(item: &Item) -> Result<Selector, Refused> {
    let labels = item.get("matchLabels").map(|entry| entry.item.entries());
    let mut requirements: Vec<Requirement> = labels
        .unwrap_or_default()
        .iter()
        .map(|entry| Requirement {
            key: entry.key.clone(),
            operator: Operator::In,
            values: vec![entry.item.text().unwrap_or_default().to_owned()],
        })
        .collect();
    for held in items(item, "matchExpressions") {
        let values = texts(held, "values");
        let operator = match text(held, "operator") {
            "In" if !values.is_empty() => Operator::In,
            "NotIn" if !values.is_empty() => Operator::NotIn,
            "Exists" if values.is_empty() => Operator::Exists,
            "DoesNotExist" if values.is_empty() => Operator::DoesNotExist,
            "In" | "NotIn" => {
                return Err(refused(
                    held.line,
                    "values: for In and NotIn there must be values",
                ));
            }
            "Exists" | "DoesNotExist" => {
                return Err(refused(
                    held.line,
                    "values: for Exists and DoesNotExist there must be none",
                ));
            }
            other => {
                let message = format!(
                    "operator: {} is not one of In, NotIn, Exists, DoesNotExist",
                    quoted(other)
                );
                return Err(refused(held.line, message));
            }
        };
        requirements.push(Requirement {
            key: text(held, "key").to_owned(),
            operator,
            values,
        });
    }
    Ok(Selector(requirements))
}
