//! A log that `tighten audit --follow` follows, and who writes to it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::tighten;

/// How long is waited for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event of kube-proxy, all of the same length: number `n` of the log.
pub fn event(n: usize) -> String {
    by("system:kube-proxy", "kube-proxy/v1.36.2", "services", n)
}

/// The same of somebody else, or about something else.
pub fn by(user: &str, agent: &str, resource: &str, n: usize) -> String {
    let (minute, second) = (n / 60 % 60, n % 60);
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{n:08}","stage":"ResponseComplete","requestURI":"/api/v1/{resource}","verb":"list","user":{{"username":"{user}","groups":["system:authenticated"]}},"sourceIPs":["10.0.0.7"],"userAgent":"{agent}","objectRef":{{"resource":"{resource}","apiVersion":"v1"}},"responseStatus":{{"metadata":{{}},"code":200}},"requestReceivedTimestamp":"2026-11-23T16:{minute:02}:{second:02}.000001Z","stageTimestamp":"2026-11-23T16:{minute:02}:{second:02}.000002Z","annotations":{{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}}}"#
    )
}

/// The lines of these events.
pub fn events(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|n| event(n) + "\n").collect()
}

/// Opens a log for appending, as who writes it does.
pub fn appending(path: &Path) -> File {
    let mut options = File::options();
    options.append(true).create(true).open(path).unwrap()
}

pub fn append(path: &Path, text: &str) {
    appending(path).write_all(text.as_bytes()).unwrap();
}

/// A running `tighten audit --follow`, which is gone when this is.
pub struct Followed {
    pub child: Child,
    pub log: PathBuf,
    out: Receiver<String>,
    err: Receiver<String>,
    seen: Vec<String>,
    told: Vec<String>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it printed, and how it ended.
pub struct Ended {
    pub code: Option<i32>,
    pub out: Vec<String>,
    pub err: Vec<String>,
}

impl Ended {
    /// The numbers of the events, in the order in which they were shown, of JSON lines.
    pub fn numbers(&self) -> Vec<usize> {
        numbers(&self.out)
    }

    /// The summary, which is the last document.
    pub fn summary(&self) -> Value {
        serde_json::from_str(self.out.last().unwrap()).unwrap()
    }
}

fn numbers(lines: &[String]) -> Vec<usize> {
    let documents = lines.iter().map(|line| {
        let document: Value = serde_json::from_str(line).unwrap();
        document["event"]["audit_id"].as_str().map(str::to_string)
    });
    documents.flatten().map(|id| id.parse().unwrap()).collect()
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    receiver
}

impl Followed {
    /// Follows a log in JSON, and stands at its end.
    pub fn json(log: &Path, arguments: &[&str]) -> Followed {
        Followed::start(log, &[&["--format", "json"], arguments].concat())
    }

    /// Follows a log.
    pub fn start(log: &Path, arguments: &[&str]) -> Followed {
        let mut child = tighten()
            .args(["audit", "--follow"])
            .arg(log)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let followed = Followed {
            out: lines(child.stdout.take().unwrap()),
            err: lines(child.stderr.take().unwrap()),
            child,
            log: log.to_path_buf(),
            seen: Vec::new(),
            told: Vec::new(),
        };
        followed.settle();
        followed
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    fn state(&self) -> String {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        let behind = stat.rsplit(')').next().unwrap_or_default();
        behind.split_whitespace().next().unwrap_or("X").to_string()
    }

    /// Whether it has the file open that has the log's name now.
    fn holds_log(&self) -> bool {
        let open = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        let is = |path: PathBuf| {
            let (Ok(one), Ok(log)) = (fs::metadata(path), fs::metadata(&self.log)) else {
                return false;
            };
            (one.dev(), one.ino()) == (log.dev(), log.ino())
        };
        open.is_ok_and(|open| open.flatten().any(|entry| is(entry.path())))
    }

    /// Waits until it has looked at the log as it is and sleeps.
    pub fn settle(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut asleep = 0;
        while asleep < 15 && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
            let rests = self.state() == "S" && (self.holds_log() || !self.log.is_file());
            asleep = if rests || self.state() == "Z" {
                asleep + 1
            } else {
                0
            };
        }
    }

    /// Does something between two looks.
    pub fn between_looks(&self, act: impl FnOnce()) {
        self.signal(Signal::SIGSTOP);
        while self.state() != "T" {
            sleep(Duration::from_millis(5));
        }
        act();
        self.signal(Signal::SIGCONT);
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits until so many lines were printed, and tells the last.
    pub fn line(&mut self, count: usize) -> String {
        assert!(count > 0);
        let deadline = Instant::now() + PATIENCE;
        while self.seen.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.out.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(_) => {
                    let told = self.told();
                    panic!("{count} lines are waited for: {:#?} {told:#?}", self.seen)
                }
            }
        }
        self.seen[count - 1].clone()
    }

    /// What it said on stderr so far.
    pub fn told(&mut self) -> Vec<String> {
        self.told.extend(self.err.try_iter());
        self.told.clone()
    }

    /// Waits for something on stderr.
    pub fn hear(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.told().iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < deadline, "{text}: {:#?}", self.told);
            sleep(Duration::from_millis(20));
        }
    }

    /// Processor time that it has taken, and the most memory that it has held, in KiB.
    pub fn cost(&self) -> (Duration, u64) {
        let stat = fs::read_to_string(format!("/proc/{}/schedstat", self.child.id())).unwrap();
        let nanoseconds = stat.split_whitespace().next().unwrap().parse().unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        (Duration::from_nanos(nanoseconds), peak)
    }

    /// Waits until it ends by itself.
    pub fn ends(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end: {:#?}",
                self.told()
            );
            sleep(Duration::from_millis(10));
        };
        self.seen.extend(self.out.iter());
        self.told.extend(self.err.iter());
        Ended {
            code: status.code(),
            out: std::mem::take(&mut self.seen),
            err: std::mem::take(&mut self.told),
        }
    }

    /// Waits until nothing more comes, and ends it as Ctrl-C does.
    pub fn stop(self) -> Ended {
        // What is shown twice would come now.
        sleep(Duration::from_millis(300));
        self.settle_idle();
        self.signal(Signal::SIGINT);
        self.ends()
    }

    fn settle_idle(&self) {
        let mut before = Duration::MAX;
        // A look at a log to which nobody writes takes next to nothing.
        for _ in 0..50 {
            let now = self.cost().0;
            if now.saturating_sub(before) < Duration::from_millis(10) && before != Duration::MAX {
                break;
            }
            before = now;
            sleep(Duration::from_millis(100));
        }
    }
}

/// A directory with a log of ten events.
pub fn log() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("audit.log");
    fs::write(&log, events(0..10)).unwrap();
    (directory, log)
}

/// Renames the log away as the API server does.
pub fn rotate(log: &Path, number: usize) -> PathBuf {
    let name = format!("audit-2026-11-23T17-00-00.{number:03}.log");
    let to = log.with_file_name(name);
    fs::rename(log, &to).unwrap();
    to
}

/// Waits for the events up to `last`, and sees that they are those from 10 on, each once and in order.
pub fn all_up_to(mut followed: Followed, last: usize) -> Ended {
    followed.line(last - 10);
    let ended = followed.stop();
    assert_eq!(
        ended.numbers(),
        (10..last).collect::<Vec<_>>(),
        "{:#?}",
        ended.err
    );
    assert_eq!(ended.summary()["events"], last - 10);
    assert_eq!(ended.summary()["unreadable"]["lines"], 0);
    ended
}
