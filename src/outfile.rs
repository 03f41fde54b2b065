//! The file that `--out` names: replaced whole or not at all, and never through a symlink of somebody else.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use crate::cli::machine_path;
use crate::failure::Failure;
use crate::root::{FileKind, LookError, Meta, Root};

/// Where a report or a plan goes. Its directory is open already.
#[derive(Debug)]
pub struct OutFile {
    directory: OwnedFd,
    name: String,
    shown: PathBuf,
    /// What is written, such as `the report`.
    what: &'static str,
}

impl OutFile {
    /// Opens the directory of a path of this machine.
    ///
    /// # Errors
    /// Wrong usage for what cannot be a file's name; exit 1 when the directory is missing or is reached
    /// through a symlink that others could have planted, or when something else than a file has the name.
    pub fn at(path: &Path, what: &'static str) -> Result<OutFile, Failure> {
        let shown = path.display();
        let full = machine_path(path)
            .filter(|full| !full.name().is_empty() && full.name() != "..")
            .filter(|_| !path.as_os_str().to_string_lossy().ends_with('/'))
            .ok_or_else(|| Failure::usage(format!("--out {shown} cannot be the name of a file")))?;
        let parent = full.parent();
        let refuse = |why: &dyn std::fmt::Display| {
            Failure::refused(format!("{what} cannot be written to {shown}: {why}"))
                .state("nothing was written")
        };
        let directory = Root::live()
            .and_then(|root| root.locate(&parent))
            .and_then(|place| {
                let flags =
                    OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                Ok(openat(
                    &place.directory,
                    place.name.as_str(),
                    flags,
                    Mode::empty(),
                )?)
            })
            .map_err(|error| match error {
                LookError::Missing => refuse(&format!("the directory {parent} does not exist"))
                    .help(format!("make it first: mkdir -p {parent}")),
                LookError::NotDirectory => refuse(&format!("{parent} is not a directory"))
                    .help("name a file in a directory that exists"),
                LookError::Planted(_) => refuse(&error).help("name the directory itself"),
                _ => refuse(&error).because(error),
            })?;
        // The rename would put a file in the place of /dev/null or of somebody's link.
        match Meta::at(&directory, full.name()) {
            Ok(meta) if meta.kind != FileKind::File => {
                let why = format!("it is {}, not a regular file", meta.kind.describe());
                Err(refuse(&why).help("name a file; without --out it is printed on stdout"))
            }
            Ok(_) | Err(rustix::io::Errno::NOENT) => Ok(OutFile {
                directory,
                name: full.name().to_string(),
                shown: path.to_path_buf(),
                what,
            }),
            Err(error) => Err(refuse(&error).because(error)),
        }
    }

    /// Its path as it was given.
    pub fn shown(&self) -> std::path::Display<'_> {
        self.shown.display()
    }

    /// Writes beside the final name, flushes, and renames.
    ///
    /// # Errors
    /// When the directory cannot be written; a former file is as it was then.
    pub fn write(&self, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        self.put(bytes, mode).map_err(|error| {
            let (shown, what) = (self.shown(), self.what);
            Failure::refused(format!("{what} cannot be written to {shown}: {error}"))
                .state("a file that was there is as it was")
                .because(error)
        })
    }

    fn put(&self, bytes: &[u8], mode: u32) -> io::Result<()> {
        // Through the handle, whose directory nobody can exchange for another one meanwhile.
        let directory = PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()));
        // Not the final name's ending: a collector reads every *.prom.
        let mut file = tempfile::Builder::new()
            .prefix(".tighten-out-")
            .tempfile_in(&directory)?;
        file.write_all(bytes)?;
        file.as_file()
            .set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(directory.join(&self.name))
            .map_err(|error| error.error)?;
        std::fs::File::open(&directory)?.sync_all()
    }
}
