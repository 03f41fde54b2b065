//! How fast an audit log is read: `cargo bench --bench audit` (`-- --bytes 4GiB` for another size).
//!
//! Writes a log of a cluster of many nodes, the same bytes on every machine, and reads it in one run with
//! cat, wc, ripgrep, jq, jaq and tighten, plain and compressed, each once in every round. What tighten, jq
//! and jaq count has to be what was written, so that nothing is fast and wrong.
//! `cargo bench --bench audit -- --generate FILE --bytes 1GiB` writes a log and does nothing else.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod generate;
#[path = "../floor/measure.rs"]
#[allow(dead_code)]
mod measure;
mod table;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use generate::{Asked, Written};
use measure::Series;
use table::Row;

const TIGHTEN: &str = env!("CARGO_BIN_EXE_tighten");
const USERS: [&str; 2] = [
    "system:kube-proxy",
    "system:serviceaccount:kube-system:kube-proxy",
];

struct Options {
    bytes: u64,
    nodes: usize,
    rounds: usize,
    only_generate: Option<PathBuf>,
}

const USAGE: &str = "options: --bytes N[KiB|MiB|GiB], --nodes N, --rounds N, --generate FILE";

fn options() -> Options {
    let mut options = Options {
        bytes: 1 << 30,
        nodes: 250,
        rounds: 3,
        only_generate: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect(USAGE);
        match argument.as_str() {
            // What cargo itself adds.
            "--bench" => {}
            "--bytes" => options.bytes = size(&value()),
            "--nodes" => options.nodes = value().parse().expect(USAGE),
            "--rounds" => options.rounds = value().parse().expect(USAGE),
            "--generate" => options.only_generate = Some(value().into()),
            other => panic!("{other:?} is unknown; {USAGE}"),
        }
    }
    options
}

fn size(text: &str) -> u64 {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let unit = units.iter().find(|(unit, _)| text.ends_with(unit));
    let (number, shift) = unit.map_or((text, 0), |(unit, shift)| {
        (&text[..text.len() - unit.len()], *shift)
    });
    number.parse::<u64>().expect(USAGE) << shift
}

fn main() {
    let options = options();
    match &options.only_generate {
        Some(file) => println!("{:#?}", generate(file, &options)),
        None => compare(&options),
    }
}

fn generate(path: &Path, options: &Options) -> Written {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let written = generate::write(&mut out, options.bytes, options.nodes).unwrap();
    out.flush().unwrap();
    // Else the disk has work while programs are timed.
    out.get_ref().sync_all().unwrap();
    written
}

/// Where the log and its copies are.
struct Logs {
    plain: PathBuf,
    written: Written,
}

impl Logs {
    fn copy(&self, end: &str) -> PathBuf {
        self.plain.with_extension(end)
    }
}

fn compare(options: &Options) {
    assert!(options.rounds > 0, "{USAGE}");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plain = directory.path().join("audit.log");
    let written = generate(&plain, options);
    let logs = Logs { plain, written };
    for (program, end, level) in [("gzip", "log.gz", "-6"), ("zstd", "log.zst", "-3")] {
        if is_there(program) {
            let out = File::create(logs.copy(end)).unwrap();
            let mut command = Command::new(program);
            command.args([level, "-c"]).arg(&logs.plain).stdout(out);
            assert!(command.status().unwrap().success(), "{program}");
        }
    }
    check(&logs);

    let (plain, compressed) = (readers(&logs), decompressors(&logs));
    let mut warm: Vec<Series> = series(&plain).chain(series(&compressed)).collect();
    measure::in_turn(&mut warm, 1, &mut || {});
    let mut programs: Vec<Series> = series(&plain).chain(series(&compressed)).collect();
    measure::in_turn(&mut programs, options.rounds, &mut || {});
    measure::weigh_in(3, &mut programs, &mut || {});

    let Written {
        bytes,
        kube_proxy,
        everybody,
    } = &logs.written;
    println!(
        "{bytes} bytes in the page cache, {} events of {} requests by a cluster of {} nodes, of which kube-proxy's are {} events of {} requests; median of {} rounds after one that does not count, on {} processors\n",
        everybody.events,
        everybody.requests,
        options.nodes,
        kube_proxy.events,
        kube_proxy.requests,
        options.rounds,
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    table::print(&plain, &programs, *bytes, "cat", Some("jq"));
    println!();
    for (floor, end) in [("zcat", "gz"), ("zstdcat", "zst")] {
        let rows: Vec<Row> = compressed
            .iter()
            .filter(|row| row.name.contains(end) || row.name.starts_with(floor))
            .cloned()
            .collect();
        table::print(&rows, &programs, *bytes, floor, None);
        println!();
    }
}

fn series(rows: &[Row]) -> impl Iterator<Item = Series> + '_ {
    rows.iter().filter_map(Row::series)
}

