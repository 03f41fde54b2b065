//! A directory with a node and what is to be printed of it, compared byte for byte with mode and owner.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::{Entry, Node, Ran, make_directory};

/// A directory of a case: `before/` and `tree` lay out the node, `args` has more arguments, the other files
/// hold what is expected.
pub struct Case {
    pub directory: PathBuf,
    /// Directories over which it lies, each with `before/` and `tree`.
    pub below: Vec<PathBuf>,
    /// Arguments of every run.
    pub arguments: Vec<String>,
    /// Writes the expectations instead of comparing them.
    pub bless: bool,
}

/// The directories in a directory, without those whose name begins with `_`.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('_'))
        .collect();
    names.sort();
    names
}

impl Case {
    pub fn new(directory: PathBuf) -> Case {
        Case {
            directory,
            below: Vec::new(),
            arguments: Vec::new(),
            bless: std::env::var_os("TIGHTEN_BLESS").is_some(),
        }
    }

    /// Scans, plans, applies, scans again and rolls back. `suits` judges the first scan.
    pub fn run(
        &self,
        node: &Node,
        suits: &dyn Fn(&Ran) -> Result<(), String>,
    ) -> Result<(), String> {
        let before = node.snapshot();
        let scan = self.tighten(node, &["scan"]);
        self.expect("scan.txt", &shown(node, &scan))?;
        suits(&scan)?;
        let plan = self.tighten(node, &["plan", "-v", "--detailed-exitcode"]);
        self.expect("plan.txt", &shown(node, &plan))?;
        same("scan and plan write nothing", &before, &node.snapshot())?;

        let apply = self.tighten(node, &["apply", "--yes"]);
        let after = node.snapshot();
        if plan.code == 1 {
            // A file that cannot be understood: no plan, and nothing is touched.
            if apply.code != 1 || plan.err != apply.err {
                return Err(format!("apply does not refuse as plan does: {apply:?}"));
            }
            self.expect_after(&before, &after)?;
            return same("a refused apply changes nothing", &before, &after);
        }
        if apply.code != 0 {
            return Err(format!("apply: {apply:?}"));
        }
        self.expect_after(&before, &after)?;
        if plan.code == 0 {
            return same("apply has nothing to do", &before, &after);
        }
        let again = self.tighten(node, &["scan"]);
        let left = plan.out.contains("Left to you");
        if again.code != 0 && !left {
            return Err(format!("scan after apply: {}", shown(node, &again)));
        }
        let again = self.tighten(node, &["plan", "--detailed-exitcode"]);
        if again.code != 0 {
            return Err(format!("plan after apply: {}", shown(node, &again)));
        }
        let rollback = node.run(&["rollback", "--yes"]);
        if rollback.code != 0 {
            return Err(format!("rollback: {rollback:?}"));
        }
        same(
            "rollback brings back what was there",
            &before,
            &node.snapshot(),
        )
    }

    /// Runs with the arguments of the case.
    pub fn tighten(&self, node: &Node, arguments: &[&str]) -> Ran {
        let args = fs::read_to_string(self.directory.join("args")).unwrap_or_default();
        let mut command = node.command();
        command.args(["--color", "never"]).args(&self.arguments);
        command.args(args.split_whitespace()).args(arguments);
        command.output().unwrap().into()
    }

