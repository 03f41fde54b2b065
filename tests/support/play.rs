//! The real ansible-core, pinned, in a virtual environment of its own outside of the checkout, and the
//! collection laid out with the binary that was just built.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};
use serde_json::Value;

use super::{Ran, skipped};

/// Where ansible-core and the collection are.
pub struct Ansible {
    /// The virtual environment.
    pub venv: PathBuf,
    /// Its `ansible_collections` holds ours.
    pub collections: PathBuf,
    /// What it takes for the home of whoever runs it.
    pub home: PathBuf,
}

pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Ansible, or the reason on stderr why a test is skipped.
pub fn ansible() -> Option<&'static Ansible> {
    static ANSIBLE: OnceLock<Result<Ansible, String>> = OnceLock::new();
    match ANSIBLE.get_or_init(set_up) {
        Ok(ansible) => Some(ansible),
        Err(why) => {
            skipped(why);
            None
        }
    }
}

/// What is kept from one run of the tests to the next.
fn cache() -> Result<PathBuf, String> {
    let own = std::env::var_os("TIGHTEN_TEST_CACHE").map(PathBuf::from);
    let base = || {
        let given = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        Some(given.or_else(home)?.join("tighten-tests"))
    };
    own.or_else(base)
        .ok_or("no place for ansible-core: neither XDG_CACHE_HOME nor HOME is set".into())
}

/// A Python that this ansible-core runs with, and its version.
fn python() -> Result<(String, String), String> {
    let asks = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";
    for name in ["python3", "python3.13", "python3.12", "python3.11"] {
        let Ok(told) = Command::new(name).args(["-c", asks]).output() else {
            continue;
        };
        let version = String::from_utf8_lossy(&told.stdout).trim().to_string();
        if told.status.success() && ["3.11", "3.12", "3.13"].contains(&version.as_str()) {
            return Ok((name.into(), version));
        }
    }
    Err("no Python 3.11 to 3.13 with venv is here, so Ansible cannot be tried".into())
}

fn done(command: &mut Command, what: &str) -> Result<Output, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_default();
    Err(format!("{what}: {last}"))
}

/// The environment with the pinned versions, made once and kept.
fn environment() -> Result<PathBuf, String> {
    let (python, version) = python()?;
    let pins = project("tests/ansible/requirements.txt");
    let named: String = fs::read_to_string(&pins)
        .unwrap()
        .lines()
        .map(|pin| format!("-{}", pin.replace("==", "-")))
        .collect();
    let cache = cache()?;
    fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let lock = fs::File::create(cache.join("lock")).unwrap();
    // Another run of the tests may be at it.
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    let venv = cache.join(format!("python{version}{named}"));
    let whole = venv.join("whole");
    if whole.exists() {
        return Ok(venv);
    }
    let _ = fs::remove_dir_all(&venv);
    done(
        Command::new(python).args(["-m", "venv"]).arg(&venv),
        "python -m venv",
    )?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--retries", "1"]);
    pip.arg("--disable-pip-version-check").arg("-r").arg(&pins);
    done(&mut pip, "ansible-core cannot be installed from PyPI")?;
    fs::write(whole, "").unwrap();
    Ok(venv)
}

fn set_up() -> Result<Ansible, String> {
    let venv = environment()?;
    let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ansible");
    let _ = fs::remove_dir_all(&base);
    let home = base.join("home");
    fs::create_dir_all(&home).unwrap();
    fs::write(base.join("ansible.cfg"), "").unwrap();
    let ansible = Ansible {
        venv,
        collections: base.join("collections"),
        home,
    };
    let binary = stripped(&base);
    let mut build = Command::new(project("ansible/build.sh"));
    build.arg(format!("--{}", architecture())).arg(&binary);
    build.arg("--lay-out").arg(&ansible.collections);
    done(&mut build, "ansible/build.sh").unwrap();
    Ok(ansible)
}

/// This machine, as the collection names it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

/// The binary without what a debugger needs: Ansible copies it to each node for each task.
fn stripped(base: &Path) -> PathBuf {
    let binary = base.join("tighten");
    fs::copy(env!("CARGO_BIN_EXE_tighten"), &binary).unwrap();
    // As good with it, only slower.
    let _ = Command::new("strip").arg(&binary).output();
    binary
}

impl Ansible {
    /// A program of Ansible, in an environment in which nothing of this machine's own counts.
    pub fn command(&self, program: &str) -> Command {
        self.command_at(&self.venv.join("bin").join(program))
    }

    /// Any program in that environment.
    pub fn command_at(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ANSIBLE_") {
                command.env_remove(name);
            }
        }
        command
            .env("PATH", format!("{}/bin:{path}", self.venv.display()))
            .env("HOME", &self.home)
            .env("ANSIBLE_CONFIG", self.home.with_file_name("ansible.cfg"))
            .env("ANSIBLE_COLLECTIONS_PATH", &self.collections)
            .env("ANSIBLE_LOCALHOST_WARNING", "0")
            .env("ANSIBLE_RETRY_FILES_ENABLED", "0")
            .env("ANSIBLE_NOCOLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("PYTHONPATH")
            .env_remove("SUDO_USER")
            .stdin(Stdio::null());
        command
    }

    /// One task on one node, without a play.
    pub fn task(&self, options: &Value, flags: &[&str]) -> Task {
        let output = self
            .command("ansible")
            .args(["-i", "node,", "-c", "local", "node"])
            // The node has none, and needs none.
            .args(["-e", "ansible_python_interpreter=/nonexistent"])
            .args(["-m", "tighten.kube_proxy.tighten", "-a"])
            .arg(options.to_string())
            .args(flags)
            .output()
            .unwrap();
        let ran: Ran = output.into();
        let (head, reply) = ran
            .out
            .split_once(" => ")
            .unwrap_or_else(|| panic!("{ran:?}"));
        let word = head.rsplit(" | ").next().unwrap().to_string();
        let reply = serde_json::from_str(reply).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        Task { word, reply, ran }
    }

    /// A playbook, with an inventory in the manner of INI.
    pub fn play(&self, directory: &Path, inventory: &str, playbook: &str, more: &[&str]) -> Ran {
        let hosts = directory.join("inventory.ini");
        fs::write(&hosts, inventory).unwrap();
        let output = self
            .command("ansible-playbook")
            .arg("-i")
            .arg(hosts)
            .arg(playbook)
            .args(more)
            .current_dir(directory)
            .output()
            .unwrap();
        output.into()
    }

    /// The collection, laid out.
    pub fn collection(&self) -> PathBuf {
        self.collections
            .join("ansible_collections/tighten/kube_proxy")
    }
}

/// How a task ended: CHANGED, SUCCESS or FAILED!, its reply, and all that was printed.
pub struct Task {
    pub word: String,
    pub reply: Value,
    pub ran: Ran,
}

/// What the recap says of a node: `changed=1` and the like.
pub fn recap<'a>(ran: &'a Ran, node: &str) -> Vec<&'a str> {
    let recap = ran.out.split_once("PLAY RECAP").map_or("", |(_, end)| end);
    let line = recap
        .lines()
        .find(|line| line.split_whitespace().next() == Some(node));
    let line = line.unwrap_or_else(|| panic!("{node} is not in the recap: {ran:?}"));
    line.split_whitespace().skip(2).collect()
}

/// A script that is run.
pub fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
