//! The rules themselves: built in, on their page, and of the user's own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use crate::unusual::rules::{DEFAULT, Rule, Rules, parse};

const WRITTEN: &str = include_str!("../../../plans/kube-proxy-activity.yaml");

#[test]
fn the_built_in_rules_are_sound_and_their_json_says_the_same() {
    let written = parse(WRITTEN, "plans/kube-proxy-activity.yaml").unwrap();
    let carried = Rules::load(&[]).unwrap();
    assert_eq!(format!("{written:?}"), format!("{carried:?}"));
    assert_eq!(carried.name, DEFAULT);
}

/// The table of docs/activity.md.
#[test]
fn the_page_lists_the_rules() {
    let page = include_str!("../../../docs/activity.md");
    let rules = Rules::load(&[]).unwrap().rules;
    let row = |rule: &Rule| format!("| `{}` | {} | {} |", rule.id, rule.severity, rule.title);
    let rows: Vec<String> = rules.iter().map(row).collect();
    let table = format!(
        "| rule | severity | what is told |\n|---|---|---|\n{}\n",
        rows.join("\n")
    );
    assert!(
        page.contains(&table),
        "docs/activity.md has to hold:\n{table}"
    );
    for kind in [
        "resource",
        "write",
        "outside-requests",
        "address",
        "user-agent",
        "denied-burst",
        "impersonation",
        "two-addresses",
        "silence",
        "unreadable",
    ] {
        assert!(page.contains(&format!("| `{kind}` |")), "{kind}");
    }
}

#[test]
fn the_example_of_the_page_loads() {
    let page = include_str!("../../../docs/activity.md");
    let example = page.split("```yaml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    assert_eq!(parse(example, "example").unwrap().rules.len(), 2);
}

fn own(unusual: &str) -> String {
    format!(
        "name: own\ntitle: t\nrules:\n- id: a\n  title: t\n  severity: low\n  unusual: {unusual}\n  why: w\n  help: h\n"
    )
}

#[test]
fn each_fault_is_named_with_line_and_column() {
    let sound = own("{address: {}}");
    assert_eq!(parse(&sound, "own.yaml").unwrap().rules.len(), 1);
    let twice = format!("{sound}{}", sound.split("rules:\n").nth(1).unwrap());
    let mut other = Vec::new();
    for (text, at, why) in [
        (
            sound.replace("  why: w\n", "  why: w\n  whi: w\n"),
            "own.yaml:9:3",
            "whi",
        ),
        (sound.replace("  why: w\n", ""), "own.yaml:8:3", "why"),
        (
            sound.replace("severity: low", "severity: bad"),
            "own.yaml:6:13",
            "bad",
        ),
        (
            sound.replace("id: a", "id: A"),
            "own.yaml:4:3",
            "lower-case",
        ),
        (twice, "own.yaml:10:3", "used twice"),
        (
            sound.replace("title: t\nrules", "titel: t\nrules"),
            "own.yaml:2:1",
            "titel",
        ),
        (own("{adress: {}}"), "own.yaml:7:13", "adress"),
        (own("{address: {from: x}}"), "own.yaml:7:23", "from"),
        (
            own("{resource: []}"),
            "own.yaml:4:3",
            "no resource is listed",
        ),
        (
            own("{resource: [a/b/c]}"),
            "own.yaml:7:24",
            "one subresource at most",
        ),
        (
            own("{resource: [sec*]}"),
            "own.yaml:7:24",
            "a star stands for",
        ),
        (
            own("{write: {but: [\"\"]}}"),
            "own.yaml:7:27",
            "no resource",
        ),
        (
            own("{outside-requests: {paths: [version]}}"),
            "own.yaml:4:3",
            "is no path",
        ),
        (
            own("{user-agent: {starts-with: [\"\"]}}"),
            "own.yaml:4:3",
            "none of them empty",
        ),
        (
            own("{denied-burst: {codes: [200], count: 2, within: 1s}}"),
            "own.yaml:4:3",
            "400 to 599",
        ),
        (
            own("{denied-burst: {codes: [403], count: 1, within: 1s}}"),
            "own.yaml:4:3",
            "2 to 100",
        ),
        (
            own("{denied-burst: {codes: [403], count: 101, within: 1s}}"),
            "own.yaml:4:3",
            "2 to 100",
        ),
        (
            own("{two-addresses: {within: 0s}}"),
            "own.yaml:7:37",
            "1s to 744h",
        ),
        (
            own("{silence: {after: soon}}"),
            "own.yaml:7:30",
            "invalid duration",
        ),
    ] {
        let failure = parse(&text, "own.yaml").unwrap_err();
        let placed = failure.message.starts_with(&format!("{at}: "));
        if !placed || !failure.message.contains(why) {
            other.push(format!("{at} {why}: {failure}"));
        }
        assert_eq!(
            failure.help.as_deref(),
            Some("the format is in docs/activity.md")
        );
    }
    assert!(other.is_empty(), "{other:#?}");
}

#[test]
fn rules_are_picked_by_their_ids() {
    let ids = |only: &[&str], skip: &[&str]| {
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let rules = Rules::load(&[]).unwrap().select(&list(only), &list(skip));
        rules.map(|rules| {
            rules
                .rules
                .into_iter()
                .map(|rule| rule.id)
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(ids(&["wrote", "silence"], &["silence"]).unwrap(), ["wrote"]);
    assert_eq!(
        ids(&[], &[]).unwrap().len(),
        Rules::load(&[]).unwrap().rules.len()
    );
    let failure = ids(&["silense"], &[]).unwrap_err();
    assert_eq!(failure.exit, crate::failure::Exit::Usage);
    assert!(failure.help.unwrap().starts_with("did you mean silence?"));
    assert!(ids(&[], &["nothing"]).is_err());
}

#[test]
fn rules_of_ones_own_stand_beside_the_built_in_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("own.yaml");
    std::fs::write(&path, own("{address: {}}")).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let name = path.to_str().unwrap().to_owned();
    let both = Rules::load(&[DEFAULT.into(), name.clone()]).unwrap();
    assert_eq!(both.rules.last().unwrap().id, "a");
    assert_eq!(both.name, "kube-proxy-activity, own");
    let failure = Rules::load(&[name.clone(), name]).unwrap_err();
    assert!(
        failure.message.contains("in another of the given rules"),
        "{failure}"
    );
    let failure = Rules::load(&["activity".into()]).unwrap_err();
    assert!(failure.help.unwrap().contains(DEFAULT));
}
