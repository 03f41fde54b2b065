//! What kube-proxy says of its new files before they are written, and of its flags afterwards.

use std::path::Path;

use super::Stage;
use super::stand_in::DROP_IN;

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    ("what kube-proxy refuses is not written", refused),
    (
        "flags that kube-proxy refuses are not written",
        refused_flags,
    ),
    (
        "flags that kube-proxy takes are asked about and committed",
        flags,
    ),
    (
        "what systemd starts with the former flags is put back",
        forgotten,
    ),
];

fn refused() {
    let stage = Stage::running();
    let pid = stage.pid();
    stage.play("preflight refuse enableProfiling: false");
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let why = "/run/bin/kube-proxy refuses the new configuration: ";
    assert!(
        ran.err.contains(why) && ran.err.contains("the file: played"),
        "{ran:?}"
    );
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    stage.untouched(&pid);
    assert!(stage.run(&["history"]).out.contains("No transactions"));
}

fn refused_flags() {
    let stage = Stage::with_flags();
    let pid = stage.pid();
    stage.play("preflight refuse --profiling=false");
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let why = "/run/bin/kube-proxy refuses the new flags: ";
    assert!(
        ran.err.contains(why) && ran.err.contains("flags: played"),
        "{ran:?}"
    );
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    assert!(!Path::new(DROP_IN).exists());
    stage.untouched(&pid);
    assert!(stage.run(&["history"]).out.contains("No transactions"));
}

fn flags() {
    let stage = Stage::with_flags();
    let (code, document) = stage.json("apply");
    assert_eq!(code, 0, "{document}");
    let told: Vec<(&str, &str)> = document["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| {
            (
                effect["kind"].as_str().unwrap(),
                effect["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("preflight", "done"),
        ("daemon-reload", "done"),
        ("restart", "done"),
        ("health", "healthy"),
    ];
    assert_eq!(told, expected, "{document}");
    let asked = &document["effects"][0];
    assert_eq!(asked["target"], "the new flags");
    assert_eq!(asked["detail"], "/run/bin/kube-proxy accepts them");
    assert!(!Path::new("/run/klog").exists(), "the question wrote a log");
    assert!(!stage.profiling());
}

/// Its own endpoints show the flags that it was given, whichever these are.
fn forgotten() {
    let stage = Stage::with_flags();
    stage.play("systemctl forget");
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let why = "was not started with the new --profiling";
    assert!(ran.err.contains(why), "{ran:?}");
    assert!(!Path::new(DROP_IN).exists());
    assert!(stage.profiling());
}
