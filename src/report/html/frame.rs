//! What every page has: its head, its style, its foot.

use std::fmt::Write;

use crate::baseline::Severity;
use crate::kinds::Verdict;
use crate::report::escape::{escaped, one_line};
use crate::report::grouped;

const STYLE: &str = include_str!("style.css");

/// Even if some value came through unescaped, a browser loads and runs nothing.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A page around its body, which is markup already.
pub fn frame(title: &str, wide: bool, style: &str, body: &str, version: &str) -> String {
    let mut out = String::with_capacity(body.len() + STYLE.len() + style.len() + 1024);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">To the findings</a>\n<div class=\"wrap{}\">\n",
        one_line(title),
        if wide { " wide" } else { "" },
    );
    out.push_str(body);
    let _ = write!(
        out,
        "<footer><p>Made by tighten {}. This page loads nothing from elsewhere and holds no key, token or \
         certificate.</p></footer>\n</div>\n</body>\n</html>\n",
        escaped(version)
    );
    out
}

/// A word in a colour of its own.
pub fn tag(class: &str, word: &str) -> String {
    format!("<span class=\"tag {class}\">{word}</span>")
}

/// A severity.
pub fn severity(severity: Severity) -> String {
    let word = severity.to_string();
    tag(&word, &word)
}

/// A verdict as a person says it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Unknown => "could not be judged",
        Verdict::Waived => "waived",
        Verdict::NotApplicable => "not applicable",
    }
}

/// `1 finding`, `2 findings`.
pub fn plural(number: usize, one: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {one}{end}", grouped(number))
}

/// A unified diff, a line each, marked by its first character.
pub fn diff(text: &str) -> String {
    let mut out = String::from("<pre>");
    for line in text.lines() {
        let class = match line.chars().next() {
            Some('+') => " class=\"add\"",
            Some('-') => " class=\"del\"",
            Some('@') => " class=\"at\"",
            _ => "",
        };
        let _ = write!(out, "<span{class}>{}</span>", escaped(line));
    }
    out.push_str("</pre>\n");
    out
}
