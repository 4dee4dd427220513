use installer::units::Bytes;
use uuid::uuid;

use super::bitmap::Bitmap;
use super::level::Level;
use super::{Role, Superblock};
use crate::inspect::recorded::{MD, MD_BITMAP, flipped, pieces};

fn recorded() -> Vec<u8> {
    pieces(MD, 512)
}

#[test]
fn what_mdadm_wrote_is_read() {
    let superblock = Superblock::read(&recorded()).unwrap();
    assert!(superblock.is_whole && superblock.clean && !superblock.reshaping && !superblock.is_replacement);
    assert_eq!(superblock.array, uuid!("a578a5c9-2256-98b9-cb5a-f004f7ec73b1"));
    assert_eq!(superblock.member, uuid!("5773d586-07d1-1659-f6e4-dd572fa2b8fd"));
    assert_eq!((superblock.name.as_str(), superblock.short_name()), ("elsewhere:late", "late"));
    assert_eq!(
        (superblock.level, superblock.layout, superblock.chunk, superblock.slots),
        (Level::Raid1, 0, Bytes(0), 2)
    );
    assert_eq!((superblock.member_size, superblock.data_size), (Bytes::mib(15), Bytes::mib(15)));
    assert_eq!((superblock.data_offset, superblock.own), (Bytes::mib(1), Bytes(4096)));
    assert_eq!((superblock.role, superblock.events, superblock.rebuilt), (Role::Active(0), 21, None));
    assert_eq!(superblock.roles[..2], [Role::Active(0), Role::Spare]);
    assert_eq!(superblock.bitmap, Some(4096));
    assert_eq!(superblock.log.map(|log| (log.at, log.length, log.is_used)), Some((8192, 4096, false)));
}

/// A flip in the magic number or the version makes it something else; the sum finds every other one.
#[test]
fn every_flipped_bit_is_found() {
    for at in 0..512 {
        let read = Superblock::read(&flipped(&recorded(), at));
        assert_eq!(read.map(|superblock| superblock.is_whole), (at >= 8).then_some(false), "byte {at}");
    }
}

#[test]
fn counts_of_any_size_are_survived() {
    let mut superblock = recorded();
    superblock[220..224].fill(0xff);
    superblock[160..164].fill(0xff);
    let read = Superblock::read(&superblock).unwrap();
    assert!(!read.is_whole);
    assert_eq!((read.roles.len(), read.role), (128, Role::Spare));
    assert_eq!(Superblock::read(&recorded()[..255]).map(|superblock| superblock.is_whole), Some(false));
    assert_eq!(Superblock::read(&recorded()[..200]), None);
    assert_eq!(Superblock::read(&[]), None);
}

#[test]
fn a_bitmap_is_counted_as_mdadm_counts_it() {
    let bytes = pieces(MD_BITMAP, 320);
    let bitmap = Bitmap::read(&bytes).unwrap();
    assert_eq!((bitmap.array, bitmap.version), (uuid!("a578a5c9-2256-98b9-cb5a-f004f7ec73b1"), 4));
    assert_eq!((bitmap.events, bitmap.covers, bitmap.chunk), (21, Bytes::mib(15), Bytes(262_144)));
    assert_eq!((bitmap.chunks(), bitmap.length(), bitmap.is_useless), (60, Some(8), false));
    assert_eq!(bitmap.counted(&bytes[256..264]).dirty, Some(5));
}
