use installer::units::Bytes;

use super::{Member, find};
use crate::inspect::checksum::folded_sum;
use crate::inspect::recorded::{MD, MD_BITMAP, pieces};

const AT: usize = 4096;

/// The member that was recorded, as far as its metadata go, on a device of 16 MiB.
fn device() -> Vec<u8> {
    let mut device = vec![0; 16 << 20];
    device[AT..AT + 512].copy_from_slice(&pieces(MD, 512));
    device[2 * AT..2 * AT + 320].copy_from_slice(&pieces(MD_BITMAP, 320));
    device[3 * AT..4 * AT].fill(0xff);
    device
}

/// What is found after some bytes were changed; the checksum follows.
fn changed(device: &mut [u8], at: usize, bytes: &[u8]) -> Member {
    device[at..at + bytes.len()].copy_from_slice(bytes);
    device[AT + 216..AT + 220].fill(0);
    let sum = folded_sum(&device[AT..AT + 512]);
    device[AT + 216..AT + 220].copy_from_slice(&sum.to_le_bytes());
    find(&device.to_vec()).unwrap()
}

fn damage(at: usize, bytes: &[u8]) -> Vec<String> {
    changed(&mut device(), at, bytes).damage.lines().to_vec()
}

#[test]
fn a_member_is_found_with_what_lies_around_it() {
    let member = find(&device()).unwrap();
    assert_eq!((member.metadata, member.bad_blocks), ("1.2", Some(0)));
    assert_eq!(member.bitmap.map(|bitmap| (bitmap.chunks(), bitmap.dirty)), Some((60, Some(5))));
    assert!(member.damage.is_none() && !member.is_refused);
    assert_eq!(find(&vec![0; 1 << 20]), None);
    assert_eq!(find(&Vec::new()), None);
}

#[test]
fn each_version_has_its_place() {
    for (version, at) in [("1.1", 0), ("1.0", (16 << 20) - 8192), ("1.2", AT)] {
        let mut device = vec![0; 16 << 20];
        let mut superblock = pieces(MD, 512);
        superblock[8] = 0; // no bitmap
        superblock[144..152].copy_from_slice(&(at as u64 / 512).to_le_bytes());
        superblock[216..220].fill(0);
        let sum = folded_sum(&superblock);
        superblock[216..220].copy_from_slice(&sum.to_le_bytes());
        device[at..at + 512].copy_from_slice(&superblock);
        let member = find(&device).unwrap();
        assert_eq!((member.metadata, member.damage.lines()), (version, &[][..]));
        if version == "1.0" {
            // A disk of which this is the last partition.
            assert_eq!(find(&[vec![0; 1 << 20], device].concat()), None);
        }
    }
}

#[test]
fn what_does_not_fit_is_said() {
    assert_eq!(damage(AT + 144, &[9]), ["the md superblock says that it lies at 4.50K, and lies at 4K"]);
    assert_eq!(damage(AT + 92, &[0xff; 4]), ["the md superblock speaks of 4294967295 members"]);
    assert_eq!(damage(AT + 136, &[0xff; 8]).len(), 1);
    assert_eq!(damage(2 * AT, b"x"), ["its write-intent bitmap is missing"]);
    assert_eq!(damage(2 * AT + 8, b"x"), ["its write-intent bitmap belongs to another array"]);
    assert_eq!(damage(2 * AT + 4, &[9]), ["its write-intent bitmap has version 9"]);
    assert_eq!(damage(2 * AT + 48, &[2]), ["its write-intent bitmap says that it has missed something"]);
    assert_eq!(damage(2 * AT + 52, &[0; 4]), ["its write-intent bitmap has chunks of 0 bytes"]);
    assert_eq!(damage(AT + 96, &[0, 0, 0, 0x80]), ["its write-intent bitmap is missing"]);
    let mut device = device();
    device.truncate(8 << 20);
    let cut = find(&device).unwrap();
    assert_eq!(cut.damage.lines(), ["its device is 8M smaller than its md superblock says"]);
    assert!(cut.is_refused);
    device[AT + 300] ^= 1;
    assert!(
        find(&device)
            .unwrap()
            .damage
            .lines()
            .contains(&"the checksum of the md superblock is wrong".to_owned())
    );
}

#[test]
fn bad_blocks_count_only_where_the_log_is_used() {
    let mut device = device();
    device[3 * AT..3 * AT + 16].fill(1);
    assert_eq!(find(&device).unwrap().bad_blocks, Some(0));
    let member = changed(&mut device, AT + 8, &[1 | 8]);
    assert_eq!(
        (member.bad_blocks, member.damage.lines()),
        (Some(2), &["md has noted 2 bad places on it".to_owned()][..])
    );
    assert_eq!(changed(&mut device, AT + 188, &[0; 4]).bad_blocks, None);
}

#[test]
fn a_member_may_be_on_its_way() {
    let mut device = device();
    changed(&mut device, AT + 152, &2048_u64.to_le_bytes());
    let member = changed(&mut device, AT + 8, &[1 | 2 | 4]);
    assert_eq!((member.superblock.rebuilt, member.superblock.reshaping), (Some(Bytes::MIB), true));
}
