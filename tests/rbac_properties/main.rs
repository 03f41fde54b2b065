//! Random roles and bindings: who may do what is the same as in a twin that writes out every single permission,
//! the extra rights are exactly what kube-proxy may do beyond the standard, and after the planned removals
//! everything that kube-proxy asks for is allowed as before.
//! `TIGHTEN_RBAC_CASES=20000 cargo test --release --test rbac_properties` for the long run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod generated;
mod naive;
#[path = "../support/random.rs"]
mod random;
mod universe;

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tighten::auditpolicy::Request;
use tighten::rbac::{Answer, Cluster, Compared, Objects, Outcome, compare, plan};

use naive::{Said, Table};
use universe::{Permission, identities, permissions};

/// Enough for every kind of right to be given and taken, few enough for half a minute without optimisation.
const CASES: u32 = 120;

fn runner() -> TestRunner {
    TestRunner::new(random::config(random::cases("TIGHTEN_RBAC_CASES", CASES)))
}

fn said(answer: &Answer) -> Said {
    match answer {
        Answer::Allowed { .. } => Said::Allowed,
        Answer::Denied => Said::Denied,
        Answer::Unknown(_) => Said::Unknown,
        Answer::Privileged => panic!("nobody here is in the group of masters"),
    }
}

/// What kube-proxy asks for: a part of what the standard rules give, as each identity.
fn needed() -> Vec<Request> {
    let mut needed = Vec::new();
    for (user, groups) in identities() {
        let standard = permissions().into_iter().filter(Permission::is_needed);
        needed.extend(standard.map(|permission| permission.request(&user, &groups)));
    }
    needed
}

fn compared(cluster: &Cluster) -> Compared {
    compare(cluster, &identities(), &generated::standard()).unwrap()
}

#[test]
fn the_evaluator_says_what_the_written_out_permissions_say() {
    let (allowed, unknown) = (Cell::new(0), Cell::new(0));
    let test = |objects: Objects| {
        let cluster = Cluster::of(&objects);
        let table = Table::of(&objects);
        for (user, groups) in universe::users() {
            for permission in permissions() {
                let answer = cluster.answer(&permission.request(&user, &groups));
                let expected = table.says(&user, &groups, &permission);
                prop_assert_eq!(
                    said(&answer),
                    expected,
                    "{} {:?} {:?}",
                    user,
                    permission,
                    answer
                );
                match answer {
                    Answer::Allowed {
                        binding,
                        role,
                        line,
                    } => {
                        allowed.set(allowed.get() + 1);
                        let request = permission.request(&user, &groups);
                        let mut rules = objects.roles[role].rules.iter();
                        prop_assert!(rules.any(|rule| rule.line == line && rule.allows(&request)));
                        prop_assert!(binding < objects.bindings.len());
                    }
                    Answer::Unknown(_) => unknown.set(unknown.get() + 1),
                    _ => {}
                }
            }
        }
        Ok(())
    };
    runner().run(&generated::objects(), test).unwrap();
    assert!(allowed.get() > 1_000, "{}", allowed.get());
    assert!(unknown.get() > 100, "{}", unknown.get());
}

#[test]
fn the_extra_rights_are_what_is_allowed_beyond_the_standard_and_nothing_else() {
    let found = Cell::new(0);
    let all = permissions();
    let standard = naive::given(&generated::standard());
    let test = |objects: Objects| {
        let cluster = Cluster::of(&objects);
        let compared = compared(&cluster);
        for (number, binding) in objects.bindings.iter().enumerate() {
            let reach = compared
                .reaches
                .iter()
                .find(|reach| reach.binding == number);
            let reached = identities()
                .iter()
                .any(|(user, groups)| naive::reaches(binding, user, groups));
            prop_assert_eq!(reach.is_some(), reached);
            let Some(reach) = reach else { continue };
            let given = naive::given_by(&objects, binding);
            // Nothing that the binding gives beyond the standard is left out.
            for permission in given.difference(&standard) {
                let named = reach
                    .extra
                    .iter()
                    .any(|extra| naive::covers(&extra.right, permission));
                prop_assert!(named, "{:?} is not named", permission);
            }
            // Each right that is named gives something beyond the standard, and the binding gives it.
            for extra in &reach.extra {
                found.set(found.get() + 1);
                let beyond = all.iter().any(|permission| {
                    !standard.contains(permission) && naive::covers(&extra.right, permission)
                });
                prop_assert!(beyond, "{}", extra.right);
                let role = &objects.roles[extra.role];
                prop_assert!(
                    role.rules
                        .iter()
                        .any(|rule| rule.line == extra.line && rule.gives(&extra.right))
                );
            }
        }
        Ok(())
    };
    runner().run(&generated::objects(), test).unwrap();
    assert!(found.get() > 300, "{}", found.get());
}

