//! How many random cases a property test tries.

use proptest::test_runner::Config;

/// `few` cases, or as many as the environment variable asks for in a long run.
pub fn cases(variable: &str, few: u32) -> u32 {
    let asked = std::env::var(variable).ok();
    asked.map_or(few, |cases| cases.parse().expect("a number of cases"))
}

/// So many cases; a failure is told and not kept in a file.
pub fn config(cases: u32) -> Config {
    Config {
        cases,
        max_global_rejects: u32::MAX,
        failure_persistence: None,
        ..Config::default()
    }
}
