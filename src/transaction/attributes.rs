//! Extended attributes, ACLs among them: which set a file is to have, and which sets are the same.

use crate::root::Xattrs;

/// Where Linux shows a file's POSIX ACL.
pub(super) const ACCESS_ACL: &str = "system.posix_acl_access";
/// Dropped by the kernel when the owner changes.
const CAPABILITY: &str = "security.capability";
/// Labels that the kernel itself gives to a new file.
const LABELS: [&str; 2] = ["security.selinux", "security.SMACK64"];
/// Sums over the inode that the kernel keeps; they are never copied or compared.
const SUMS: [&str; 2] = ["security.ima", "security.evm"];

const ACL_HEADER: usize = 4;
const ACL_ENTRY: usize = 8;
const USER_OBJ: u16 = 0x01;
const GROUP_OBJ: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The attributes that a file with these has after a change of its mode.
///
/// An ACL holds the permission bits once more. Copied as it was, it would undo a stricter mode.
pub(super) fn with_mode(attributes: &Xattrs, mode: u32) -> Xattrs {
    let mut after = attributes.clone();
    after.retain(|name, _| !SUMS.contains(&name.as_str()));
    if let Some(acl) = after.get_mut(ACCESS_ACL) {
        *acl = acl_with_mode(acl, mode);
    }
    after
}

/// The attributes that the kernel leaves on a file whose owner it changed.
pub(super) fn after_chown(mut attributes: Xattrs) -> Xattrs {
    attributes.remove(CAPABILITY);
    attributes
}

/// Whether two sets are the same as far as the tool decides about them.
pub(super) fn same(recorded: &Xattrs, found: &Xattrs) -> bool {
    let decides = |name: &str| {
        !SUMS.contains(&name) && (!LABELS.contains(&name) || recorded.contains_key(name))
    };
    recorded
        .keys()
        .chain(found.keys())
        .filter(|name| decides(name))
        .all(|name| recorded.get(name) == found.get(name))
}

/// Whether an attribute may be taken off a file that should not have it.
pub(super) fn removable(name: &str) -> bool {
    !SUMS.contains(&name) && !LABELS.contains(&name)
}

fn acl_with_mode(acl: &[u8], mode: u32) -> Vec<u8> {
    let mut after = acl.to_vec();
    let (_, entries) = after.split_at_mut(ACL_HEADER.min(acl.len()));
    let tag_of = |entry: &[u8]| match entry {
        [low, high, ..] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    };
    let masked = entries
        .chunks_exact(ACL_ENTRY)
        .any(|entry| tag_of(entry) == MASK);
    for entry in entries.chunks_exact_mut(ACL_ENTRY) {
        let shift = match tag_of(entry) {
            USER_OBJ => 6,
            MASK => 3,
            GROUP_OBJ if !masked => 3,
            OTHER => 0,
            _ => continue,
        };
        let bits = u8::try_from((mode >> shift) & 0o7).unwrap_or(0);
        if let [_, _, low, high, ..] = entry {
            (*low, *high) = (bits, 0);
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(entries: &[(u16, u8, u32)]) -> Vec<u8> {
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, permission, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(u16::from(*permission).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_stricter_mode_narrows_the_mask_of_the_acl_and_not_its_named_entries() {
        let nobody = u32::MAX;
        let before = acl(&[
            (USER_OBJ, 6, nobody),
            (0x02, 4, 1000),
            (GROUP_OBJ, 4, nobody),
            (MASK, 4, nobody),
            (OTHER, 4, nobody),
        ]);
        let after = acl(&[
            (USER_OBJ, 6, nobody),
            (0x02, 4, 1000),
            (GROUP_OBJ, 4, nobody),
            (MASK, 0, nobody),
            (OTHER, 0, nobody),
        ]);
        assert_eq!(acl_with_mode(&before, 0o600), after);
        assert_eq!(acl_with_mode(&after, 0o644), before);
        assert_eq!(acl_with_mode(b"ab", 0o600), b"ab");
    }

    #[test]
    fn a_label_given_by_the_kernel_is_no_difference_unless_it_was_recorded() {
        let none = Xattrs::new();
        let labelled = Xattrs::from([("security.selinux".into(), b"etc_t".to_vec())]);
        assert!(same(&none, &labelled));
        assert!(!same(&labelled, &none));
    }
}
