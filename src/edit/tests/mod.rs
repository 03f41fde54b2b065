//! Exact bytes before and after, and exact reasons.

mod added;
mod inserted;
mod insertions;
mod proved;
mod refused;
mod removals;
mod replaced;
mod together;
mod within;

use super::*;

fn path(spelled: &str) -> Vec<Step> {
    let steps = spelled.split('/').filter(|step| !step.is_empty());
    steps
        .map(|step| match step.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Key(step.to_owned()),
        })
        .collect()
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.to_owned())
}

fn list(items: &[&str]) -> Scalar {
    Scalar::List(items.iter().map(|item| (*item).to_owned()).collect())
}

const OFF: Scalar = Scalar::Bool(false);

#[track_caller]
fn sets(before: &str, at: &str, value: &Scalar, after: &str) {
    match set(before.as_bytes(), &path(at), value) {
        Ok(bytes) => assert_eq!(String::from_utf8(bytes).unwrap(), after),
        Err(refused) => panic!("refused: {refused}"),
    }
}

#[track_caller]
fn refuses(before: &[u8], at: &str, value: &Scalar, message: &str) {
    match set(before, &path(at), value) {
        Ok(bytes) => panic!("written: {:?}", String::from_utf8(bytes).unwrap()),
        Err(refused) => assert_eq!(refused.to_string(), message),
    }
}
