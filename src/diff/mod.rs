//! Unified diffs, without secrets.

mod mask;

use std::fmt::{self, Write};
use std::ops::Range;

use similar::TextDiff;

use mask::{is_secret, masked};

/// Lines of context around a change.
const CONTEXT: usize = 2;
/// The longest line that is shown, in characters. A longer one is a whole document rather than a line of
/// one, with all that it holds and that nobody asked for.
const LONGEST: usize = 400;

/// A text as it may be shown: everything is masked that could be a secret.
#[derive(Clone, Debug)]
pub struct Shown(String);

impl Shown {
    /// Of a file of the node.
    pub fn of(bytes: &[u8]) -> Shown {
        Shown(masked(&String::from_utf8_lossy(bytes)))
    }

    /// Of a file of flags.
    pub fn flags(bytes: &[u8]) -> Shown {
        let text = String::from_utf8_lossy(bytes);
        Shown(text.split_inclusive('\n').map(without_secrets).collect())
    }

    /// Of a file of which nothing is known: what could be a secret in either kind.
    pub fn whatever(bytes: &[u8]) -> Shown {
        Shown::flags(Shown::of(bytes).0.as_bytes())
    }

    /// True when all of these bytes is shown.
    pub fn is_whole(&self, bytes: &[u8]) -> bool {
        let long = |line: &str| line.chars().count() > LONGEST;
        self.0.as_bytes() == bytes && !self.0.lines().any(long)
    }

    /// Of a text that the binary carries, which has nothing to hide.
    pub fn own(text: &str) -> Shown {
        Shown(text.to_string())
    }
}

/// The unified diff of two texts, hunks only.
pub fn unified(before: &Shown, after: &Shown) -> String {
    unified_below(0, before, after)
}