/// Whether a program is installed.
fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The job of `tighten audit` for jq: one user's events by verb, without holding the log.
fn filter() -> String {
    let [one, other] = USERS;
    format!(
        r#"reduce (inputs | select(.user.username == "{one}" or .user.username == "{other}") | .verb) as $verb ({{}}; .[$verb] += 1)"#
    )
}

fn row(name: &str, program: &str, arguments: &[&str], file: &Path) -> Row {
    let arguments = arguments
        .iter()
        .map(Into::into)
        .chain([file.as_os_str().to_owned()]);
    Row {
        name: name.into(),
        command: is_there(program).then(|| (program.into(), arguments.collect())),
    }
}

fn readers(logs: &Logs) -> Vec<Row> {
    let (file, filter) = (logs.plain.as_path(), filter());
    vec![
        row("cat", "cat", &[], file),
        row("wc -l", "wc", &["-l"], file),
        row(
            "rg -c --no-mmap kube-proxy",
            "rg",
            &["-c", "--no-mmap", "kube-proxy"],
            file,
        ),
        row("jq", "jq", &["-n", "-c", &filter], file),
        row("jaq", "jaq", &["-n", "-c", &filter], file),
        row("tighten audit", TIGHTEN, &["audit"], file),
        row(
            "tighten audit --thorough",
            TIGHTEN,
            &["audit", "--thorough"],
            file,
        ),
        row(
            "tighten audit --all-users",
            TIGHTEN,
            &["audit", "--all-users"],
            file,
        ),
    ]
}

fn decompressors(logs: &Logs) -> Vec<Row> {
    let mut rows = Vec::new();
    for (end, program) in [("gz", "zcat"), ("zst", "zstdcat")] {
        let file = logs.copy(&format!("log.{end}"));
        if !file.exists() {
            rows.push(Row {
                name: program.into(),
                command: None,
            });
            continue;
        }
        rows.push(row(program, program, &[], &file));
        for mode in ["", "--thorough", "--all-users"] {
            let arguments: &[&str] = if mode.is_empty() {
                &["audit"]
            } else {
                &["audit", mode]
            };
            let name = format!("tighten audit {mode} audit.log.{end}").replace("  ", " ");
            rows.push(row(&name, TIGHTEN, arguments, &file));
        }
    }
    rows
}

/// What is counted is what was written.
fn check(logs: &Logs) {
    let Written {
        kube_proxy,
        everybody,
        ..
    } = &logs.written;
    for end in ["log", "log.gz", "log.zst"] {
        let file = logs.copy(end);
        if !file.exists() {
            continue;
        }
        for (mode, asked) in [
            ("", kube_proxy),
            ("--thorough", kube_proxy),
            ("--all-users", everybody),
        ] {
            let mut command = Command::new(TIGHTEN);
            command.args(["--format", "json", "audit"]);
            command
                .args(Some(mode).filter(|mode| !mode.is_empty()))
                .arg(&file);
            counted(&mut command, asked);
        }
    }
    for program in ["jq", "jaq"] {
        if !is_there(program) {
            continue;
        }
        let mut command = Command::new(program);
        let output = command
            .args(["-n", "-c", &filter()])
            .arg(&logs.plain)
            .output()
            .unwrap();
        let verbs: BTreeMap<String, u64> = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{program}: {error}: {output:?}"));
        let expected = kube_proxy
            .verbs
            .iter()
            .map(|(verb, count)| ((*verb).to_string(), *count));
        assert_eq!(verbs, expected.collect(), "{program}");
    }
}

fn counted(command: &mut Command, asked: &Asked) {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0 | 2)),
        "{command:?}: {error}"
    );
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|cause| panic!("{command:?}: {cause}: {error}"));
    let number = |key: &str| document[key].as_u64();
    assert_eq!(number("events"), Some(asked.events), "{command:?}");
    assert_eq!(number("requests"), Some(asked.requests), "{command:?}");
}
