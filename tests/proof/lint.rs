//! A durability lint: reads a trace and says where something is relied on that is not yet durable.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ground::Call;

/// What is relied on before it is durable. A call that strace injected counts as not made.
pub fn lint(calls: &[Call], root: &Path, state: &Path) -> Vec<String> {
    let mut model = Model {
        root,
        state,
        handles: BTreeMap::new(),
        inodes: BTreeMap::new(),
        names: BTreeMap::new(),
        flushed: BTreeSet::new(),
        made: BTreeSet::new(),
        flushed_once: BTreeSet::new(),
        aside: BTreeSet::new(),
        is_open: false,
        complaints: Vec::new(),
    };
    for call in calls {
        if !call.text.contains("(INJECTED)") {
            model.take(call);
        }
    }
    model.end();
    model.complaints
}

/// What the disk may lack of what the program sees.
struct Model<'a> {
    root: &'a Path,
    state: &'a Path,
    /// Which file a number stands for.
    handles: BTreeMap<String, PathBuf>,
    /// Files and directories with unflushed contents or metadata, and the call that made them so.
    inodes: BTreeMap<PathBuf, String>,
    /// Directories with unflushed names.
    names: BTreeMap<PathBuf, String>,
    /// All that was flushed since it last changed.
    flushed: BTreeSet<PathBuf>,
    /// All that was created.
    made: BTreeSet<PathBuf>,
    /// Directories that were flushed here: what earlier processes did to their names is durable.
    flushed_once: BTreeSet<PathBuf>,
    /// New names that are not yet durable.
    aside: BTreeSet<PathBuf>,
    /// `active` was written here and is there.
    is_open: bool,
    complaints: Vec<String>,
}