/// The same of a part of two texts, in front of which this many lines stand in both.
pub fn unified_below(lines: usize, before: &Shown, after: &Shown) -> String {
    let diff = TextDiff::from_lines(before.0.as_str(), after.0.as_str());
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let (Some(first), Some(last)) = (hunk.ops().first(), hunk.ops().last()) else {
            continue;
        };
        let range = |first: Range<usize>, last: Range<usize>| {
            let (start, count) = (lines + first.start, last.end - first.start);
            match count {
                1 => format!("{}", start + 1),
                // Behind the line of this number.
                0 => format!("{start},0"),
                _ => format!("{},{count}", start + 1),
            }
        };
        let old = range(first.old_range(), last.old_range());
        let new = range(first.new_range(), last.new_range());
        // Writing to a String cannot fail.
        let _ = writeln!(out, "@@ -{old} +{new} @@");
        for change in hunk.iter_changes() {
            let _ = write!(out, "{}{}", change.tag(), Line(change.value()));
            if change.missing_newline() {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// A line as it is shown.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim_end_matches(['\n', '\r']);
        let length = text.chars().count();
        if length <= LONGEST {
            return out.write_str(self.0);
        }
        let end = self.0.get(text.len()..).unwrap_or_default();
        write!(
            out,
            "(a line of {length} characters, which is not shown){end}"
        )
    }
}

/// A line of flags with the value of every flag masked that could be a secret.
fn without_secrets(line: &str) -> String {
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    let words: Vec<String> = text.split_whitespace().map(String::from).collect();
    let url = |word: &String| word.contains("://") && word.contains('@');
    let secret = |word: &String| {
        let name = word.split('=').next().unwrap_or_default();
        let name = name.trim_start_matches(['"', '\'', '#', '-']);
        is_secret(name) || name.ends_with("-token")
    };
    if !words.iter().any(|word| url(word) || secret(word)) {
        return line.to_string();
    }
    // What of the line is the secret is not worth a guess.
    let shown = words.iter().take_while(|word| !url(word) && !secret(word));
    let shown: Vec<&str> = shown.map(String::as_str).chain(["***"]).collect();
    format!("{}{end}", shown.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_reaches_a_diff() {
        let before = "users:\n- name: a\n  user:\n    token: geheim\n    client-key-data: |\n      AAAA\n      BBBB\n    tokenFile: /t\n# token: alt\nx: true\n";
        let after = before.replace("x: true", "x: false");
        let diff = unified(&Shown::of(before.as_bytes()), &Shown::of(after.as_bytes()));
        assert_eq!(
            diff,
            "@@ -8,3 +8,3 @@\n     tokenFile: ***\n ***\n-x: true\n+x: false\n"
        );
        let whole = masked(before);
        for secret in ["geheim", "AAAA", "BBBB", "alt"] {
            assert!(!whole.contains(secret), "{secret}");
        }
        assert_eq!(whole.lines().count(), before.lines().count());
    }

    #[test]
    fn values_of_variables_words_and_comments_are_masked_where_they_may_be_secrets() {
        let text = concat!(
            "# API_KEY=geheim-1\n",
            "# password: geheim-2\n",
            "note: 'password: geheim-3'\n",
            "env:\n",
            "- {name: DB, value: geheim-4}\n",
            "args: [--password, geheim-5, --v=2]\n",
        );
        let shown = masked(text);
        assert!(!shown.contains("geheim"), "{shown}");
        assert!(shown.contains("args: [***, ***, --v=2]\n"), "{shown}");
        let ordinary = "# The keys: none\nbindAddress: 0.0.0.0 # of all\ntoken-less: a=b\nname: system:node-token\n";
        assert_eq!(masked(ordinary), ordinary);
    }

    #[test]
    fn a_long_line_is_told_by_its_length_and_a_part_of_a_text_by_the_lines_of_the_whole() {
        let line = |end: &str| Shown::own(&format!("{}{end}\n", "ä".repeat(400)));
        let told = "(a line of 401 characters, which is not shown)\n";
        assert_eq!(
            unified(&line("1"), &line("2")),
            format!("@@ -1 +1 @@\n-{told}+{told}")
        );
        let (one, none) = (Shown::own("a\nb"), Shown::own("a\n"));
        assert_eq!(
            unified_below(7, &none, &one),
            "@@ -8 +8,2 @@\n a\n+b\n\\ No newline at end of file\n"
        );
        assert_eq!(unified(&Shown::own(""), &none), "@@ -0,0 +1 @@\n+a\n");
    }

    #[test]
    fn a_file_of_which_nothing_is_known_shows_no_secret_of_either_kind() {
        let flags = "--v=2\n--token=geheim\n";
        assert_eq!(Shown::whatever(flags.as_bytes()).0, "--v=2\n***\n");
        let yaml = "user:\n  token: geheim\n  name: a\n";
        let shown = Shown::whatever(yaml.as_bytes()).0;
        assert!(!shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn secrets_of_every_document_are_masked_and_of_texts_inside_them() {
        let before = concat!(
            "kind: ConfigMap\n",
            "data:\n",
            "  config.conf: |-\n",
            "    kind: KubeProxyConfiguration\n",
            "    mode: iptables\n",
            "  kubeconfig.conf: |\n",
            "    users: # geheim-1\n",
            "    - name: a\n",
            "      user:\n",
            "        token: geheim-2\n",
            "  run.sh: |\n",
            "    export A=geheim-3\n",
            "  other: '{\"token\": \"geheim-4\"}'\n",
            "---\n",
            "# geheim-5\n",
            "kind: Secret\n",
            "metadata:\n",
            "  annotations:\n",
            "    last: |\n",
            "      {\"kind\":\"Secret\",\"data\":{\"a\":\"geheim-6\"}}\n",
            "data:\n",
            "  a: geheim-7\n",
            "stringData: {b: geheim-8}\n",
            "...\n",
            "# geheim-9\n",
            "---\n",
            "kind: List\n",
            "items:\n",
            "- kind: Secret\n",
            "  data: {a: geheim-10}\n",
            "- env:\n",
            "  - {name: API_KEY, value: geheim-11}\n",
            "  args: [--token=geheim-12, --v=2]\n",
        );
        let shown = masked(before);
        assert!(!shown.contains("geheim"), "{shown}");
        assert_eq!(shown.lines().count(), before.lines().count());
        for kept in [
            "    mode: iptables\n",
            "    users: ***\n",
            "        token: ***\n",
            "  run.sh: |\n    ***\n",
            "  other: ***\n",
            "kind: Secret\n",
            "- {name: API_KEY, value: ***}\n",
            "  args: [***, --v=2]\n",
        ] {
            assert!(shown.contains(kept), "{kept}\n{shown}");
        }
    }

    #[test]
    fn texts_inside_texts_are_masked_at_the_latest_where_nobody_looks_any_more() {
        let mut text = "token: geheim\n".to_owned();
        for depth in 0..8 {
            let inner: String = text.lines().map(|line| format!("  {line}\n")).collect();
            text = format!("t{depth}: |\n{inner}");
            assert!(!masked(&text).contains("geheim"), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_yaml_is_masked_as_a_whole() {
        assert_eq!(masked("a: [\ntoken: x"), "***\n***");
    }
}
