//! A program that only makes the calls of a script: no parsing, no judging, zeros for contents.

use std::collections::HashMap;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FallocateFlags, Gid, Mode, OFlags, RawDir, StatxFlags, Uid};

pub fn run(script: &str) {
    let script = std::fs::read_to_string(script).unwrap();
    let mut open: Option<OwnedFd> = None;
    let mut written: HashMap<&str, File> = HashMap::new();
    let zeros = [0_u8; 16 << 10];
    let mut buffer = [0_u8; 16 << 10];
    for line in script.lines() {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        let (step, path) = (next(), next());
        match step {
            // A call may fail where the tool's own failed.
            "open" => {
                let flags = if next() == "path" {
                    OFlags::PATH
                } else {
                    OFlags::RDONLY
                };
                let handle = rustix::fs::openat(CWD, path, flags | OFlags::CLOEXEC, Mode::empty());
                if let (Ok(handle), true) = (handle, flags == OFlags::RDONLY) {
                    open = Some(handle);
                }
            }
            "stat" => {
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                let _ = rustix::fs::statx(CWD, path, flags, StatxFlags::BASIC_STATS);
            }
            "read" => {
                rustix::io::read(open.as_ref().unwrap(), &mut buffer).unwrap();
            }
            "list" => {
                let mut entries = [MaybeUninit::uninit(); 1 << 10];
                let _ = RawDir::new(open.as_ref().unwrap(), &mut entries).next();
            }
            "make" => rustix::fs::mkdirat(CWD, path, Mode::from_raw_mode(0o700)).unwrap(),
            "create" => {
                let new = if next() == "new" {
                    OFlags::EXCL
                } else {
                    OFlags::empty()
                };
                let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | new;
                let mode = Mode::from_raw_mode(0o600);
                let handle = rustix::fs::openat(CWD, path, flags, mode).unwrap();
                written.insert(path, handle.into());
            }
            "write" => {
                let mut left: usize = next().parse().unwrap();
                while left > 0 {
                    let chunk = left.min(zeros.len());
                    left -= rustix::io::write(&written[path], &zeros[..chunk]).unwrap();
                }
            }
            "reserve" => {
                let (offset, length) = (next().parse().unwrap(), next().parse().unwrap());
                let flags = FallocateFlags::KEEP_SIZE;
                let _ = rustix::fs::fallocate(&written[path], flags, offset, length);
            }
            "flush" => match written.get(path) {
                Some(file) => rustix::fs::fsync(file).unwrap(),
                None => {
                    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
                    let handle = rustix::fs::openat(CWD, path, flags, Mode::empty()).unwrap();
                    rustix::fs::fsync(handle).unwrap();
                }
            },
            "rename" => rustix::fs::renameat(CWD, path, CWD, next()).unwrap(),
            "remove" => rustix::fs::unlinkat(CWD, path, AtFlags::empty()).unwrap(),
            "mode" => {
                let mode = Mode::from_raw_mode(u32::from_str_radix(next(), 8).unwrap());
                rustix::fs::chmodat(CWD, path, mode, AtFlags::empty()).unwrap();
            }
            "owner" => {
                let uid = Uid::from_raw(next().parse().unwrap());
                let gid = Gid::from_raw(next().parse().unwrap());
                rustix::fs::chownat(CWD, path, Some(uid), Some(gid), AtFlags::empty()).unwrap();
            }
            other => panic!("no such step: {other}"),
        }
    }
}
