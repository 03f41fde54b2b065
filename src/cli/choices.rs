//! What an option chooses among.

use clap::ValueEnum;

use crate::baseline::Severity;

/// How most commands print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One document on stdout.
    Json,
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// One document
    Json,
    /// scan: metrics for node_exporter's textfile collector
    Prometheus,
    /// scan: SARIF 2.1.0, for code scanning
    Sarif,
    /// scan, report merge: JUnit XML, for CI
    Junit,
    /// scan, report merge: one page that needs nothing else; of a scan with the plan and the history
    Html,
    /// scan: OSCAL assessment results, for auditors
    Oscal,
}

impl Output {
    /// What every command knows.
    pub const PLAIN: &[Output] = &[Output::Text, Output::Json];

    /// The word on the command line.
    pub fn word(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_string())
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// From which severity on a scan fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Never
    None,
    /// Any finding
    Low,
    /// Findings of medium severity and above
    Medium,
    /// Findings of high severity
    High,
}

impl FailOn {
    /// The lowest severity that fails.
    pub fn floor(self) -> Option<Severity> {
        match self {
            FailOn::None => None,
            FailOn::Low => Some(Severity::Low),
            FailOn::Medium => Some(Severity::Medium),
            FailOn::High => Some(Severity::High),
        }
    }
}
