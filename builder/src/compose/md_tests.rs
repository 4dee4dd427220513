use installer::format::{Epoch, Piece};
use installer::plan::Array;
use installer::units::Bytes;

use super::member;
use crate::compose::fixture;

const EPOCH: Epoch = Epoch(1_700_000_000);

fn u64_at(piece: &Piece, at: usize) -> u64 {
    u64::from_le_bytes(piece.bytes[at..at + 8].try_into().unwrap())
}

fn u32_at(piece: &Piece, at: usize) -> u32 {
    u32::from_le_bytes(piece.bytes[at..at + 4].try_into().unwrap())
}

fn data() -> Array {
    fixture::raid10().arrays.remove(1)
}

#[test]
fn a_raid10_member_says_what_md_needs() {
    let pieces = member(&data(), 2, Bytes::mib(64), EPOCH).unwrap();
    let places: Vec<_> = pieces.iter().map(|piece| (piece.at.0, piece.bytes.len())).collect();
    assert_eq!(places, [(4096, 512), (8192, 4096), (12288, 4096)]);
    let superblock = &pieces[0];
    let words = [0, 4, 8, 72, 76, 88, 92, 96, 160, 188, 220].map(|at| u32_at(superblock, at));
    assert_eq!(words, [0xa92b_4efc, 1, 1, 10, 0x102, 1024, 4, 8, 2, 16, 128]);
    let doubles = [64, 80, 128, 136, 144, 152, 192, 200, 208].map(|at| u64_at(superblock, at));
    let sectors = |mib: u64| mib * 2048;
    assert_eq!(doubles, [EPOCH.0, sectors(60), sectors(2), sectors(62), 8, 0, EPOCH.0, 1, u64::MAX]);
    assert_eq!(superblock.bytes[32..41], *b"any:data\0");
    assert_eq!(superblock.bytes[256..266], [0, 0, 1, 0, 2, 0, 3, 0, 0xff, 0xff]);
}

#[test]
fn the_bitmap_of_raid10_covers_the_array_and_not_one_member() {
    let bitmap = &member(&data(), 0, Bytes::mib(64), EPOCH).unwrap()[1];
    assert_eq!((u32_at(bitmap, 0), u32_at(bitmap, 4)), (u32::from_le_bytes(*b"bitm"), 4));
    assert_eq!((u64_at(bitmap, 24), u64_at(bitmap, 32), u64_at(bitmap, 40)), (1, 1, 120 * 2048));
    assert_eq!((u32_at(bitmap, 52), u32_at(bitmap, 56)), (64 << 20, 5));
    assert_eq!(bitmap.bytes[256..], [0; 4096 - 256]);
}

/// As `mdadm --examine` reads it on the member of this fixture: "Checksum : 344df077 - correct".
#[test]
fn the_checksum_is_what_mdadm_expects() {
    let array = &fixture::raid1().arrays[0];
    let pieces = member(array, 0, Bytes::mib(64), EPOCH).unwrap();
    assert_eq!(u32_at(&pieces[0], 216), 0x344d_f077);
}

#[test]
fn a_large_bitmap_moves_the_bad_block_log() {
    let mut array = fixture::raid1().arrays.remove(0);
    (array.member_size, array.size) = (Bytes(4 << 40), Bytes(4 << 40));
    let pieces = member(&array, 0, Bytes(5 << 40), EPOCH).unwrap();
    // 65536 bits are 8 KiB, and the header makes it three blocks.
    assert_eq!((pieces[1].bytes.len(), pieces[2].at), (12288, Bytes(8192 + 12288)));
    assert_eq!(u32_at(&pieces[0], 188), 8 + 24);
}

#[test]
fn members_differ_only_in_who_they_are() {
    let [one, other] = [0, 1].map(|role| member(&data(), role, Bytes::mib(64), EPOCH).unwrap());
    assert_eq!((&one[1], &one[2]), (&other[1], &other[2]));
    let differs = |at: &usize| one[0].bytes[*at] != other[0].bytes[*at];
    let places: Vec<_> = (0..512).filter(differs).collect();
    assert!(places.iter().all(|at| [160..164, 168..184, 216..220].iter().any(|field| field.contains(at))));
}

#[test]
fn what_has_no_room_in_the_format_is_refused() {
    type Break = fn(&mut Array);
    let breaks: [Break; 3] = [
        |array| array.members = vec![array.members[0]; 129],
        |array| array.name = "a-name-that-is-too-long-for-md".to_owned(),
        |array| array.bitmap_chunk = Bytes(1 << 32),
    ];
    for break_it in breaks {
        let mut array = data();
        break_it(&mut array);
        assert!(member(&array, 0, Bytes::mib(64), EPOCH).is_err());
    }
}
