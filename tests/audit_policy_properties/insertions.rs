//! Rules that are inserted into random policies log what they are for, and change nothing else.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tighten::auditpolicy::insertion::{self, is_result};
use tighten::auditpolicy::{Level, Policy, Request};

use crate::model;

/// Requests beside those that are to be logged, of which nothing may change.
const OTHERS: usize = 40;

fn read(asked: &model::Asked) -> Request {
    Request::from_json(&asked.written()).unwrap()
}

#[test]
fn inserted_rules_log_what_was_hidden_and_change_nothing_else() {
    let strategy = (
        model::policy(),
        vec(model::request(), 1..6),
        vec(model::request(), OTHERS),
    );
    let (found, several, none, same) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0_u64));
    TestRunner::new(super::config(super::cases()))
        .run(&strategy, |(model, wanted, others)| {
            let Ok(policy) = Policy::read(model.written().as_bytes()) else {
                return Ok(());
            };
            let wanted: Vec<Request> = wanted.iter().map(read).collect();
            let hidden = |policy: &Policy, request: &Request| {
                let decision = policy.level_of(request);
                let stages = match request.verb.as_str() {
                    "watch" => &["RequestReceived", "ResponseStarted", "ResponseComplete"][..],
                    _ => &["RequestReceived", "ResponseComplete"],
                };
                let left_out: Vec<&str> = decision
                    .omit_stages
                    .iter()
                    .map(|stage| stage.name())
                    .collect();
                decision.level == Level::None || stages.iter().all(|stage| left_out.contains(stage))
            };
            if !wanted.iter().any(|request| hidden(&policy, request)) {
                prop_assert!(insertion::log_all(&policy, &wanted).is_err());
                return Ok(());
            }
            let Ok(insertion) = insertion::log_all(&policy, &wanted) else {
                none.set(none.get() + 1);
                return Ok(());
            };
            found.set(found.get() + 1);
            if insertion.rules.len() > 1 {
                several.set(several.get() + 1);
            }
            let after = policy.with(&insertion);
            prop_assert!(is_result(&policy, &insertion, &after));
            prop_assert!(!is_result(&policy, &insertion, &policy));
            for request in &wanted {
                prop_assert!(!hidden(&after, request), "{request:?}\n{insertion:?}");
            }
            let of_wanted = wanted.iter().flat_map(|by| {
                others.iter().map(|other| {
                    let mut other = read(other);
                    other.user.clone_from(&by.user);
                    other.groups.clone_from(&by.groups);
                    other
                })
            });
            for request in others.iter().map(read).chain(of_wanted) {
                let (old, new) = (policy.level_of(&request), after.level_of(&request));
                let named = insertion
                    .rules
                    .iter()
                    .any(|rule| rule.users.contains(&request.user));
                let known = wanted
                    .iter()
                    .any(|by| (&by.user, &by.groups) == (&request.user, &request.groups));
                if !named {
                    prop_assert_eq!(old.level, new.level, "{:?}", request);
                    prop_assert_eq!(old.omit_stages, new.omit_stages, "{:?}", request);
                    same.set(same.get() + 1);
                } else if known {
                    prop_assert!(
                        new.level >= old.level,
                        "{request:?}\n{policy:?}\n{insertion:?}"
                    );
                    prop_assert!(new.level == old.level || new.level == Level::Metadata);
                    prop_assert!(
                        new.omit_stages
                            .iter()
                            .all(|stage| old.omit_stages.contains(stage))
                    );
                }
            }
            Ok(())
        })
        .unwrap();
    println!(
        "insertions: {} found, {} of them of several rules; {} without; {} other decisions the same",
        found.get(),
        several.get(),
        none.get(),
        same.get()
    );
    // Otherwise little was put to the test.
    assert!(found.get() * 5 > super::cases() && none.get() > 0);
}
