use super::*;

const UNIT: &str = "kube-proxy@a.service";

fn variables() -> Variables {
    [("ARGS", "--config=/a --v=2"), ("FILE", "/b c")]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .into()
}

#[test]
fn a_bare_variable_is_split_and_a_braced_one_is_not() {
    assert_eq!(
        systemd(
            "kube-proxy $ARGS --x=${FILE} \"a b\" 100%% $$X a$X",
            Some(&variables()),
            UNIT
        )
        .unwrap(),
        [
            "kube-proxy",
            "--config=/a",
            "--v=2",
            "--x=/b c",
            "a b",
            "100%",
            "$X",
            "a$X"
        ]
    );
    assert!(systemd("kube-proxy %H", Some(&variables()), UNIT).is_err());
    assert!(systemd("kube-proxy 'a", Some(&variables()), UNIT).is_err());
    for odd in ["a\\x20b", "a\\101", "a\\ b", "'a\\nb'", "a\\"] {
        assert!(systemd(odd, Some(&variables()), UNIT).is_err(), "{odd}");
    }
    assert_eq!(
        systemd("a\\nb\\\\\\\"", Some(&variables()), UNIT).unwrap(),
        ["a\nb\\\""]
    );
}

#[test]
fn what_stands_behind_a_script_is_not_given_to_the_program() {
    let read = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        arguments(&words, &Variables::new(), "kube-proxy").map(|found| found.words)
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(
        read(&["sh", "-c", "kube-proxy", "--v=2"]),
        Some(none.clone())
    );
    assert_eq!(
        read(&["sh", "-ec", "kube-proxy --v=2"]),
        Some(vec!["--v=2".into()])
    );
    assert_eq!(read(&["kube-proxy"]), Some(none));
}

#[test]
fn a_command_that_only_names_the_program_does_not_start_it() {
    let read = |line: &str| {
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        arguments(&words, &Variables::new(), "kube-proxy").map(|found| found.words)
    };
    for other in [
        "other kube-proxy --x",
        "/usr/bin/journalctl -u kube-proxy -f",
        "/usr/bin/systemctl restart kube-proxy --no-block",
        "/usr/bin/pkill -x kube-proxy -e",
        "/usr/bin/chown root /usr/bin/kube-proxy --verbose",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
    for wrapped in [
        "/usr/bin/nice -n 5 kube-proxy --v=2",
        "/entry /usr/local/bin/kube-proxy --v=2",
        "/entrypoint.sh kube-proxy --v=2",
        "/go-runner --log-file=/x kube-proxy --v=2",
        "/usr/bin/sudo -u x kube-proxy --v=2",
    ] {
        assert_eq!(read(wrapped), Some(vec!["--v=2".into()]), "{wrapped}");
    }
    for (script, flag) in [
        (
            "echo starting kube-proxy --v=1; exec kube-proxy --v=2",
            "--v=2",
        ),
        ("if true; then kube-proxy --v=2; fi", "--v=2"),
        ("A=1 kube-proxy --v=2", "--v=2"),
        ("set -e\nkube-proxy --v=$(x | y)", "--v=$(x"),
        ("true && kube-proxy \\\n--v=$(x | y)", "--v=$(x"),
    ] {
        let words = ["sh", "-c", script].map(String::from);
        let found = arguments(&words, &Variables::new(), "kube-proxy").unwrap();
        assert_eq!(found.words.first().unwrap(), flag, "{script}");
    }
}

#[test]
fn variables_cannot_make_a_command_without_end() {
    let large = "x".repeat(1 << 20);
    let bomb: Variables = [("A".to_string(), large)].into();
    for line in ["${A}".repeat(10_000), "$A ".repeat(10_000)] {
        assert!(systemd(&line, Some(&bomb), UNIT).is_err());
        assert!(shell(&line, &bomb).is_err());
    }
    for line in [
        "${".repeat(1 << 20),
        "$(".repeat(1 << 20),
        "$A".repeat(1 << 20),
    ] {
        let _ = systemd(&line, Some(&Variables::new()), UNIT);
        let _ = shell(&line, &[("A".to_string(), String::new())].into());
        assert!(filled(&line, ('(', ')'), |_| None).is_ok());
    }
    assert_eq!(
        filled("$(A)$$(A)$(B", ('(', ')'), |_| Some("v")).unwrap(),
        "v$(A)$(B"
    );
}

#[test]
fn a_percent_sign_is_a_specifier_only_where_the_unit_says_it() {
    let value: Variables = [("A".to_string(), "50%i".to_string())].into();
    assert_eq!(
        systemd("%n %N %p %i ${A} $A %%", Some(&value), UNIT).unwrap(),
        [
            "kube-proxy@a.service",
            "kube-proxy@a",
            "kube-proxy",
            "a",
            "50%i",
            "50%i",
            "%"
        ]
    );
    assert_eq!(
        systemd("$A ${A} $$", None, UNIT).unwrap(),
        ["$A", "${A}", "$$"]
    );
}
