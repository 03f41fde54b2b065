//! The node that everything is tried on, and the built program on it: plain, or under strace.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use crate::call::Call;
use crate::call::numbered;
use crate::transaction_support::{acl, set_mode};
use crate::tree::{self, Tree};

/// Two checks that no file can satisfy both: the second one's fix undoes the first one's, so that an
/// apply fails its verification by itself.
const CONTRADICTION: &str = "\
name: contradiction
title: Two checks that cannot both pass
checks:
- id: health-on-loopback
  title: The health endpoint listens on loopback
  severity: low
  expect: {config-address: {key: healthzBindAddress, must-be: loopback}}
  fix: {address: loopback, risk: safe}
  why: The one.
- id: health-on-one-address
  title: The health endpoint listens on one address
  severity: low
  expect: {config-address: {key: healthzBindAddress, must-be: not-all-addresses}}
  fix: {address: node-ip, risk: safe}
  why: And the other.
";

/// Its flags are set in a drop-in, whose directory has to be made.
const API_SERVER: &str = "\
[Service]
ExecStart=/usr/local/bin/kube-apiserver --etcd-servers=https://127.0.0.1:2379 --v=2
";

/// How many transactions a prune keeps, of the five that there are.
pub const KEPT: usize = 2;

/// A command that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Apply,
    /// The saved plan: exactly that or nothing, where a new plan leaves out what cannot be read.
    SavedApply,
    /// A saved plan whose changes contradict each other.
    FailingApply,
    Rollback,
    Recover,
    Prune,
}

impl Work {
    pub fn name(self) -> &'static str {
        match self {
            Work::Apply => "apply",
            Work::SavedApply => "apply of a saved plan",
            Work::FailingApply => "failing apply",
            Work::Rollback => "rollback",
            Work::Recover => "recover",
            Work::Prune => "prune",
        }
    }
}

/// A node tree with a state directory. Where they lie decides which disk is under them.
pub struct Ground {
    pub root: PathBuf,
    pub state: PathBuf,
    /// For traces and the contradicting baseline.
    pub beside: PathBuf,
}

/// A node and its state as both were at one moment.
#[derive(Clone)]
pub struct Moment {
    pub node: Tree,
    pub state: Tree,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// `None`: ended by a signal.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// For a report of what went wrong.
    pub fn told(&self) -> String {
        let code = self
            .code
            .map_or("killed".into(), |code| format!("exit {code}"));
        let told = format!("{code}: {}", self.err.trim().replace('\n', " / "));
        told.chars().take(400).collect()
    }
}

impl Ground {
    pub fn new(root: PathBuf, state: PathBuf, beside: PathBuf) -> Ground {
        for directory in [&root, &state, &beside] {
            fs::create_dir_all(directory).unwrap();
        }
        set_mode(&root, 0o755);
        set_mode(&state, 0o700);
        let baseline = beside.join("contradiction.yaml");
        fs::write(&baseline, CONTRADICTION).unwrap();
        set_mode(&baseline, 0o644);
        Ground {
            root,
            state,
            beside,
        }
    }

    /// Everything in one directory.
    pub fn below(directory: &Path) -> Ground {
        let place = |name: &str| directory.join(name);
        Ground::new(place("node"), place("state"), place("beside"))
    }

