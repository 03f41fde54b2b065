//! From a path to the directory handle and the name that it really means.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use super::look::LookError;
use super::meta::{FileKind, Meta};
use super::path::NodePath;

/// Most symlinks that one path may pass, as in the kernel.
const MAX_LINKS: usize = 40;

/// Which tree a root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// The running system's own `/`: processes can be looked at and the kernel asked.
    Live,
    /// A tree that `--root` names: an image, a mounted disk, a test.
    Directory,
    /// The root of a process in another mount namespace, by its process id.
    Process(u32),
}

/// The handle of a root directory.
#[derive(Debug)]
pub struct Root {
    handle: OwnedFd,
    host: PathBuf,
    place: Where,
    /// The user whose files are trusted besides root's: the one who runs the tool.
    user: u32,
    /// Where the kubelet's volumes are mounted, for the root of a process.
    volumes: Vec<NodePath>,
}

/// Where a path leads: an open directory and a name in it. The name may not exist.
#[derive(Debug)]
pub struct Place {
    /// The directory, opened with O_PATH.
    pub directory: OwnedFd,
    /// The last component; `.` for the root itself.
    pub name: String,
    /// The path with every symlink and `..` resolved.
    pub path: NodePath,
}

impl Root {
    /// The running system.
    ///
    /// # Errors
    /// When `/` cannot be opened.
    pub fn live() -> Result<Root, LookError> {
        Root::open_at(Path::new("/"), Where::Live)
    }

    /// A tree below a directory of this machine.
    ///
    /// # Errors
    /// When it cannot be opened or is not a directory.
    pub fn directory(path: &Path) -> Result<Root, LookError> {
        Root::open_at(path, Where::Directory)
    }

    /// What a process sees as `/`.
    ///
    /// # Errors
    /// When the process is gone or may not be looked at.
    pub fn process(pid: u32) -> Result<Root, LookError> {
        Root::open_at(Path::new(&format!("/proc/{pid}/root")), Where::Process(pid))
    }

