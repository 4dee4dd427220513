//! md metadata 1.2: superblock, write-intent bitmap and bad block log of one member of an array.
//!
//! Sources: `include/uapi/linux/raid/md_p.h`, `drivers/md/md-bitmap.h`; where a choice is free, what `mdadm --create`
//! (`super1.c`) writes, so that an array made here and one made on a machine by mdadm look alike. An array starts clean:
//! members that were never written are all zeros, hence equal.

use anyhow::{Result, ensure};
use installer::format::block::Block;
use installer::format::{Epoch, Piece};
use installer::model::storage::RaidLevel;
use installer::plan::Array;
use installer::units::Bytes;

/// What md counts in, whatever the disk's own sectors are.
const SECTOR: Bytes = Bytes(512);
/// Where metadata 1.2 lies on the member.
const SUPERBLOCK: Bytes = Bytes(4096);
/// From the superblock to the bitmap, as mdadm has it.
const BITMAP_OFFSET: Bytes = Bytes(4096);
const BAD_BLOCK_LOG: usize = 4096;
/// Roles that fill up the superblock's 512 bytes.
const MAX_DEV: usize = 128;
const ROLES: usize = 256;
const CHECKSUM: usize = 216;
/// Kernel and mdadm agree that a fresh array starts counting at 1.
const EVENTS: u64 = 1;

/// Everything that md keeps on the member with that role; `partition` is the size of the member's partition.
///
/// # Errors
/// A name or a number that has no room in the format.
pub fn member(array: &Array, role: usize, partition: Bytes, epoch: Epoch) -> Result<Vec<Piece>> {
    check(array)?;
    Ok(vec![
        Piece::new(SUPERBLOCK, superblock(array, role, partition - array.data_offset, epoch)),
        Piece::new(SUPERBLOCK + BITMAP_OFFSET, bitmap(array)),
        // An empty log is all ones.
        Piece { at: array.bad_block_log(), bytes: vec![0xff; BAD_BLOCK_LOG] },
    ])
}

/// What the format itself cannot say; everything else is [`installer::plan::Plan::verify`]'s.
fn check(array: &Array) -> Result<()> {
    let Array { name, members, bitmap_chunk, .. } = array;
    ensure!(
        members.len() <= MAX_DEV,
        "array `{name}` has {} members, and at most {MAX_DEV} fit",
        members.len()
    );
    ensure!(name.len() + "any:".len() < 32, "the array name `{name}` is longer than 27 bytes");
    let fits = bitmap_chunk.0.is_power_of_two() && u32::try_from(bitmap_chunk.0).is_ok();
    ensure!(fits, "BUG: array `{name}` has a bitmap chunk of {bitmap_chunk}");
    Ok(())
}

/// `struct mdp_superblock_1`.
fn superblock(array: &Array, role: usize, data: Bytes, epoch: Epoch) -> Block {
    let mut block = Block::zeroed(ROLES + 2 * MAX_DEV);
    constant_array_fields(&mut block, array, epoch);
    device_fields(&mut block, array, role, data);
    state_fields(&mut block, array, epoch);
    let sum = checksum(block.as_bytes());
    block.u32(CHECKSUM, sum);
    block
}

fn constant_array_fields(block: &mut Block, array: &Array, epoch: Epoch) {
    let (level, layout) = match array.level {
        RaidLevel::Raid1 => (1, 0),
        RaidLevel::Raid10 => (10, 0x102), // one far copy, two near ones
    };
    block
        .u32(0, 0xa92b_4efc)
        .u32(4, 1) // major_version
        .u32(8, 1) // feature_map: there is a bitmap
        .put(16, array.uuid.as_bytes())
        .put(32, format!("any:{}", array.name).as_bytes())
        .u64(64, epoch.0) // ctime
        .u32(72, level)
        .u32(76, layout)
        .u64(80, sectors(array.member_size))
        .u32(88, field(sectors(array.chunk)))
        .u32(92, field(array.members.len() as u64))
        .u32(96, field(sectors(BITMAP_OFFSET)));
}

fn device_fields(block: &mut Block, array: &Array, role: usize, data: Bytes) {
    block
        .u64(128, sectors(array.data_offset))
        .u64(136, sectors(data))
        .u64(144, sectors(SUPERBLOCK))
        .u32(160, field(role as u64)) // dev_number
        .put(168, array.members[role].uuid.as_bytes())
        .u16(186, (BAD_BLOCK_LOG / 512) as u16)
        .u32(188, field(sectors(array.bad_block_log() - SUPERBLOCK)));
}

fn state_fields(block: &mut Block, array: &Array, epoch: Epoch) {
    block
        .u64(192, epoch.0) // utime
        .u64(200, EVENTS)
        .u64(208, u64::MAX) // resync_offset: nothing to resync
        .u32(220, MAX_DEV as u32);
    for role in 0..MAX_DEV {
        let known = role < array.members.len();
        block.u16(ROLES + 2 * role, if known { role as u16 } else { u16::MAX });
    }
}

/// The sum of all words, the carries folded in once (`calc_sb_1_csum`); the checksum's own field counts as zero.
fn checksum(superblock: &[u8]) -> u32 {
    let words = superblock
        .chunks_exact(4)
        .map(|word| u64::from(u32::from_le_bytes([word[0], word[1], word[2], word[3]])));
    let sum: u64 = words.sum();
    ((sum & 0xffff_ffff) + (sum >> 32)) as u32
}

/// `bitmap_super_t` and bits that say "in sync" for every chunk.
fn bitmap(array: &Array) -> Block {
    let mut block = Block::zeroed(array.bitmap_size().0 as usize);
    block
        .u32(0, 0x6d74_6962) // "bitm"
        .u32(4, 4) // version: little endian, not clustered
        .put(8, array.uuid.as_bytes())
        .u64(24, EVENTS)
        .u64(32, EVENTS) // events_cleared
        .u64(40, sectors(array.sync_size()))
        .u32(52, field(array.bitmap_chunk.0))
        .u32(56, 5); // daemon_sleep, seconds
    block
}

fn sectors(size: Bytes) -> u64 {
    size.0 / SECTOR.0
}

/// A number that [`check`] keeps far below 32 bits.
fn field(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "md_tests.rs"]
mod tests;
