//! kube-proxy under systemd: well, unwell, hanging, dying, and the tool killed in between.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Stage;
use super::stage::{PATIENCE, RESTART};
use super::stand_in::{self, CONFIG, UNIT};

type Test = (&'static str, fn());

pub const TESTS: &[Test] = &[
    ("what is well afterwards is committed", well),
    ("what is unwell afterwards is put back", unwell),
    ("what does not answer is put back", hangs),
    ("what answers a letter at a time is put back", drips),
    ("whoever takes its port does not speak for it", robbed),
    ("what dies after some seconds is put back", dies),
    ("what runs with other values is put back", stale),
    ("a restart that fails is put back", restart_fails),
    ("a restart that hangs is put back", restart_hangs),
    ("what systemd gave up starting is started again", given_up),
    ("without systemctl nothing is written", no_systemctl),
    ("what is unwell before is left alone", unwell_before),
    ("what does not run is not started", not_running),
    ("what does not come back either way is told", lost),
    ("without effects they are told", no_effects),
    (
        "a rollback that does not come back is put back",
        rollback_unwell,
    ),
    ("what was killed in between is recovered", killed),
    (
        "what never read the new files is not restarted by recover",
        killed_before,
    ),
    ("at boot it need not be clear what runs", at_boot),
    ("a signal in between puts everything back", stopped),
];

fn well() {
    let stage = Stage::running();
    let pid = stage.pid();
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.config(), stage.after);
    assert_eq!(stage.asked(), [RESTART]);
    assert!(!stage.profiling());
    assert_ne!(stage.pid(), pid);
    let told = "Restarted: kube-proxy.service; /livez and /healthz answer 200, /configz shows what is written.";
    assert!(ran.out.ends_with(&format!("{told}\n")), "{ran:?}");
    assert!(
        ran.err.contains("waiting for kube-proxy.service"),
        "{ran:?}"
    );
    let (code, document) = stage.json("rollback");
    assert_eq!(code, 0, "{document}");
    assert_eq!(document["outcome"], "applied");
    let kinds: Vec<&str> = document["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| effect["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["restart", "health"]);
    stage.back(&pid);
    assert_eq!(stage.asked(), [RESTART, RESTART]);
}

/// The new configuration does not work, and the former one does.
fn put_back(play: &str, why: &str) {
    let stage = Stage::running();
    let pid = stage.pid();
    stage.play(play);
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains(why), "{ran:?}");
    let state = "everything was put back, and kube-proxy.service is well again";
    assert!(ran.err.contains(state), "{ran:?}");
    assert!(
        ran.err.contains("systemctl status kube-proxy.service"),
        "{ran:?}"
    );
    stage.back(&pid);
    let history = stage.run(&["history"]);
    assert!(history.out.contains("rolled-back"), "{history:?}");
}

fn unwell() {
    put_back(
        "kube-proxy unwell enableProfiling: false",
        "/livez answers 503",
    );
}

fn hangs() {
    put_back(
        "kube-proxy hang enableProfiling: false",
        "was not well within 6 s",
    );
}

fn drips() {
    put_back(
        "kube-proxy drip enableProfiling: false",
        "it answers too slowly",
    );
}

/// Another program listens where kube-proxy does not, as long as the new configuration is there.
fn robbed() {
    let stage = Stage::running();
    let pid = stage.pid();
    stage.play("kube-proxy deaf enableProfiling: false");
    let (healthz, new) = (stage.healthz, stage.after.clone());
    let thief = std::thread::spawn(move || {
        let listener = loop {
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", healthz)) {
                break listener;
            }
            sleep(Duration::from_millis(5));
        };
        listener.set_nonblocking(true).unwrap();
        while fs::read_to_string(CONFIG).unwrap() == new {
            if let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{}");
            }
            sleep(Duration::from_millis(5));
        }
    });
    let ran = stage.work("apply", &[]);
    thief.join().unwrap();
    assert_eq!(ran.code, 3, "{ran:?}");
    let why = format!("another program listens on 127.0.0.1:{healthz} in place of process ");
    assert!(ran.err.contains(&why), "{ran:?}");
    stage.back(&pid);
}

fn dies() {
    put_back("kube-proxy die enableProfiling: false", "it does not run");
}

fn stale() {
    put_back(
        "kube-proxy stale enableProfiling: false",
        "it runs with enableProfiling: true",
    );
}

fn restart_fails() {
    put_back(
        "systemctl fail enableProfiling: false",
        "Job for kube-proxy.service failed.",
    );
}

fn restart_hangs() {
    put_back(
        "systemctl hang enableProfiling: false",
        "did not end within 6 s",
    );
}

/// After too many failed starts with the new file systemd refuses the former one as well.
fn given_up() {
    put_back(
        "systemctl refuse enableProfiling: true\nkube-proxy unwell enableProfiling: false",
        "/livez answers 503",
    );
}

fn no_systemctl() {
    let stage = Stage::running();
    let pid = stage.pid();
    let missing = "/run/bin/none";
    let ran = stage.run(&["apply", "--yes", "--systemctl", missing]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains(missing) && ran.err.contains("nothing was written"));
    stage.untouched(&pid);
}

