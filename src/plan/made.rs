//! What is made anew: to whom it belongs.

use super::names::Names;
use super::state::FileState;

/// The state of a file that is made, but for its contents.
pub(super) fn made_anew(state: FileState, mode: u32, names: &Names) -> FileState {
    let (uid, gid) = maker();
    FileState {
        exists: true,
        ..state.with_mode(mode).with_owner(uid, gid, names)
    }
}

/// Who owns a new file: root; without root, whoever runs the tool.
pub(super) fn maker() -> (u32, u32) {
    if nix::unistd::geteuid().is_root() {
        return (0, 0);
    }
    (
        nix::unistd::geteuid().as_raw(),
        nix::unistd::getegid().as_raw(),
    )
}