    /// Compares with a file of the case.
    pub fn expect(&self, file: &str, found: &str) -> Result<(), String> {
        let path = self.directory.join(file);
        if self.bless {
            fs::write(&path, found).unwrap();
            return Ok(());
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected == found {
            return Ok(());
        }
        Err(format!("{file} expected:\n{expected}\nfound:\n{found}"))
    }

    fn expect_after(
        &self,
        before: &BTreeMap<String, Entry>,
        after: &BTreeMap<String, Entry>,
    ) -> Result<(), String> {
        let mut tree = String::new();
        let mut files = BTreeMap::new();
        for (path, entry) in after {
            if before.get(path) == Some(entry) {
                continue;
            }
            let _ = writeln!(
                tree,
                "{} {:04o} {}:{} {path}",
                entry.kind, entry.mode, entry.uid, entry.gid
            );
            let known = before
                .get(path)
                .is_some_and(|known| known.bytes == entry.bytes);
            if !known && entry.kind == 'f' {
                files.insert(path.clone(), entry.bytes.clone());
            }
        }
        for path in before.keys().filter(|path| !after.contains_key(*path)) {
            let _ = writeln!(tree, "- {path}");
        }
        let directory = self.directory.join("after");
        if self.bless {
            let _ = fs::remove_dir_all(&directory);
            let _ = fs::remove_file(self.directory.join("after.tree"));
            if !tree.is_empty() {
                fs::write(self.directory.join("after.tree"), &tree).unwrap();
            }
            for (path, bytes) in &files {
                let path = directory.join(path.trim_start_matches('/'));
                make_directory(path.parent().unwrap());
                fs::write(path, bytes).unwrap();
            }
            return Ok(());
        }
        let expected = fs::read_to_string(self.directory.join("after.tree")).unwrap_or_default();
        if expected != tree {
            return Err(format!("after.tree expected:\n{expected}\nfound:\n{tree}"));
        }
        let mut kept = BTreeMap::new();
        if directory.is_dir() {
            for (path, entry) in super::snapshot(&directory) {
                if entry.kind == 'f' {
                    kept.insert(path, entry.bytes);
                }
            }
        }
        if kept != files {
            let text = |files: &BTreeMap<String, Vec<u8>>| -> String {
                files
                    .iter()
                    .map(|(path, bytes)| format!("{path}:\n{}", String::from_utf8_lossy(bytes)))
                    .collect()
            };
            return Err(format!(
                "after/ expected:\n{}\nfound:\n{}",
                text(&kept),
                text(&files)
            ));
        }
        Ok(())
    }

    /// The node before anything is done to it.
    pub fn lay_out(&self) -> Node {
        let node = Node::empty();
        for source in self.below.iter().chain([&self.directory]) {
            let before = source.join("before");
            if before.is_dir() {
                for (path, entry) in super::snapshot(&before) {
                    if entry.kind == 'f' {
                        node.write(&path, &entry.bytes);
                    }
                }
            }
            let tree = fs::read_to_string(source.join("tree")).unwrap_or_default();
            for line in tree.lines().filter(|line| !line.starts_with('#')) {
                entry(&node, line);
            }
        }
        node
    }
}

/// Lays out one line of `tree`.
fn entry(node: &Node, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [kind, mode, owner, path, argument @ ..] = words.as_slice() else {
        panic!("not a line of a tree: {line:?}");
    };
    let at = node.path(path);
    if *kind != "f" && *kind != "d" && at.symlink_metadata().is_ok() {
        if at.is_dir() && !at.is_symlink() {
            fs::remove_dir_all(&at).unwrap();
        } else {
            fs::remove_file(&at).unwrap();
        }
    }
    let mode = u32::from_str_radix(mode, 8).unwrap();
    match *kind {
        "-" => return,
        "f" => assert!(at.is_file(), "{path} is not in before/"),
        "d" => {
            if at.is_file() {
                fs::remove_file(&at).unwrap();
            }
            make_directory(&at);
        }
        "l" => return symlink(argument[0], &at).unwrap(),
        "p" => nix::unistd::mkfifo(&at, nix::sys::stat::Mode::from_bits_truncate(mode)).unwrap(),
        "z" => {
            let file = fs::File::create(&at).unwrap();
            file.set_len(argument[0].parse().unwrap()).unwrap();
        }
        other => panic!("unknown kind {other:?}"),
    }
    let (uid, gid) = owner.split_once(':').unwrap();
    chown(&at, uid.parse().ok(), gid.parse().ok()).unwrap();
    fs::set_permissions(&at, fs::Permissions::from_mode(mode)).unwrap();
}

/// What a run printed, without the places that are other each time.
pub fn shown(node: &Node, ran: &Ran) -> String {
    let err = match ran.err.as_str() {
        "" => String::new(),
        err => format!("--- stderr\n{err}"),
    };
    let text = format!("{}{err}--- exit {}\n", ran.out, ran.code);
    text.replace(node.root().to_str().unwrap(), "NODE")
        .replace(node.state().to_str().unwrap(), "STATE")
}

pub fn same(
    what: &str,
    expected: &BTreeMap<String, Entry>,
    found: &BTreeMap<String, Entry>,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let mut text = format!("{what}, but:\n");
    for (path, entry) in expected {
        match found.get(path) {
            Some(now) if now == entry => {}
            now => {
                let _ = writeln!(text, "{path}: {entry:?} is {now:?}");
            }
        }
    }
    for (path, entry) in found
        .iter()
        .filter(|(path, _)| !expected.contains_key(*path))
    {
        let _ = writeln!(text, "{path}: new {entry:?}");
    }
    Err(text)
}
