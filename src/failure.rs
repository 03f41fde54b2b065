//! What a command says when it cannot do its work, and the exit codes.

use std::process::ExitCode;
use std::{fmt, io};

/// The exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Could not do it, and nothing was changed.
    Refused = 1,
    /// Findings remain, changes are pending, or files are not as they were left.
    Findings = 2,
    /// Failed part-way, and everything was put back.
    PutBack = 3,
    /// Failed part-way, and not everything could be put back.
    Incomplete = 4,
    /// Wrong usage of the command line.
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error as the operator reads it: what happened, the state of the disk, what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong and where, in one sentence that names the file.
    pub message: String,
    /// The state of the disk: `nothing was written`, `everything was put back`, ...
    pub state: Option<String>,
    /// What to do next.
    pub help: Option<String>,
    /// The exit code of the process.
    pub exit: Exit,
}

impl Failure {
    /// A refusal before anything was changed (exit 1).
    pub fn refused(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            state: None,
            help: None,
            exit: Exit::Refused,
        }
    }

    /// Wrong usage of the command line (exit 64).
    pub fn usage(message: impl Into<String>) -> Self {
        Failure {
            exit: Exit::Usage,
            ..Failure::refused(message)
        }
    }

    /// Adds what usually mends an error of the kernel, unless something better is said already.
    #[must_use]
    pub fn because(mut self, error: impl Into<io::Error>) -> Self {
        self.help
            .get_or_insert_with(|| remedy(&error.into()).into());
        self
    }

    /// The same for a file that was named and could not be opened: where there is none, no disk is to blame.
    #[must_use]
    pub fn unopened(self, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                self.help("look at how its path is written: no file has that name")
            }
            _ => self.because(error),
        }
    }

    /// The same failure with another exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Adds the state of the disk.
    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

const EIO: i32 = nix::libc::EIO;
const EMFILE: i32 = nix::libc::EMFILE;
const ENFILE: i32 = nix::libc::ENFILE;

/// What to do about an error of the kernel, where nothing else is known about it.
fn remedy(error: &io::Error) -> &'static str {
    use io::ErrorKind::{
        CrossesDevices, FileTooLarge, OutOfMemory, PermissionDenied, QuotaExceeded,
        ReadOnlyFilesystem, ResourceBusy, StorageFull,
    };
    match (error.kind(), error.raw_os_error()) {
        (StorageFull | QuotaExceeded, _) => "make room on that file system, then try again",
        (ReadOnlyFilesystem, _) => {
            "mount that file system read-write (the kernel makes it read-only when its disk fails: see dmesg), then try again"
        }
        (PermissionDenied, _) => {
            "run tighten as root; where root itself is refused, look at lsattr and at what confines it (SELinux, AppArmor, a user namespace)"
        }
        (ResourceBusy | CrossesDevices, _) => {
            "something is mounted there or holds it: look at findmnt, then try again"
        }
        (FileTooLarge, _) => "allow larger files (ulimit -f), then try again",
        (OutOfMemory, _) => "free some memory, then try again",
        (_, Some(EMFILE | ENFILE)) => "allow more open files (ulimit -n), then try again",
        (_, Some(EIO)) => {
            "the disk or its driver failed: look at the kernel's log (dmesg) before anything else"
        }
        _ => "look at that file system and at the kernel's log (dmesg), then try again",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.message)?;
        if let Some(state) = &self.state {
            write!(out, "\n  {state}")?;
        }
        if let Some(help) = &self.help {
            write!(out, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