impl Model<'_> {
    fn take(&mut self, call: &Call) {
        let handles = self.handles.clone();
        let Some(parsed) = Parsed::of(call, &handles) else {
            return;
        };
        match call.name.as_str() {
            // The name of a lock decides nothing: it is there, or is made again.
            "openat" if call.text.contains("O_CREAT") && !parsed.path(0, 1).ends_with("lock") => {
                self.create(call, parsed.path(0, 1));
            }
            "mkdirat" => self.create(call, parsed.path(0, 1)),
            "write" | "pwrite64" | "ftruncate" | "fallocate" | "fchmod" | "fchown" => {
                self.change(call, parsed.file(0));
            }
            "setxattr" | "removexattr" | "fsetxattr" | "fremovexattr" => {
                self.change(call, parsed.file(0));
            }
            "fchmodat" | "fchownat" | "utimensat" | "fchmodat2" => {
                self.change(call, parsed.path(0, 1));
            }
            "renameat" | "renameat2" => {
                self.rename(call, &parsed.path(0, 1), &parsed.path(2, 3));
            }
            "unlinkat" => self.unlink(call, &parsed.path(0, 1)),
            "fsync" | "fdatasync" => {
                let path = parsed.file(0);
                self.inodes.remove(&path);
                self.names.remove(&path);
                self.aside
                    .retain(|name| name.parent() != Some(path.as_path()));
                self.flushed_once.insert(path.clone());
                self.flushed.insert(path);
            }
            _ => {}
        }
        if let Some((handle, path)) = parsed.result {
            self.handles.insert(handle, path);
        }
    }

    fn complain(&mut self, call: &Call, why: String) {
        self.complaints.push(format!("{call}: {why}"));
    }

    /// Before anything on the node is touched, all that undoing it needs is durable.
    fn touches(&mut self, call: &Call, path: &Path) {
        if !path.starts_with(self.root) {
            return;
        }
        // plan.json decides nothing, and its hash is in the journal; the lock's text is for people.
        let decides = |path: &Path| !path.ends_with("plan.json") && !path.ends_with("lock");
        let lacking: Vec<PathBuf> = self
            .inodes
            .keys()
            .filter(|path| decides(path))
            .chain(self.names.keys())
            .filter(|path| path.starts_with(self.state))
            .cloned()
            .collect();
        for one in lacking {
            let path = path.display();
            let why = format!("{path} is touched while {} is not durable", one.display());
            self.complain(call, why);
        }
    }

    fn name_changed(&mut self, call: &Call, path: &Path) {
        if let Some(directory) = path.parent() {
            self.flushed.remove(directory);
            self.names.insert(directory.into(), call.to_string());
        }
    }

    fn create(&mut self, call: &Call, path: PathBuf) {
        self.touches(call, &path);
        self.begins(call, &path);
        self.is_open |= path == self.active(&path);
        self.name_changed(call, &path);
        self.inodes.insert(path.clone(), call.to_string());
        if call.name == "mkdirat" && !path.starts_with(self.root) {
            // A directory's names are its contents. One of the node has an owner and a mode as well.
            self.inodes.remove(&path);
        }
        self.made.insert(path);
    }

    /// A later process that finds a transaction takes the directories above it for durable. Those that
    /// hold the transaction itself need to be only when the node is touched.
    fn begins(&mut self, call: &Call, path: &Path) {
        let (true, Some(all)) = (path.starts_with(self.state), path.parent()) else {
            return;
        };
        let Some(own) = all.parent().filter(|_| all.ends_with("tx")) else {
            return;
        };
        let above = |directory: &&PathBuf| own.starts_with(directory) && own != *directory;
        let mut lacking: BTreeSet<PathBuf> = self.names.keys().filter(above).cloned().collect();
        if self.made.contains(all) {
            // The first one: who made what is above may have been killed before he flushed it.
            let disk = |path: &Path| fs::metadata(path).ok().map(|meta| meta.dev());
            let same = |path: &&Path| disk(path).is_some() && disk(path) == disk(own);
            let above = own.ancestors().skip(1).take_while(same);
            let unflushed = above.filter(|path| !self.flushed_once.contains(*path));
            lacking.extend(unflushed.map(Path::to_path_buf));
        }
        for one in lacking {
            let one = one.display();
            let why = format!("a transaction begins while the names in {one} are not durable");
            self.complain(call, why);
        }
    }

    fn change(&mut self, call: &Call, path: PathBuf) {
        self.touches(call, &path);
        if path.ends_with("journal") && call.name == "write" && path.starts_with(self.state) {
            self.record(call, &path);
        }
        self.flushed.remove(&path);
        self.inodes.insert(path, call.to_string());
    }

    /// A record that ends a transaction says that everything on the node is durable.
    fn record(&mut self, call: &Call, journal: &Path) {
        let says = |record: &str| call.text.contains(&format!("{{\\\"{record}\\\""));
        if !says("committed") && !says("rolled-back") {
            return;
        }
        let lacking = self.inodes.keys().chain(self.names.keys());
        let lacking = lacking.filter(|path| path.starts_with(self.root));
        let mut lacking: BTreeSet<PathBuf> = lacking.cloned().collect();
        if !self.made.contains(journal) {
            // What is as before may be so in the cache alone: another process was killed in between.
            let wanted = targets(journal, self.root);
            lacking.extend(wanted.into_iter().filter(|one| !self.flushed.contains(one)));
        }
        for one in lacking {
            let why = format!("the end is recorded while {} is not durable", one.display());
            self.complain(call, why);
        }
    }

    fn rename(&mut self, call: &Call, from: &Path, to: &Path) {
        self.touches(call, to);
        if self.inodes.contains_key(from) {
            let from = from.display();
            self.complain(call, format!("{from} takes a name before it is durable"));
        }
        self.aside.insert(to.into());
        self.name_changed(call, from);
        self.name_changed(call, to);
        self.inodes.remove(to);
        if let Some(why) = self.inodes.remove(from) {
            self.inodes.insert(to.into(), why);
        }
        self.flushed.remove(to);
        if self.flushed.remove(from) {
            self.flushed.insert(to.into());
        }
        for path in self.handles.values_mut() {
            if path == from {
                *path = to.into();
            }
        }
    }

    fn unlink(&mut self, call: &Call, path: &Path) {
        self.touches(call, path);
        if path == self.active(path) {
            // Without `active` nobody looks at the journal again before the next command.
            let is_journal = |path: &&PathBuf| path.ends_with("journal");
            let lacking = self.inodes.keys().any(|path| is_journal(&path));
            if lacking || !self.flushed.iter().any(|path| is_journal(&path)) {
                let why = "`active` goes before the journal's last record is durable";
                self.complain(call, why.into());
            }
            self.is_open = false;
        } else if self.is_open && path.starts_with(self.state) {
            let path = path.display();
            let why = format!("{path} goes while its transaction is open");
            self.complain(call, why);
        }
        self.leaves_history(call, path);
        self.name_changed(call, path);
        self.inodes.remove(path);
        // Nothing is left of a directory that is gone.
        self.names.remove(path);
    }

    /// A transaction is emptied only when it is durable that it left the history.
    fn leaves_history(&mut self, call: &Call, path: &Path) {
        let (Some(own), true) = (path.parent(), path.starts_with(self.state)) else {
            return;
        };
        let Some(all) = own.parent().filter(|all| all.ends_with("tx")) else {
            return;
        };
        if self.aside.contains(own) || !self.flushed_once.contains(all) {
            let own = own.display();
            self.complain(
                call,
                format!("{own} is emptied before its new name is durable"),
            );
        }
    }

    /// What is reported at the end must be durable.
    fn end(&mut self) {
        let left = self.inodes.iter().chain(&self.names);
        let left =
            left.filter(|(path, _)| path.starts_with(self.root) || path.ends_with("journal"));
        let left: Vec<String> = left
            .map(|(path, call)| {
                format!("{} is not durable at the end, since {call}", path.display())
            })
            .collect();
        self.complaints.extend(left);
    }

    /// Where `active` would be, beside this.
    fn active(&self, path: &Path) -> PathBuf {
        let directory = path.parent().unwrap_or(self.state);
        if directory.starts_with(self.state) {
            directory.join("active")
        } else {
            PathBuf::new()
        }
    }
}

