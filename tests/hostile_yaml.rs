//! Hostile texts: each is read or refused quickly and in little memory, and nothing panics.
//!
//! The files of a node may have been written by whoever broke into it, and the reader runs as root.
//! With `--nocapture` the time and the memory of each text are printed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tighten::edit::{self, Scalar, Step};
use tighten::yaml;

const MIB: usize = 1 << 20;
/// Without optimisation the texts are smaller, to keep the test short.
const SMALLER: usize = if cfg!(debug_assertions) { 16 } else { 1 };
/// Largest text that is not refused for its size alone.
const FULL: usize = yaml::MAX_BYTES / SMALLER;

/// How long one text may take. Without optimisation everything is many times slower.
const LIMIT: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(20)
} else {
    Duration::from_secs(1)
};
const LIMIT_KIB: u64 = 100 * 1024;

/// `unit` again and again, up to the largest size that is read.
fn full_of(unit: &str) -> String {
    unit.repeat(FULL / unit.len())
}

fn numbered(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let nine = |name: &str| format!("[{}]", [name; 9].join(", "));
    let laughs = numbered(20, |level| {
        let inner = level
            .checked_sub(1)
            .map_or("x".to_owned(), |below| format!("*l{below}"));
        format!("l{level}: &l{level} {}\n", nine(&inner))
    });
    let strings: Vec<(&'static str, String)> = vec![
        ("50 MB", "a: b\n".repeat(10 * MIB)),
        (
            "as large as it may be",
            "a: b\n".repeat(yaml::MAX_BYTES / 5),
        ),
        ("10,000 brackets", "[".repeat(10_000)),
        (
            "10,000 brackets below a key",
            format!("a: {}", "[".repeat(10_000)),
        ),
        (
            "10,000 closed brackets",
            format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000)),
        ),
        ("10,000 braces", "{a: ".repeat(10_000)),
        (
            "10,000 closed braces",
            "{a: ".repeat(10_000) + &"}".repeat(10_000),
        ),
        (
            "2,800 levels of block",
            numbered(2_800, |level| " ".repeat(level) + "a:\n"),
        ),
        ("brackets", full_of("[")),
        ("braces", full_of("{")),
        ("mixed brackets", full_of("[{")),
        (
            "empty lists",
            format!("a: [{}]", full_of("[],").trim_end_matches("[],[],[],")),
        ),
        ("dashes", full_of("- ")),
        ("dashed lines", full_of("- \n")),
        (
            "dashed lines below a key",
            format!("a:\n{}", "- \n".repeat(FULL / 3 - 2)),
        ),
        ("colons", full_of(": ")),
        ("question marks", full_of("? ")),
        ("exclamation marks", full_of("! ")),
        ("ampersands", full_of("&")),
        ("stars", full_of("*a ")),
        ("commas", format!("[{}", "a,".repeat(FULL / 2 - 1))),
        ("flow pairs", format!("{{{}", "a: b,".repeat(FULL / 5 - 1))),
        (
            "keys",
            numbered(FULL / 16, |key| format!("key{key:07}: v\n")),
        ),
        (
            "nearly too many values",
            numbered(66_000 / SMALLER, |key| format!("k{key:07}: [a]\n")),
        ),
        (
            "many keys",
            numbered(90_000 / SMALLER, |key| format!("k{key:07}: v\n")),
        ),
        ("many equal keys", "k: v\n".repeat(90_000 / SMALLER)),
        (
            "many keys in braces",
            format!(
                "{{{}}}",
                numbered(60_000 / SMALLER, |key| format!("k{key}: v, "))
            ),
        ),
        (
            "nested keys in brackets",
            format!("{}1{}", "[a: ".repeat(60), "]".repeat(60)),
        ),
        ("a bomb of aliases", laughs),
        (
            "many anchors",
            numbered(60_000 / SMALLER, |anchor| {
                format!("k{anchor}: &a{anchor} v\n")
            }),
        ),
        (
            "many aliases",
            format!("a: &a [x, y]\nb:\n{}", "- *a\n".repeat(150_000 / SMALLER)),
        ),
        (
            "one anchor again and again",
            numbered(60_000 / SMALLER, |key| format!("k{key}: &a v\n")),
        ),
        (
            "merge keys",
            format!(
                "a: &a {{x: y}}\nb:\n{}",
                "  <<: *a\n".repeat(90_000 / SMALLER)
            ),
        ),
        ("many documents", "---\n".repeat(FULL / 4)),
        ("many ended documents", "...\n".repeat(FULL / 4)),
        (
            "many directives",
            format!(
                "{}---\na: b\n",
                "%TAG !e! tag:e\n".repeat(100_000 / SMALLER)
            ),
        ),
        (
            "many directives of their own",
            numbered(100_000 / SMALLER, |tag| {
                format!("%TAG !e{tag}! tag:e{tag}\n")
            }) + "---\na: b\n",
        ),
        (
            "a tag that is multiplied",
            format!(
                "%TAG !e! tag:{}\n---\n{}",
                "e".repeat(900),
                "- !e!x\n".repeat(150_000 / SMALLER)
            ),
        ),
        (
            "a long directive",
            format!("%YAML {}\n---\na: b\n", "1".repeat(FULL - 100)),
        ),
        ("a long tag", format!("a: !{} b\n", "t".repeat(FULL - 100))),
        (
            "a long anchor",
            format!("a: &{} b\n", "t".repeat(FULL - 100)),
        ),
        ("a long key", format!("{}: b\n", "k".repeat(MIB))),
        (
            "a long key in quotes",
            format!("\"{}\": b\n", "k".repeat(MIB)),
        ),
        (
            "a long key in braces",
            format!("{{\"{}\": b}}\n", "k".repeat(MIB)),
        ),
        ("a long text", format!("a: {}\n", "v".repeat(FULL - 100))),
        (
            "a long text in quotes",
            format!("a: \"{}\"\n", "v".repeat(FULL - 100)),
        ),
        (
            "a text that is not closed",
            format!("a: \"{}", "v".repeat(FULL - 100)),
        ),
        (
            "escapes",
            format!("a: \"{}\"\n", "\\u0041".repeat(FULL / 6 - 2)),
        ),
        (
            "a text over many lines",
            format!("a: b\n{}", "  c\n".repeat(FULL / 4 - 2)),
        ),
        (
            "a text over many empty lines",
            format!("a: b\n{}  c\n", "\n".repeat(FULL - 100)),
        ),
        (
            "a block of many lines",
            format!("a: |\n{}", "  c\n".repeat(FULL / 4 - 2)),
        ),
        (
            "a block of many empty lines",
            format!("a: >+\n{}", "\n".repeat(FULL - 100)),
        ),
        (
            "a block that is indented far",
            format!("a: |\n{}c\n", " ".repeat(FULL - 100)),
        ),
        (
            "a huge comment",
            format!("a: b #{}\n", "c".repeat(FULL - 100)),
        ),
        (
            "many comments",
            format!("a: b\n{}", "#\n".repeat(FULL / 2 - 4)),
        ),
        (
            "many comments below a key",
            format!("a:\n{}  b: c\n", "#\n".repeat(FULL / 2 - 8)),
        ),
        (
            "many comments in brackets",
            format!("a: [\n{}b]\n", "#\n".repeat(FULL / 2 - 8)),
        ),
        (
            "comments at many keys",
            numbered(9_000 / SMALLER, |key| format!("k{key}: # c\n# d\n  v\n")),
        ),
        (
            "many comments below each key",
            numbered(20, |key| {
                format!("k{key}:\n{}  v: w\n", "# c\n".repeat(9_000 / SMALLER))
            }),
        ),
        ("blanks", full_of(" ")),
        ("tabs", full_of("\t")),
        ("line ends", full_of("\n")),
        ("carriage returns", full_of("\r")),
        ("NUL bytes", full_of("\0")),
        ("a NUL byte in a value", "a: b\0c\n".to_owned()),
        ("byte order marks", full_of("\u{feff}")),
        (
            "letters of four bytes",
            format!("a: {}\n", "\u{1f600}".repeat(FULL / 4 - 2)),
        ),
        ("plain text without end", full_of("a ")),
        ("keys without values", full_of("a:\n")),
        (
            "indentation that grows",
            numbered(2_800, |depth| format!("{}- a\n", " ".repeat(depth))),
        ),
        ("tabs before every line", full_of("a: b\n\t\n")),
        (
            "JSON",
            format!("{{\"a\": [{}1]}}", "{\"b\": 1}, ".repeat(60_000 / SMALLER)),
        ),
        (
            "lines of an editable file",
            numbered(90_000 / SMALLER, |key| format!("k{key:07}: v # c\n")),
        ),
    ];
    let mut texts: Vec<(&'static str, Vec<u8>)> = strings
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()))
        .collect();
    texts.push(("not UTF-8", [b"a: ".as_slice(), &[0xff; MIB]].concat()));
    texts.push(("half a letter", b"a: \xc3".to_vec()));
    texts.push(("UTF-16", b"\xff\xfea\0:\0 \0b\0".to_vec()));
    texts
}