    fn open_at(path: &Path, place: Where) -> Result<Root, LookError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let handle = open(path, flags, Mode::empty())?;
        Ok(Root {
            handle,
            host: path.to_path_buf(),
            place,
            user: nix::unistd::geteuid().as_raw(),
            volumes: Vec::new(),
        })
    }

    /// Names the directories at which the kubelet's volumes are mounted here.
    #[must_use]
    pub fn with_volumes(mut self, volumes: Vec<NodePath>) -> Root {
        self.volumes = volumes;
        self
    }

    /// Which tree this is.
    pub fn place(&self) -> Where {
        self.place
    }

    /// The root's own path on this machine.
    pub fn host(&self) -> &Path {
        &self.host
    }

    /// The root's handle, opened with O_PATH.
    pub fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// True when this owner's files cannot have been planted by somebody without root.
    pub fn trusts(&self, uid: u32) -> bool {
        uid == 0 || uid == self.user
    }

    /// Resolves a path, following symlinks inside the root. The last component need not exist.
    ///
    /// # Errors
    /// When a directory on the way is missing or cannot be entered, on a loop, and for a symlink
    /// that somebody without root could have planted.
    pub fn locate(&self, path: &NodePath) -> Result<Place, LookError> {
        match self.locate_plain(path) {
            Err(LookError::Loop) => self.locate_linked(path),
            other => other,
        }
    }

    /// For a path that was resolved before: a symlink or `..` in a directory's place is refused, and
    /// one in the last place is not followed but located itself.
    ///
    /// # Errors
    /// As [`Root::locate`]; [`LookError::Loop`] for a symlink or `..`.
    pub fn locate_exactly(&self, path: &NodePath) -> Result<Place, LookError> {
        if path.components().any(|part| part == "..") {
            return Err(LookError::Loop);
        }
        let parent = path.parent();
        let directory = self.open_directory(&self.handle, parent.relative())?;
        let name = match path.name() {
            "" => ".",
            name => name,
        };
        Ok(Place {
            directory,
            name: name.into(),
            path: path.clone(),
        })
    }

    /// The common case in one call: no symlink and no `..` anywhere.
    fn locate_plain(&self, path: &NodePath) -> Result<Place, LookError> {
        let place = self.locate_exactly(path)?;
        match Meta::at(&place.directory, &place.name) {
            Ok(meta) if meta.kind == FileKind::Symlink => Err(LookError::Loop),
            Ok(_) | Err(rustix::io::Errno::NOENT) => Ok(place),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens what a path leads to with O_PATH, in one call: a symlink or `..` anywhere is refused.
    ///
    /// # Errors
    /// [`LookError::Loop`] for a symlink or `..`, and what the kernel returns.
    pub(super) fn open_plain(&self, path: &NodePath) -> Result<OwnedFd, LookError> {
        if path.components().any(|part| part == "..") {
            return Err(LookError::Loop);
        }
        self.open_below(&self.handle, path.relative(), OFlag::empty())
    }

    fn open_directory(&self, from: impl AsFd, name: &str) -> Result<OwnedFd, LookError> {
        self.open_below(from, name, OFlag::O_DIRECTORY)
    }

    fn open_below(&self, from: impl AsFd, name: &str, flags: OFlag) -> Result<OwnedFd, LookError> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC | flags)
            .resolve(
                ResolveFlag::RESOLVE_BENEATH
                    | ResolveFlag::RESOLVE_NO_SYMLINKS
                    | ResolveFlag::RESOLVE_NO_MAGICLINKS,
            );
        // EAGAIN: the kernel saw a rename while it resolved; it asks to be called again.
        for _ in 0..16 {
            match openat2(from.as_fd(), name, how) {
                Err(Errno::EAGAIN) => {}
                other => return Ok(other?),
            }
        }
        Err(LookError::Changing)
    }

    /// One component at a time, judging each symlink before it is followed.
    pub(super) fn locate_linked(&self, path: &NodePath) -> Result<Place, LookError> {
        let mut todo: VecDeque<String> = path.components().map(String::from).collect();
        let mut walked: Vec<(OwnedFd, String)> = Vec::new();
        let mut links = 0;
        let mut volume = None;
        while let Some(part) = todo.pop_front() {
            if part == ".." {
                walked.pop();
                continue;
            }
            let here = walked.last().map_or(&self.handle, |(handle, _)| handle);
            let meta = match Meta::at(here, &part) {
                Ok(meta) => Some(meta),
                Err(rustix::io::Errno::NOENT) if todo.is_empty() => None,
                Err(error) => return Err(error.into()),
            };
            match meta.map(|meta| meta.kind) {
                Some(FileKind::Symlink) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(LookError::Loop);
                    }
                    if rustix::fs::fstatfs(here)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
                        return Err(LookError::Magic(shown(&walked, &part)));
                    }
                    if let Some(depth) = self.judge_link(here, &part, &walked)? {
                        let names = walked.iter().take(depth).map(|(_, name)| name.clone());
                        volume = Some((names.collect::<Vec<_>>(), shown(&walked, &part)));
                    }
                    let target = rustix::fs::readlinkat(here, part.as_str(), Vec::new())?;
                    let target = target.into_string().map_err(|_| LookError::NotText)?;
                    if target.starts_with('/') {
                        walked.clear();
                    }
                    for component in target.split('/').rev() {
                        if !matches!(component, "" | ".") {
                            todo.push_front(component.into());
                        }
                    }
                }
                _ if todo.is_empty() => {
                    stays_inside(volume, &walked)?;
                    let directory = here.try_clone().map_err(|_| LookError::Handles)?;
                    return Ok(place(directory, &walked, part));
                }
                _ => {
                    let next = self.open_directory(here, &part)?;
                    walked.push((next, part));
                }
            }
        }
        // The path ended in `..` or `/`: the directory itself.
        stays_inside(volume, &walked)?;
        let Some((_, name)) = walked.pop() else {
            let directory = self.handle.try_clone().map_err(|_| LookError::Handles)?;
            return Ok(place(directory, &walked, ".".into()));
        };
        let here = walked.last().map_or(&self.handle, |(handle, _)| handle);
        let directory = here.try_clone().map_err(|_| LookError::Handles)?;
        Ok(place(directory, &walked, name))
    }

    /// A link is followed only where nobody without root could have put it. For one in a volume of the
    /// kubelet, which is writable for everybody: how many components lead to the volume.
    fn judge_link(
        &self,
        directory: &OwnedFd,
        name: &str,
        walked: &[(OwnedFd, String)],
    ) -> Result<Option<usize>, LookError> {
        let link = Meta::at(directory, name)?;
        let holder = Meta::of(directory)?;
        if self.trusts(link.uid) && self.trusts(holder.uid) {
            if holder.mode & 0o022 == 0 {
                return Ok(None);
            }
            if let Some(depth) = self.volume(walked)? {
                return Ok(Some(depth));
            }
        }
        Err(LookError::Planted(shown(walked, name)))
    }

    /// How many components lead to the kubelet's volume that a directory lies in. On the node it counts
    /// only where a directory above keeps everybody else out.
    fn volume(&self, walked: &[(OwnedFd, String)]) -> Result<Option<usize>, LookError> {
        let here = NodePath::new(&shown(walked, "")).unwrap_or_else(NodePath::root);
        if let Some(volume) = self.volumes.iter().find(|volume| here.is_below(volume)) {
            return Ok(Some(volume.components().count()));
        }
        let Some((depth, _)) = here.kubelet_volume() else {
            return Ok(None);
        };
        for (handle, _) in walked.iter().take(depth.saturating_sub(2)) {
            let meta = Meta::of(handle)?;
            let group_enters = meta.mode & 0o010 != 0 && meta.gid != 0;
            if self.trusts(meta.uid) && meta.mode & 0o001 == 0 && !group_enters {
                return Ok(Some(depth));
            }
        }
        Ok(None)
    }
}

fn shown(walked: &[(OwnedFd, String)], name: &str) -> String {
    let mut shown = String::new();
    for part in walked.iter().map(|(_, part)| part.as_str()).chain([name]) {
        shown.push('/');
        shown.push_str(part);
    }
    shown
}

/// What a container wrote into its volume must not lead out of it: its paths are not the node's.
fn stays_inside(
    volume: Option<(Vec<String>, String)>,
    walked: &[(OwnedFd, String)],
) -> Result<(), LookError> {
    match volume {
        Some((names, link))
            if !names
                .iter()
                .eq(walked.iter().map(|(_, name)| name).take(names.len())) =>
        {
            Err(LookError::Planted(link))
        }
        _ => Ok(()),
    }
}

fn place(directory: OwnedFd, walked: &[(OwnedFd, String)], name: String) -> Place {
    let mut path = String::new();
    for part in walked
        .iter()
        .map(|(_, part)| part.as_str())
        .chain(Some(name.as_str()).filter(|name| *name != "."))
    {
        path.push('/');
        path.push_str(part);
    }
    Place {
        directory,
        name,
        path: NodePath::new(&path).unwrap_or_else(NodePath::root),
    }
}
