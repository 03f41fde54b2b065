//! A command line is read the same however it is spelled.

use tighten::discover::environment::environment_file;
use tighten::discover::flags::{Flag, last, parse};
use tighten::discover::words;
use tighten::facts::Origin;
use tighten::proxyconfig::from_flags;

/// One word to a line; the whole is also taken as text that systemd or a shell splits. Whether there
/// was any flag.
pub fn holds(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let given: Vec<String> = text.lines().map(str::to_owned).collect();
    let origin = Origin::flag(None);
    let flags = parse(&given, &origin);
    assert!(flags.len() <= given.len());
    for flag in &flags {
        assert!(!flag.name.contains(['_', '=']) && !flag.name.starts_with('-'));
        assert!(!flag.name.is_empty());
    }
    let again = parse(&joined(&flags), &origin);
    assert_eq!(again, flags, "joined: {:?}", joined(&flags));
    for flag in &flags {
        let counts = last(&flags, &flag.name).expect("it is there");
        let same = |other: &&Flag| other.name == flag.name;
        assert_eq!(Some(counts), flags.iter().rfind(same));
    }
    let pairs = |flags: &[Flag]| -> Vec<(String, Option<String>)> {
        let each = flags.iter();
        each.map(|flag| (flag.name.clone(), flag.value.clone()))
            .collect()
    };
    let reading = from_flags(&pairs(&flags));
    assert_eq!(reading, from_flags(&pairs(&again)));
    assert!(reading.accepted == reading.values.is_some() || reading.unjudged);

    nothing_is_behind_two_dashes(&given, &flags);
    split(&text, &given);
    !flags.is_empty()
}

/// The flags in one spelling: `--name=value`.
fn joined(flags: &[Flag]) -> Vec<String> {
    let spelled = flags.iter().map(|flag| match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    });
    spelled.collect()
}

fn nothing_is_behind_two_dashes(given: &[String], flags: &[Flag]) {
    let mut more = given.to_vec();
    more.extend(["--".into(), "--config=/behind".into(), "-v=9".into()]);
    assert_eq!(parse(&more, &Origin::flag(None)), flags);
}

/// So short that no specifier is longer than what it stands for.
const UNIT: &str = "x";

/// Words that are quoted come out of both splitters as they went in, and no text makes more words than
/// it has bytes.
fn split(text: &str, given: &[String]) {
    let none = words::Variables::new();
    let quoted: Vec<String> = given.iter().map(|word| for_systemd(word)).collect();
    let read = words::systemd(&quoted.join(" "), Some(&none), UNIT);
    assert_eq!(read.as_deref(), Ok(given), "{quoted:?}");
    for line in text.lines().chain([text]) {
        for words in [words::systemd(line, Some(&none), UNIT), words::quoted(line)] {
            let size = |words: Vec<String>| words.iter().map(|word| word.len() + 1).sum::<usize>();
            assert!(words.map_or(0, size) <= line.len() + 1, "{line:?}");
        }
        let script = ["sh".to_owned(), "-c".to_owned(), line.to_owned()];
        if let Some(found) = words::arguments(&script, &none, "kube-proxy") {
            parse(&found.words, &Origin::flag(None));
        }
        environment_file(line);
    }
    if given.iter().all(|word| !word.contains('\0')) {
        let mut script = String::from("exec kube-proxy");
        for word in given {
            script.push_str(&format!(" '{}'", word.replace('\'', "'\\''")));
        }
        let command = ["/bin/sh".to_owned(), "-c".to_owned(), script];
        let found = words::arguments(&command, &none, "kube-proxy").expect("it runs it");
        assert_eq!((found.words.as_slice(), found.problem), (given, None));
    }
}

fn for_systemd(word: &str) -> String {
    let mut out = String::from('"');
    for letter in word.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '$' | '%' => out.extend([letter, letter]),
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}
