//! systemd, through its own command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};

use super::program;
use crate::failure::Failure;

/// Where systemctl lies; the caller's PATH is not asked, since this runs as root.
const PLACES: &[&str] = &["/usr/bin/systemctl", "/bin/systemctl"];
/// How long systemd may take to read its units again.
const RELOAD: Duration = Duration::from_secs(60);

/// What is called as systemctl.
#[derive(Clone, Debug)]
pub(super) struct Systemctl(PathBuf);

impl Systemctl {
    /// The one that the caller names, or the system's own.
    ///
    /// # Errors
    /// When it is not there or cannot be run; nothing was written then.
    pub fn find(named: Option<&Path>) -> Result<Systemctl, Failure> {
        let may_run = |path: &Path| path.is_absolute() && access(path, AccessFlags::X_OK).is_ok();
        let found = match named {
            Some(path) => may_run(path).then(|| path.to_path_buf()),
            None => PLACES.iter().map(PathBuf::from).find(|path| may_run(path)),
        };
        let missing = || {
            let place =
                named.map_or_else(|| PLACES.join(" or "), |path| path.display().to_string());
            Failure::refused(format!(
                "systemctl cannot be run: there is no program {place}"
            ))
            .state("nothing was written")
            .help("name it by its full path with --systemctl, or restart by yourself: --no-effects")
        };
        found.map(Systemctl).ok_or_else(missing)
    }

    /// Lets systemd read its units again.
    pub fn reload(&self) -> Result<(), String> {
        self.run(&["daemon-reload"], RELOAD)
    }

    /// Restarts a unit, and waits until systemd says that it is started.
    pub fn restart(&self, unit: &str, timeout: Duration) -> Result<(), String> {
        self.run(&["--no-ask-password", "restart", "--", unit], timeout)
    }

    /// Lets systemd forget that a unit failed, and how often it was started.
    pub fn forget_failure(&self, unit: &str) -> Result<(), String> {
        self.run(&["--no-ask-password", "reset-failed", "--", unit], RELOAD)
    }

    fn run(&self, arguments: &[&str], timeout: Duration) -> Result<(), String> {
        let words: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        program::done(&self.0, &words, timeout).map(|_| ())
    }
}