/// The files that a journal speaks of as far as they are there, and the directories of those that
/// lost or got a name.
fn targets(journal: &Path, root: &Path) -> BTreeSet<PathBuf> {
    let mut wanted = BTreeSet::new();
    for line in fs::read_to_string(journal).unwrap_or_default().lines() {
        let record = line.splitn(4, ' ').nth(3).unwrap_or_default();
        let record: Value = serde_json::from_str(record).unwrap_or_default();
        let intent = &record["intent"];
        let Some(path) = intent["path"].as_str() else {
            continue;
        };
        let path = root.join(path.trim_start_matches('/'));
        if intent["operation"] != "set-meta" {
            let holder = path.parent().filter(|holder| holder.exists());
            wanted.extend(holder.map(Path::to_path_buf));
        }
        if path.exists() {
            wanted.insert(path);
        }
    }
    wanted
}

/// A call that succeeded, taken apart.
struct Parsed<'a> {
    arguments: Vec<&'a str>,
    handles: &'a BTreeMap<String, PathBuf>,
    /// The handle that it gave.
    result: Option<(String, PathBuf)>,
}

impl<'a> Parsed<'a> {
    fn of(call: &'a Call, handles: &'a BTreeMap<String, PathBuf>) -> Option<Parsed<'a>> {
        let (arguments, result) = call.text.rsplit_once(" = ")?;
        if result.starts_with('-') {
            return None;
        }
        let arguments = split(arguments.trim_end().strip_suffix(')')?);
        Some(Parsed {
            arguments,
            handles,
            result: annotated(result),
        })
    }

    /// The file of a handle, or of a path such as /proc/self/fd/7.
    fn file(&self, index: usize) -> PathBuf {
        let word = self.arguments.get(index).copied().unwrap_or_default();
        match annotated(word) {
            Some((_, path)) => path,
            None => self.named(word, Path::new("/")),
        }
    }

    /// A name in a directory; the directory's handle itself where the name is empty.
    fn path(&self, directory: usize, name: usize) -> PathBuf {
        let directory = self.arguments.get(directory).copied().unwrap_or_default();
        let (_, directory) = annotated(directory).unwrap_or_default();
        let name = self.arguments.get(name).copied().unwrap_or_default();
        self.named(name, &directory)
    }

    fn named(&self, word: &str, directory: &Path) -> PathBuf {
        let name = word.trim_matches('"');
        if let Some(handle) = name.strip_prefix("/proc/self/fd/") {
            return self.handles.get(handle).cloned().unwrap_or_default();
        }
        if name.is_empty() {
            directory.into()
        } else {
            directory.join(name)
        }
    }
}

/// `7</path>` is the handle 7 of that file.
fn annotated(word: &str) -> Option<(String, PathBuf)> {
    let (handle, rest) = word.split_once('<')?;
    let (path, _) = rest.rsplit_once('>')?;
    let is_handle = handle
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_handle.then(|| (handle.into(), path.into()))
}

/// The arguments of a call; commas within strings, paths and structures do not part them.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (0, 0_u32, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'<' | b'{' | b'[' | b'(' => depth += 1,
            b'>' | b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}