fn unwell_before() {
    let stage = Stage::new();
    stage.play("kube-proxy unwell");
    stand_in::start();
    assert!(stage.profiling());
    let pid = stage.pid();
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("is not well as it is"), "{ran:?}");
    stage.untouched(&pid);
    let ran = stage.work("apply", &["--no-effects"]);
    assert_eq!(
        (ran.code, stage.config()),
        (0, stage.after.clone()),
        "{ran:?}"
    );
}

fn not_running() {
    let stage = Stage::new();
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("kube-proxy.service does not run"),
        "{ran:?}"
    );
    assert_eq!(stage.config(), stage.after);
    assert!(stage.asked().is_empty());
}

fn lost() {
    let stage = Stage::running();
    stage.play("kube-proxy unwell\n");
    // Well before, and never again: what runs now was started before the play.
    let ran = stage.work("apply", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("with the former files, "), "{ran:?}");
    assert!(
        ran.err
            .contains("every file is as before, but what runs is not well")
    );
    assert!(
        ran.err.contains("journalctl -u kube-proxy.service"),
        "{ran:?}"
    );
    assert_eq!(stage.config(), stage.before);
    // Nothing is open: the files are settled.
    stage.play("");
    let ran = stage.run(&["recover"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "Recovered: nothing to settle.\n")
    );
}

fn no_effects() {
    let stage = Stage::running();
    let pid = stage.pid();
    let ran = stage.work("apply", &["--no-effects"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let due = "Left to you: restart kube-proxy.service, because its configuration changes.\n";
    assert!(ran.out.ends_with(due), "{ran:?}");
    assert_eq!((stage.pid(), stage.asked()), (pid, Vec::new()));
    assert_eq!(stage.config(), stage.after);
}

fn rollback_unwell() {
    let stage = Stage::running();
    assert_eq!(stage.work("apply", &[]).code, 0);
    let pid = stage.pid();
    stage.play("kube-proxy unwell enableProfiling: true");
    let ran = stage.work("rollback", &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(stage.config(), stage.after);
    assert_ne!(stage.pid(), pid);
    assert!(!stage.profiling());
}

/// An apply that waits for health, and is to be interrupted there.
#[allow(clippy::zombie_processes, reason = "who asks for it waits for it")]
fn waiting(stage: &Stage) -> std::process::Child {
    stage.play("kube-proxy unwell enableProfiling: false");
    let before = stage.pid();
    let child = stage.begin("apply");
    for _ in 0..500 {
        if stage.pid() != before {
            return child;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("kube-proxy was not restarted");
}

fn signal(child: &std::process::Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn killed() {
    let stage = Stage::running();
    let mut child = waiting(&stage);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    assert_eq!(stage.config(), stage.after);
    let pid = stage.pid();
    // At boot, before anything runs: the files alone.
    let history = stage.run(&["history"]);
    assert!(history.out.contains("interrupted"), "{history:?}");
    let ran = stage.work("recover", &[]);
    assert_eq!(ran.code, 64, "recover asks nothing: {ran:?}");
    let options = [
        "recover",
        "--systemctl",
        super::stage::SYSTEMCTL,
        "--unit-timeout",
        PATIENCE,
    ];
    let ran = stage.run(&options);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "1 file is as before, and kube-proxy.service is well again.";
    assert!(ran.out.contains(told), "{ran:?}");
    stage.back(&pid);
    assert_eq!(stage.asked(), [RESTART, RESTART]);
    let ran = stage.run(&options);
    assert_eq!(ran.out, "Recovered: nothing to settle.\n");
}

fn killed_before() {
    let stage = Stage::running();
    let pid = stage.pid();
    stage.play("systemctl hang enableProfiling: false");
    let mut child = stage.begin("apply");
    while stage.asked().is_empty() {
        sleep(Duration::from_millis(10));
    }
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    assert_eq!(stage.config(), stage.after);
    let ran = stage.run(&["recover", "--systemctl", super::stage::SYSTEMCTL]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((stage.config(), stage.pid()), (stage.before.clone(), pid));
    assert_eq!(stage.asked(), [RESTART]);
    assert!(stage.profiling());
}

/// Nothing runs yet, and two units could be meant.
fn at_boot() {
    for (other, told) in [
        (
            true,
            "Left to you: restart kube-proxy.service, which may run with the files of the interrupted transaction.\n",
        ),
        (false, ""),
    ] {
        let stage = Stage::running();
        let mut child = waiting(&stage);
        signal(&child, Signal::SIGKILL);
        child.wait().unwrap();
        stand_in::stop();
        if other {
            fs::copy(UNIT, "/run/systemd/system/other.service").unwrap();
        }
        let ran = stage.run(&["recover", "--no-effects"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, told), "{ran:?}");
        assert!(ran.out.ends_with("1 file is as before.\n"), "{ran:?}");
        assert_eq!(stage.config(), stage.before);
    }
}

fn stopped() {
    let stage = Stage::running();
    let mut child = waiting(&stage);
    let pid = stage.pid();
    signal(&child, Signal::SIGTERM);
    // Whoever is impatient does not stop the way back.
    for again in [Signal::SIGINT, Signal::SIGHUP] {
        sleep(Duration::from_millis(100));
        signal(&child, again);
    }
    let code = child.wait().unwrap().code();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("stopped by SIG"), "{said}");
    assert!(said.contains("kube-proxy.service is well again"), "{said}");
    stage.back(&pid);
}
