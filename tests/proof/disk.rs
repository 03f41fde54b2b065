//! File systems on images of their own, that can be cut off from power.
//!
//! The cut is the file system's own shutdown ioctl. The house forbids `unsafe`, and there is no safe
//! way to that ioctl, so that `xfs_io` of xfsprogs makes it, on ext4 as well.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ext4,
    Xfs,
}

/// What a cut leaves of what was not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    Nothing,
    /// The file system's own log: names and metadata, but not contents.
    Log,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ext4 => "ext4",
            Kind::Xfs => "XFS",
        }
    }

    fn make(self, image: &Path) -> Result<(), String> {
        // XFS refuses to be smaller.
        let (size, program, options): (u64, _, &[&str]) = match self {
            Kind::Ext4 => (24 << 20, "mkfs.ext4", &["-q", "-I", "256"]),
            Kind::Xfs => (300 << 20, "mkfs.xfs", &["-q"]),
        };
        let file = File::create(image).map_err(|error| error.to_string())?;
        file.set_len(size).map_err(|error| error.to_string())?;
        run(Command::new(program).args(options).arg(image))
    }

    /// Nothing becomes durable by the passing of time or by a rename: only an fsync makes it so.
    fn mount_options(self) -> &'static str {
        match self {
            Kind::Ext4 => "loop,noauto_da_alloc,commit=300",
            Kind::Xfs => "loop",
        }
    }
}

/// Where images lie and are mounted. All of it is in memory and in a mount namespace of this process,
/// so that the kernel takes it away when the process ends, however it ends.
pub struct Workshop {
    directory: tempfile::TempDir,
}

impl Workshop {
    /// `Err` says why there can be none here.
    pub fn open() -> Result<Workshop, String> {
        unshare(CloneFlags::CLONE_NEWNS).map_err(|error| format!("no mount namespace: {error}"))?;
        run(Command::new("mount").args(["--make-rprivate", "/"]))?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let memory = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "mode=0700", "tmpfs"])
            .arg(directory.path())
            .output();
        told(memory)?;
        Ok(Workshop { directory })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Whether this kind of file system can be made, mounted and cut here.
    pub fn offers(&self, kind: Kind) -> Result<(), String> {
        let place = self.path().join("trial");
        fs::create_dir(&place).map_err(|error| error.to_string())?;
        let tried = Disk::make(kind, &place).and_then(|disk| disk.cut(Survives::Nothing));
        let cleared = fs::remove_dir_all(&place).map_err(|error| error.to_string());
        tried.and(cleared)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("-l").arg(self.path()));
    }
}

/// A file system with one image, and what the image is to be before each cut.
pub struct Disk {
    kind: Kind,
    image: PathBuf,
    pub mount: PathBuf,
    /// The parts of the image that are not all zero.
    kept: RefCell<Vec<(u64, Vec<u8>)>>,
}

impl Disk {
    /// A new one, mounted, in a directory of its own.
    pub fn make(kind: Kind, place: &Path) -> Result<Disk, String> {
        let mount = place.join("mounted");
        fs::create_dir_all(&mount).map_err(|error| error.to_string())?;
        let disk = Disk {
            kind,
            image: place.join("image"),
            mount,
            kept: RefCell::default(),
        };
        kind.make(&disk.image)?;
        disk.attach()?;
        Ok(disk)
    }

    fn attach(&self) -> Result<(), String> {
        let mut command = Command::new("mount");
        command.args(["-o", self.kind.mount_options()]);
        // Another process can be quicker to take the free loop device.
        patiently(command.arg(&self.image).arg(&self.mount))
    }

    fn detach(&self) -> Result<(), String> {
        patiently(Command::new("umount").arg(&self.mount))
    }

    /// Keeps what is there now, for [`Disk::renew`].
    pub fn keep(&self) -> Result<(), String> {
        const PART: usize = 64 << 10;
        self.detach()?;
        let failed = |error: std::io::Error| error.to_string();
        let image = File::open(&self.image).map_err(failed)?;
        let size = image.metadata().map_err(failed)?.len();
        let mut parts = Vec::new();
        let mut start = 0;
        while start < size {
            let length = PART.min(usize::try_from(size - start).unwrap_or(PART));
            let mut part = vec![0; length];
            image.read_exact_at(&mut part, start).map_err(failed)?;
            if part.iter().any(|byte| *byte != 0) {
                parts.push((start, part));
            }
            start += PART as u64;
        }
        self.kept.replace(parts);
        self.attach()
    }

    /// Makes it what was kept.
    pub fn renew(&self) -> Result<(), String> {
        self.detach()?;
        let failed = |error: std::io::Error| error.to_string();
        let image = File::options()
            .write(true)
            .open(&self.image)
            .map_err(failed)?;
        let size = image.metadata().map_err(failed)?.len();
        image.set_len(0).map_err(failed)?;
        image.set_len(size).map_err(failed)?;
        for (start, part) in self.kept.borrow().iter() {
            image.write_all_at(part, *start).map_err(failed)?;
        }
        drop(image);
        self.attach()
    }

    /// Cuts the power, and mounts again.
    pub fn cut(&self, survives: Survives) -> Result<(), String> {
        let command = match survives {
            Survives::Nothing => "shutdown",
            Survives::Log => "shutdown -f",
        };
        run(Command::new("xfs_io")
            .args(["-x", "-c", command])
            .arg(&self.mount))?;
        self.detach()?;
        self.attach()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.detach();
    }
}

/// Tries for a while: a device can be taken or busy for a moment.
fn patiently(command: &mut Command) -> Result<(), String> {
    let mut tried = run(command);
    for _ in 0..40 {
        if tried.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
        tried = run(command);
    }
    tried
}

fn run(command: &mut Command) -> Result<(), String> {
    told(command.output()).map_err(|why| format!("{command:?}: {why}"))
}

fn told(output: std::io::Result<std::process::Output>) -> Result<(), String> {
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().into())
}
