//! The outcome as Markdown.

use std::ffi::OsString;
use std::process::Command;

use super::measure::Series;

/// A program that is compared, whether it is installed or not.
#[derive(Clone)]
pub struct Row {
    pub name: String,
    pub command: Option<(OsString, Vec<OsString>)>,
}

impl Row {
    pub fn series(&self) -> Option<Series> {
        let (program, arguments) = self.command.as_ref()?;
        let mut command = Command::new(program);
        command.args(arguments);
        Some(Series::new(&self.name, command))
    }
}

/// Times and rates of programs that read the same log; `floor` only reads it, and `slow` is a rival.
pub fn print(rows: &[Row], measured: &[Series], bytes: u64, floor: &str, slow: Option<&str>) {
    let of = |name: &str| measured.iter().find(|series| series.name == name);
    let mut heads = vec![
        "program".into(),
        "median".into(),
        "GB/s".into(),
        format!("time / {floor}'s"),
    ];
    heads.extend(slow.map(|slow| format!("{slow}'s time / time")));
    heads.push("peak memory".into());
    println!("| {} |", heads.join(" | "));
    println!("|---|{}", "---:|".repeat(heads.len() - 1));
    for row in rows {
        let Some(series) = of(&row.name) else {
            println!(
                "| {} | skipped: not installed |{}",
                row.name,
                " |".repeat(heads.len() - 2)
            );
            continue;
        };
        let median = series.median();
        let ratio = |one: Option<f64>| one.map_or("-".into(), |ratio| format!("{ratio:.2}"));
        let mut cells = vec![
            row.name.clone(),
            format!("{:.3} s", median / 1e3),
            format!("{:.2}", bytes as f64 / 1e6 / median),
            ratio(of(floor).map(|floor| median / floor.median())),
        ];
        cells.extend(slow.map(|slow| ratio(of(slow).map(|slow| slow.median() / median))));
        cells.push(format!("{:.2} MB", series.peak));
        println!("| {} |", cells.join(" | "));
    }
}
