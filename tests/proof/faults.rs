//! Every error that a call can return, once and from then on; and calls that claim success and do nothing.

use crate::Extent;
use crate::figure::Figure;
use crate::ground::{Call, Ran, Work};
use crate::sound::{Scene, spread};

const WORKS: [Work; 5] = [
    Work::SavedApply,
    Work::FailingApply,
    Work::Rollback,
    Work::Recover,
    Work::Prune,
];

/// What each call that the program makes can return, as its manual page lists it.
const ERRORS: [(&str, &[&str]); 34] = [
    ("openat", &["EMFILE", "EACCES", "ENOSPC", "EROFS", "EIO"]),
    ("openat2", &["ENOSYS", "EAGAIN", "EMFILE", "EIO"]),
    ("open", &["EMFILE", "EIO"]),
    ("read", &["EIO", "EINTR"]),
    ("write", &["ENOSPC", "EIO", "EINTR"]),
    ("pwrite64", &["ENOSPC", "EIO", "EINTR"]),
    ("pread64", &["EIO"]),
    ("lseek", &["EIO"]),
    ("close", &["EIO"]),
    ("fsync", &["EIO", "ENOSPC", "EROFS"]),
    ("fallocate", &["ENOSPC", "EOPNOTSUPP"]),
    ("ftruncate", &["EIO"]),
    ("statx", &["EIO", "ENOMEM"]),
    ("newfstatat", &["EIO"]),
    ("fstat", &["EIO"]),
    ("statfs", &["EIO"]),
    ("fstatfs", &["EIO"]),
    ("getdents64", &["EIO"]),
    ("readlink", &["EIO"]),
    ("readlinkat", &["EIO"]),
    ("mkdirat", &["ENOSPC", "EROFS", "EEXIST"]),
    ("renameat", &["EBUSY", "EXDEV", "ENOSPC", "EROFS", "EIO"]),
    ("renameat2", &["EINVAL", "EEXIST", "ENOSPC", "EIO"]),
    ("unlinkat", &["EIO", "EROFS", "EBUSY"]),
    ("fchmodat", &["EPERM", "EROFS", "EIO"]),
    ("fchownat", &["EPERM", "EROFS", "EIO"]),
    ("utimensat", &["EPERM", "EROFS"]),
    ("setxattr", &["ENOSPC", "EPERM", "EOPNOTSUPP"]),
    ("removexattr", &["EPERM", "EIO"]),
    ("getxattr", &["EIO"]),
    ("listxattr", &["EIO"]),
    ("flock", &["EINTR", "ENOLCK"]),
    ("signalfd4", &["EMFILE"]),
    ("rt_sigprocmask", &["EINVAL"]),
];

/// Calls that could claim success and do nothing, other than those of which the result is a handle.
const LIES: [&str; 14] = [
    "pwrite64",
    "write",
    "fsync",
    "fallocate",
    "ftruncate",
    "mkdirat",
    "renameat",
    "renameat2",
    "unlinkat",
    "fchmodat",
    "fchownat",
    "utimensat",
    "setxattr",
    "removexattr",
];

pub fn errors(extent: Extent) -> Vec<Figure> {
    let works = WORKS.iter();
    works.map(|work| errors_of(*work, extent)).collect()
}

fn errors_of(work: Work, extent: Extent) -> Figure {
    let calls = own_calls(work);
    let mut points = Vec::new();
    for call in &calls {
        let possible = ERRORS.iter().filter(|(name, _)| *name == call.name);
        for error in possible.flat_map(|(_, errors)| *errors) {
            points.push((call.clone(), *error, ""));
            // A call that is interrupted for ever never ends, and that is no fault of the program.
            if !matches!(*error, "EINTR" | "EAGAIN") {
                points.push((call.clone(), *error, "+"));
            }
        }
    }
    let points = extent.take(points, 80);
    let bad = spread(
        &points,
        || Scene::new(work),
        |scene, (call, error, on)| {
            scene.begin();
            let inject = format!("{}:error={error}:when={}{on}", call.name, call.number);
            let ran = scene.ground.run_under(work, &[inject]);
            let own = call.text.starts_with("2<");
            let silent = call.name == "write" && (own || *on == "+");
            judge(scene, &ran, silent).map_err(|why| format!("{error} at {call}{on}: {why}"))
        },
    );
    let name = format!(
        "errors, once and from then on, at every call of {}",
        work.name()
    );
    Figure::new(&name, points.len(), bad)
}

pub fn lies(extent: Extent) -> Vec<Figure> {
    let works = WORKS.iter();
    works.map(|work| lies_of(*work, extent)).collect()
}

fn lies_of(work: Work, extent: Extent) -> Figure {
    let mut points = Vec::new();
    for call in own_calls(work) {
        if !LIES.contains(&call.name.as_str()) {
            continue;
        }
        let result = call.text.rsplit_once(" = ").and_then(|(_, result)| {
            let digits: String = result.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u64>().ok()
        });
        let Some(mut result) = result else { continue };
        if call.name.contains("write") && result > 256 {
            // A journal is some bytes longer or shorter each time, and no kernel claims to have written
            // more than it was given.
            result -= 16;
        }
        points.push((call.clone(), result));
        if call.name == "write" && result > 1 {
            // One byte of it is lost, and the rest is written after all.
            points.push((call, 1));
        }
    }
    let points = extent.take(points, 15);
    let bad = spread(
        &points,
        || Scene::new(work),
        |scene, (call, result)| {
            scene.begin();
            let inject = format!("{}:retval={result}:when={}", call.name, call.number);
            let ran = scene.ground.run_under(work, &[inject]);
            let silent = call.name == "write" && call.text.starts_with("2<");
            judge(scene, &ran, silent).map_err(|why| format!("{call} did nothing: {why}"))
        },
    );
    let name = format!("calls of {} that claim success and do nothing", work.name());
    Figure::new(&name, points.len(), bad)
}

/// The calls of the program itself, without the loader's and the runtime's before it.
fn own_calls(work: Work) -> Vec<Call> {
    let calls = Scene::new(work).calls();
    let start = calls
        .iter()
        .rposition(|call| call.name == "sigaltstack" && call.text.contains("ss_flags=0"))
        .expect("the runtime sets up its stack");
    calls.into_iter().skip(start + 1).collect()
}

/// The exit code tells the truth, the message says where and what to do (unless it cannot be written),
/// and recovery works.
fn judge(scene: &Scene, ran: &Ran, silent: bool) -> Result<(), String> {
    scene.told_right(ran)?;
    if ran.code != Some(0) && !silent {
        // Signals have none.
        let names_a_file = ran.err.contains('/') || ran.err.contains("signals cannot be held back");
        if !ran.err.contains("error: ") || !names_a_file || !ran.err.contains("help: ") {
            return Err(format!("the message is of no help: {}", ran.told()));
        }
    }
    scene.settle().map(drop)
}
