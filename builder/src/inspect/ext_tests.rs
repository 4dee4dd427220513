use installer::units::Bytes;
use uuid::uuid;

use super::{Ext, State};
use crate::inspect::checksum::crc32c;
use crate::inspect::recorded::{EXT, flipped, pieces};

fn recorded() -> Vec<u8> {
    pieces(EXT, 1024)
}

/// The superblock with other bytes in a place, and the checksum that goes with them.
fn changed(at: usize, bytes: &[u8]) -> Ext {
    let mut superblock = recorded();
    superblock[at..at + bytes.len()].copy_from_slice(bytes);
    let sum = crc32c(u32::MAX, &superblock[..1020]);
    superblock[1020..].copy_from_slice(&sum.to_le_bytes());
    Ext::read(&superblock).unwrap()
}

#[test]
fn what_mke2fs_wrote_is_read() {
    let ext = Ext::read(&recorded()).unwrap();
    assert_eq!((ext.version, ext.label.as_str(), ext.last_mounted.as_str()), ("ext4", "recorded", "/srv"));
    assert_eq!(ext.uuid, uuid!("11111111-2222-3333-4444-555555555555"));
    assert_eq!((ext.size, ext.block_size, ext.free), (Bytes::mib(16), Bytes(1024), Bytes(14059 * 1024)));
    assert_eq!((ext.state, ext.mounted, ext.group), (State::Clean, 0, 0));
    assert!(ext.damage.is_none());
    assert_eq!(
        ext.features.names().join(" "),
        "has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg sparse_super large_file huge_file \
         dir_nlink extra_isize metadata_csum"
    );
}

/// Without its magic number it is no superblock; everything else is under the checksum.
#[test]
fn every_flipped_bit_is_found() {
    for at in 0..1024 {
        let read = Ext::read(&flipped(&recorded(), at));
        let found = read.map(|ext| ext.damage.lines().to_vec());
        if at == 56 || at == 57 {
            assert_eq!(found, None);
        } else {
            assert!(
                found.unwrap().contains(&"the checksum of the superblock is wrong".to_owned()),
                "byte {at}"
            );
        }
    }
}

#[test]
fn states_are_told_apart() {
    assert_eq!(changed(58, &[0, 0]).state, State::NotClean);
    let incompatible = 0x2c6_u32;
    assert_eq!(changed(96, &incompatible.to_le_bytes()).state, State::NeedsRecovery);
    let wrong = changed(58, &[3, 0]);
    assert_eq!(
        (wrong.state, wrong.damage.lines()),
        (State::Clean, &["the kernel has found errors in it: it needs e2fsck".to_owned()][..])
    );
}

#[test]
fn numbers_of_any_size_are_survived() {
    let large = changed(24, &u32::MAX.to_le_bytes());
    assert_eq!(large.damage.lines(), ["the superblock speaks of blocks that are larger than any"]);
    assert_eq!(large.block_size, Bytes(65536));
    assert_eq!(changed(336, &[0xff; 4]).size, Bytes(((0xffff_ffff << 32) + 16384_u64).saturating_mul(1024)));
    assert_eq!(Ext::read(&recorded()[..1023]).map(|ext| ext.damage.is_none()), Some(false));
    assert_eq!(Ext::read(&[]), None);
}