/// Set in the processes that this test starts: the text comes on standard input.
const INSIDE: &str = "TIGHTEN_HOSTILE_INSIDE";

#[test]
fn hostile_texts_are_read_or_refused_quickly_and_in_little_memory() {
    if std::env::var_os(INSIDE).is_some() {
        return read_one();
    }
    let mut too_much = Vec::new();
    for (name, bytes) in texts() {
        // A process of its own, because only a process has a peak of its memory.
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "--test-threads=1", SELF])
            .env(INSIDE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{name}: {}", output.status);
        let said = String::from_utf8(output.stdout).unwrap();
        let figures = said
            .lines()
            .filter_map(|line| line.split_once("figures "))
            .map(|(_, line)| line);
        let mut seen = 0;
        for line in figures {
            println!("{line} {name}");
            seen += 1;
            if line.starts_with("TOO MUCH") {
                too_much.push(format!("{line} {name}"));
            }
        }
        assert!(seen > 0, "{name}: {said}");
    }
    assert!(too_much.is_empty(), "{too_much:#?}");
}

const SELF: &str = "hostile_texts_are_read_or_refused_quickly_and_in_little_memory";

fn read_one() {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    let path = [
        Step::Key("iptables".into()),
        Step::Key("localhostNodePorts".into()),
    ];
    let look = |what: &str, call: &dyn Fn() -> bool| {
        let before = status_kib("VmRSS:");
        let start = Instant::now();
        let good = call();
        let time = start.elapsed();
        // The peak so far: what an earlier call needed counts for the later ones too.
        let kib = status_kib("VmHWM:").saturating_sub(before);
        let verdict = if time > LIMIT || kib > LIMIT_KIB {
            "TOO MUCH"
        } else {
            "fine"
        };
        let end = if good { "" } else { "refused" };
        println!("\nfigures {verdict:<8} {time:>10.1?} {kib:>7} KiB {what:<11} {end:<7}");
    };
    if let Ok(text) = str::from_utf8(&bytes) {
        look("parse_first", &|| yaml::parse_first(text).is_ok());
        look("parse", &|| yaml::parse(text).is_ok());
    }
    look("set", &|| {
        edit::set(&bytes, &path, &Scalar::Bool(false)).is_ok()
    });
}

fn status_kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
