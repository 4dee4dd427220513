//! A disk of a ZFS pool, as `zpool create tank DISK` leaves it.
//!
//! Written from the description of the format ("ZFS On-Disk Specification", Sun Microsystems 2006, chapter 1) and, for what
//! came later, OpenZFS's `vdev_impl.h` and `uberblock_impl.h`. Nothing here could make a pool; whether it is one, libblkid
//! says.

use sha2::{Digest as _, Sha256};

const KIB: usize = 1 << 10;
/// Two of them at the start of a disk, two at its end.
const LABEL: usize = 256 * KIB;
/// The pool's configuration, and behind it a ring of uberblocks.
const CONFIGURATION: usize = 16 * KIB;
const RING: usize = 128 * KIB;
/// An uberblock has a sector of the disk for itself.
const ASHIFT: u64 = 12;
const SECTOR: usize = 1 << ASHIFT;
const VERSION: u64 = 5000;
const UBERBLOCK_MAGIC: u64 = 0x00ba_b10c;
const CHECKSUM_MAGIC: u64 = 0x0210_da7a_b10c_7a11;
/// The magic number and a SHA-256.
const CHECKSUM: usize = 40;
const POOL: u64 = 0x00ab_cdef_0123_4567;
const DISK: u64 = 0x1122_3344_5566_7788;
/// A new pool has come so far.
const GROUPS: std::ops::Range<u64> = 4..12;
/// Types of values (`data_type_t`).
const UINT64: u32 = 8;
const STRING: u32 = 9;
const NVLIST: u32 = 19;

/// The labels of a disk of so many bytes, each with its place.
pub fn labels(size: u64) -> [(u64, Vec<u8>); 4] {
    let label = LABEL as u64;
    let end = size / label * label;
    [0, label, end - 2 * label, end - label].map(|at| (at, one_label(at, size)))
}

fn one_label(at: u64, size: u64) -> Vec<u8> {
    let mut label = vec![0; LABEL];
    let configuration = [&[1, 1, 0, 0], list(&configuration(size)).as_slice()].concat();
    put(&mut label[CONFIGURATION..RING], &configuration, at + CONFIGURATION as u64);
    for group in GROUPS {
        let place = RING + group as usize * SECTOR;
        let fields = [UBERBLOCK_MAGIC, VERSION, group, POOL.wrapping_add(DISK), 1_700_000_000];
        let uberblock: Vec<u8> = fields.into_iter().flat_map(u64::to_le_bytes).collect();
        put(&mut label[place..place + SECTOR], &uberblock, at + place as u64);
    }
    label
}

/// Its end is a checksum over it and its place.
fn put(block: &mut [u8], content: &[u8], place: u64) {
    block[..content.len()].copy_from_slice(content);
    let end = block.len() - CHECKSUM;
    let seed: Vec<u8> = [CHECKSUM_MAGIC, place, 0, 0, 0].into_iter().flat_map(u64::to_le_bytes).collect();
    block[end..].copy_from_slice(&seed);
    let sum = Sha256::digest(&*block);
    // Four numbers, and the disk is a little endian one.
    let sum: Vec<u8> = sum.chunks_exact(8).flat_map(|word| word.iter().rev().copied()).collect();
    block[end + 8..].copy_from_slice(&sum);
}

fn configuration(size: u64) -> [Vec<u8>; 9] {
    let disk = [
        text("type", "disk"),
        number("id", 0),
        number("guid", DISK),
        text("path", "/dev/sdb"),
        number("whole_disk", 0),
        number("metaslab_array", 256),
        number("metaslab_shift", 24),
        number("ashift", ASHIFT),
        number("asize", size - 2 * LABEL as u64 - (4 << 20)),
        number("is_log", 0),
        number("create_txg", GROUPS.start),
    ];
    [
        number("version", VERSION),
        text("name", "tank"),
        number("state", 0),
        number("txg", GROUPS.start),
        number("pool_guid", POOL),
        number("top_guid", DISK),
        number("guid", DISK),
        number("vdev_children", 1),
        pair("vdev_tree", NVLIST, &list(&disk)),
    ]
}

/// Pairs of names and values in XDR (RFC 4506), as `nvlist_pack` writes them: version 0, names are unique, two zeros at the
/// end.
fn list(pairs: &[Vec<u8>]) -> Vec<u8> {
    [&[0, 0, 0, 0, 0, 0, 0, 1], pairs.concat().as_slice(), &[0; 8]].concat()
}

/// Its length comes first, then that which it takes in memory, which nobody needs to know.
fn pair(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    let body = [string(name), kind.to_be_bytes().to_vec(), vec![0, 0, 0, 1], value.to_vec()].concat();
    let length = (body.len() as u32 + 8).to_be_bytes();
    [length.as_slice(), &length, &body].concat()
}

fn number(name: &str, value: u64) -> Vec<u8> {
    pair(name, UINT64, &value.to_be_bytes())
}

fn text(name: &str, value: &str) -> Vec<u8> {
    pair(name, STRING, &string(value))
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