#[test]
fn after_the_planned_removals_everything_that_was_asked_for_is_allowed_as_before() {
    let (removed_in_all, left_in_all) = (Cell::new(0), Cell::new(0));
    let needed = needed();
    let test = |objects: Objects| {
        let cluster = Cluster::of(&objects);
        let compared = compared(&cluster);
        let outcomes = plan(&cluster, &compared, &needed).unwrap();
        prop_assert_eq!(outcomes.len(), compared.reaches.len());
        let mut removed = BTreeSet::new();
        for (reach, outcome) in compared.reaches.iter().zip(&outcomes) {
            match outcome {
                Outcome::Nothing => prop_assert!(reach.extra.is_empty()),
                Outcome::Left(_) => left_in_all.set(left_in_all.get() + 1),
                Outcome::Remove => {
                    removed_in_all.set(removed_in_all.get() + 1);
                    prop_assert!(!reach.extra.is_empty() && !reach.own.is_empty());
                    removed.extend(reach.own.iter().map(|subject| (reach.binding, *subject)));
                }
            }
        }
        let after = objects.without(&removed);
        let (before, after_table) = (Table::of(&objects), Table::of(&after));
        for request in &needed {
            let permission = Permission::of(request);
            if before.says(&request.user, &request.groups, &permission) == Said::Allowed {
                let now = after_table.says(&request.user, &request.groups, &permission);
                prop_assert_eq!(now, Said::Allowed, "{:?}", request);
            }
        }
        // A binding that was let go reaches kube-proxy no more.
        let again = Cluster::of(&after);
        let again = compare(&again, &identities(), &generated::standard()).unwrap();
        for (reach, outcome) in compared.reaches.iter().zip(&outcomes) {
            if *outcome == Outcome::Remove {
                prop_assert!(
                    again
                        .reaches
                        .iter()
                        .all(|held| held.binding != reach.binding)
                );
            }
        }
        // Done once, there is nothing more to do.
        let cluster = Cluster::of(&after);
        let outcomes = plan(&cluster, &again, &needed).unwrap();
        prop_assert!(!outcomes.contains(&Outcome::Remove));
        Ok(())
    };
    runner().run(&generated::objects(), test).unwrap();
    assert!(removed_in_all.get() > 20, "{}", removed_in_all.get());
    assert!(left_in_all.get() > 20, "{}", left_in_all.get());
}

#[test]
fn beside_a_standard_binding_for_everybody_each_binding_of_kube_proxys_own_goes() {
    let needed = needed();
    let test = |mut objects: Objects| {
        generated::add_standard_binding(&mut objects);
        let cluster = Cluster::of(&objects);
        let compared = compared(&cluster);
        let outcomes = plan(&cluster, &compared, &needed).unwrap();
        for (reach, outcome) in compared.reaches.iter().zip(&outcomes) {
            let twice = objects.bindings.iter().filter(|binding| {
                let own = &objects.bindings[reach.binding];
                binding.name == own.name && binding.scope == own.scope
            });
            if !reach.extra.is_empty() && reach.shared.is_empty() && twice.count() == 1 {
                prop_assert_eq!(outcome, &Outcome::Remove);
            }
        }
        Ok(())
    };
    runner().run(&generated::objects(), test).unwrap();
}
