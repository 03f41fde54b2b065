//! The sample of the symlink race: names are exchanged by a second process while apply and rollback run.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

#[path = "proof/race.rs"]
mod race;

/// Not a test: the part of the second process, played by this program when it is started again.
#[test]
fn exchange_when_asked() {
    race::exchange_when_asked();
}

#[test]
fn names_exchanged_during_apply_and_rollback_lead_nowhere_outside_the_root() {
    let tries = std::env::var("TIGHTEN_RACE_TRIES").map_or(1_000, |tries| tries.parse().unwrap());
    let (made, escapes) = race::run(tries);
    assert_eq!(escapes, Vec::<String>::new());
    assert!(made >= tries || !nix::unistd::geteuid().is_root(), "{made}");
    eprintln!("symlink race, tries / escapes: {made} / {}", escapes.len());
}