    /// The demo node with more faults: modes, owners, edits, a new file, a directory that is tightened, two to
    /// five changes to one file. Its API server is a service, so that new directories lie one in the other,
    /// and a new file in one of them.
    pub fn lay_out(&self) {
        tree::clear(&self.root);
        tree::clear(&self.state);
        let demo = tighten().arg("demo").arg(&self.root).output().unwrap();
        assert!(demo.status.success(), "{demo:?}");
        let at = |path: &str| self.root.join(path);
        let kubeconfig = at("var/lib/kube-proxy/kubeconfig");
        let text = fs::read_to_string(&kubeconfig).unwrap();
        let text = text.replace(
            "    server:",
            "    insecure-skip-tls-verify: true # for a while\n    server:",
        );
        fs::write(&kubeconfig, text).unwrap();
        set_mode(&at("var/lib/kube-proxy/kube-proxy.crt"), 0o666);
        set_mode(&at("etc/systemd/system/kube-proxy.service"), 0o664);
        let config = at("var/lib/kube-proxy/kube-proxy-config.yaml");
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(&config, "user.note", b"kept", flags).unwrap();
        rustix::fs::setxattr(
            &config,
            "system.posix_acl_access",
            &acl(6, 4, 4, 4, 4),
            flags,
        )
        .unwrap();
        fs::remove_file(at("etc/kubernetes/manifests/kube-apiserver.yaml")).unwrap();
        let unit = at("etc/systemd/system/kube-apiserver.service");
        fs::write(&unit, API_SERVER).unwrap();
        set_mode(&unit, 0o644);
        let directory = at("var/lib/kube-proxy");
        chown(&directory, Some(1000), Some(1000)).unwrap();
        set_mode(&directory, 0o775);
        for entry in walkdir::WalkDir::new(&self.root) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                tree::set_mtime(entry.path(), (1_700_000_000, 123_456_789));
            }
        }
    }

    /// Brings node and state to the moment at which a work begins.
    pub fn lead_up_to(&self, work: Work) -> Moment {
        self.lay_out();
        let must = |work: Work| {
            let ran = self.run(work);
            assert_eq!(ran.code, Some(0), "{}: {ran:?}", work.name());
        };
        match work {
            Work::Apply => {}
            Work::SavedApply | Work::FailingApply => {
                let mut words = self.baselines(work);
                words.extend(["plan".into(), "--out".into(), self.plan()]);
                let ran = self.finish(&mut tighten(), &words);
                assert_eq!(ran.code, Some(0), "{ran:?}");
            }
            Work::Rollback => must(Work::Apply),
            Work::Prune => {
                for one in [Work::Apply, Work::Rollback].repeat(2) {
                    must(one);
                }
                must(Work::Apply);
            }
            // Every change is in place, and the record that makes them final is not written.
            Work::Recover => self.stop_before_commit(),
        }
        self.moment()
    }

    /// An apply that is killed when all is changed and nothing is final.
    fn stop_before_commit(&self) {
        let trace = self.trace(Work::Apply);
        let last = trace
            .iter()
            .rposition(|call| call.name == "write" && call.text.contains("committed"))
            .expect("an apply writes that it committed");
        self.lay_out();
        self.kill_before(Work::Apply, &trace[last]).unwrap();
    }

    pub fn moment(&self) -> Moment {
        Moment {
            node: tree::look(&self.root),
            state: tree::look(&self.state),
        }
    }

    pub fn back_to(&self, moment: &Moment) {
        tree::lay(&moment.node, &self.root);
        tree::lay(&moment.state, &self.state);
    }

    fn plan(&self) -> String {
        self.beside.join("plan.json").to_str().unwrap().into()
    }

    fn baselines(&self, work: Work) -> Vec<String> {
        let own = self.beside.join("contradiction.yaml");
        let words = [
            "--baseline",
            "kube-proxy",
            "--baseline",
            own.to_str().unwrap(),
        ];
        let given = if work == Work::FailingApply {
            &words[..]
        } else {
            &[]
        };
        given.iter().map(ToString::to_string).collect()
    }

    fn arguments(&self, work: Work) -> Vec<String> {
        let words: &[&str] = match work {
            Work::Apply => &["apply", "--yes"],
            Work::SavedApply | Work::FailingApply => &["apply", "--yes", &self.plan()],
            Work::Rollback => &["rollback", "--yes"],
            Work::Recover => &["recover"],
            Work::Prune => &["prune", "--keep", &KEPT.to_string()],
        };
        let mut all = self.baselines(work);
        all.extend(words.iter().map(ToString::to_string));
        all
    }

    pub fn run(&self, work: Work) -> Ran {
        self.command(work).output().unwrap().into()
    }

    /// The work as a process that is still to be started.
    pub fn command(&self, work: Work) -> Command {
        let mut command = tighten();
        self.complete(&mut command, &self.arguments(work));
        command
    }

    pub fn run_words(&self, words: &[&str]) -> Ran {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        self.finish(&mut tighten(), &words)
    }

    /// Runs with what strace is to inject.
    pub fn run_under(&self, work: Work, injections: &[String]) -> Ran {
        let mut names: Vec<&str> = injections
            .iter()
            .filter_map(|one| one.split(':').next())
            .collect();
        names.dedup();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
        command.arg(format!("trace={}", names.join(",")));
        // Other calls then run undisturbed; but strace sends no signal in this way.
        if !injections.iter().any(|one| one.contains(":signal=")) {
            command.arg("--seccomp-bpf");
        }
        for one in injections {
            command.args(["-e", &format!("inject={one}")]);
        }
        command.arg(PROGRAM);
        self.finish(&mut command, &self.arguments(work))
    }

    /// Kills a work before one of its calls; `Err` when it came to its end.
    pub fn kill_before(&self, work: Work, call: &Call) -> Result<(), String> {
        let ran = self.run_under(
            work,
            &[format!("{}:signal=KILL:when={}", call.name, call.number)],
        );
        match ran.code {
            None => Ok(()),
            Some(_) => Err(format!(
                "{} was not killed before {call}: {}",
                work.name(),
                ran.told()
            )),
        }
    }

    fn finish(&self, command: &mut Command, words: &[String]) -> Ran {
        self.complete(command, words);
        command.output().unwrap().into()
    }

    fn complete(&self, command: &mut Command, words: &[String]) {
        command
            .arg("--root")
            .arg(&self.root)
            .arg("--state-dir")
            .arg(&self.state)
            .args(words)
            .env_remove("SUDO_USER")
            .env_remove("NO_COLOR")
            .stdin(std::process::Stdio::null());
    }

    /// Every call that a work makes, in order. Leaves node and state as the work does.
    pub fn trace(&self, work: Work) -> Vec<Call> {
        self.trace_under(work, &[])
    }

    pub fn trace_under(&self, work: Work, injections: &[String]) -> Vec<Call> {
        let file = self.beside.join("trace");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-y", "-s", "256", "-o"])
            .arg(&file);
        for one in injections {
            command.args(["-e", &format!("inject={one}")]);
        }
        command.arg(PROGRAM);
        self.finish(&mut command, &self.arguments(work));
        let text = fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&text);
        let calls: Vec<Call> = text.lines().filter_map(Call::parse).collect();
        assert!(calls.len() > 20, "strace recorded nothing: {text}");
        numbered(calls)
    }
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tighten");

fn tighten() -> Command {
    Command::new(PROGRAM)
}
