//! One line of the table.

use std::time::Instant;

/// How often something was tried, and where it did not hold.
pub struct Figure {
    pub name: String,
    pub tried: usize,
    pub bad: Vec<String>,
}

impl Figure {
    pub fn new(name: &str, tried: usize, bad: Vec<String>) -> Figure {
        Figure {
            name: name.into(),
            tried,
            bad,
        }
    }
}

/// The figures so far, with the time that each took.
#[derive(Default)]
pub struct Table {
    rows: Vec<(Figure, f64)>,
}

impl Table {
    pub fn add(&mut self, measure: impl FnOnce() -> Vec<Figure>) {
        let start = Instant::now();
        let figures = measure();
        let each = start.elapsed().as_secs_f64() / figures.len().max(1) as f64;
        for figure in figures {
            println!(
                "{}: {} tried, {} bad",
                figure.name,
                figure.tried,
                figure.bad.len()
            );
            for line in figure.bad.iter().take(10) {
                println!("  {line}");
            }
            self.rows.push((figure, each));
        }
    }

    pub fn print(&self) {
        println!("\n| what | tried | bad | seconds |\n|---|---|---|---|");
        for (figure, seconds) in &self.rows {
            println!(
                "| {} | {} | {} | {seconds:.1} |",
                figure.name,
                figure.tried,
                figure.bad.len()
            );
        }
    }

    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|(figure, _)| figure.bad.is_empty())
    }
}
