//! The process that exchanges names while another one works.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// What the exchanging process works on: kind, name, the symlink's name, separated by newlines.
const ORDERS: &str = "TIGHTEN_RACE";

/// When this program was started as the exchanging process: exchanges, and never returns.
pub fn exchange_when_asked() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    let orders: Vec<&str> = orders.split('\n').collect();
    let [kind, name, link] = orders[..] else {
        panic!("orders are three lines");
    };
    let stdin = std::io::stdin();
    let mut order = String::new();
    while stdin.lock().read_line(&mut order).unwrap() > 0 {
        let count = exchange(kind, Path::new(name), Path::new(link));
        println!("exchanged {count}");
        stdin.lock().read_line(&mut order).unwrap();
        order.clear();
    }
    std::process::exit(0);
}

/// Back and forth until the next order comes; ends with the names as they were, where that is possible.
fn exchange(kind: &str, name: &Path, link: &Path) -> usize {
    let mut count = 0;
    let mut random = u64::from(std::process::id()) | 1;
    while !ordered() {
        let found = if kind == "staged" {
            staged_in(name)
        } else {
            Some(name.to_path_buf())
        };
        let Some(found) = found else { continue };
        if swap(kind, &found, link) {
            count += 1;
            pause(&mut random);
            if swap(kind, link, &found) {
                count += 1;
            }
        }
        pause(&mut random);
    }
    count
}

fn swap(kind: &str, one: &Path, other: &Path) -> bool {
    match kind {
        "planted" => {
            // The symlink is the only one of the two names that exists, here or there.
            let (from, to) = if one.is_symlink() {
                (one, other)
            } else {
                (other, one)
            };
            renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).is_ok()
        }
        _ => renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok(),
    }
}

fn staged_in(directory: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| is_staged(path))
}

/// A name under which the tool writes a file before it takes its place.
pub fn is_staged(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(".tighten-"))
}

fn ordered() -> bool {
    let stdin = std::io::stdin();
    let mut wait = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    poll(&mut wait, PollTimeout::ZERO).unwrap() > 0
}

/// For 0 to 255 microseconds, so that an exchange falls between any two calls of the other process.
fn pause(random: &mut u64) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let end = Instant::now() + Duration::from_micros(*random & 0xff);
    while Instant::now() < end {
        std::thread::yield_now();
    }
}

/// The exchanging process, waiting for orders.
pub struct Exchanger {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Exchanger {
    /// Starts this program again as another user, from a copy that this user may run.
    pub fn start(scene: &Path, uid: u32, kind: &str, name: &Path, link: &Path) -> Exchanger {
        let program = scene.join("exchanger");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let orders = format!("{kind}\n{}\n{}", name.display(), link.display());
        let mut child = Command::new(program)
            .args(["exchange_when_asked", "--exact", "--nocapture"])
            .env(ORDERS, orders)
            .uid(uid)
            .gid(uid)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Exchanger {
            orders: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Exchanges while the closure runs; how often.
    pub fn during<T>(&mut self, act: impl FnOnce() -> T) -> (usize, T) {
        self.orders.write_all(b"go\n").unwrap();
        let done = act();
        self.orders.write_all(b"stop\n").unwrap();
        let mut line = String::new();
        while !line.starts_with("exchanged ") {
            line.clear();
            assert!(self.answers.read_line(&mut line).unwrap() > 0);
            // The test harness prints the test's name before, without an end of line.
            if let Some(at) = line.find("exchanged ") {
                line.drain(..at);
            }
        }
        (line["exchanged ".len()..].trim().parse().unwrap(), done)
    }
}

impl Drop for Exchanger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
