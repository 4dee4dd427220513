//! Finding the md superblock of a device, and what lies around it.

use installer::units::Bytes;
use serde::Serialize;

use super::damage::Damage;
use super::md::bitmap::{self, Bitmap};
use super::md::{LENGTH, MOST_SLOTS, Superblock};
use super::source::Source;

/// The kernel takes no longer bad block log.
const MOST_LOG: usize = 4096;

/// A device that belongs to an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// `1.0`, `1.1` or `1.2`: where the superblock lies.
    pub metadata: &'static str,
    /// What it says.
    #[serde(flatten)]
    pub superblock: Superblock,
    /// Its bitmap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitmap: Option<Bitmap>,
    /// md does not take it (`super_1_load` in the kernel's `drivers/md/md.c`).
    #[serde(skip)]
    pub is_refused: bool,
    /// Places that its bad block log lists; none where it keeps no log.
    pub bad_blocks: Option<usize>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

/// The versions with their places, in the order in which `mdadm` prefers them.
fn places(size: Bytes) -> [(&'static str, Bytes); 3] {
    // 8 KiB or more before the end, at a multiple of 4 KiB (`super_1_load` in the kernel's `drivers/md/md.c`).
    let end = Bytes(size.0 / 512 * 512).saturating_sub(Bytes(16 * 512)).align_down(Bytes(8 * 512));
    [("1.2", Bytes(4096)), ("1.1", Bytes::ZERO), ("1.0", end)]
}

/// The superblock of a device, whole if there is one.
#[must_use]
pub fn find(device: &dyn Source) -> Option<Member> {
    let read = |(version, at)| Some((version, at, Superblock::read(&device.read(at, LENGTH))?));
    // Of a partition at the end of a disk the disk shows the superblock too. It says where it belongs.
    let fits =
        |(version, at, superblock): &(&str, Bytes, Superblock)| superblock.own == *at || *version != "1.0";
    let mut found: Vec<_> = places(device.size()).into_iter().filter_map(read).filter(fits).collect();
    found.sort_by_key(|(_, _, superblock)| !superblock.is_whole);
    found.into_iter().next().map(|(version, at, superblock)| member(device, version, at, superblock))
}

fn member(device: &dyn Source, metadata: &'static str, at: Bytes, superblock: Superblock) -> Member {
    let mut damage = Damage::none();
    damage.unless(superblock.is_whole, "the checksum of the md superblock is wrong");
    damage.unless(
        superblock.own == at,
        format!("the md superblock says that it lies at {}, and lies at {at}", superblock.own),
    );
    damage.unless(
        superblock.slots <= MOST_SLOTS,
        format!("the md superblock speaks of {} members", superblock.slots),
    );
    let end = superblock.data_offset.0.saturating_add(superblock.data_size.0);
    let missing = Bytes(end).saturating_sub(device.size());
    damage.unless(
        missing == Bytes::ZERO,
        format!("its device is {missing} smaller than its md superblock says"),
    );
    let is_refused = !damage.is_none();
    let bitmap =
        superblock.bitmap.and_then(|offset| find_bitmap(device, at, offset, &superblock, &mut damage));
    let bad_blocks = superblock
        .log
        .map(|room| if room.is_used { bad_blocks(device, at, room.at, room.length) } else { 0 });
    if let Some(count @ 1..) = bad_blocks {
        damage.add(format!("md has noted {count} bad places on it"));
    }
    Member { metadata, superblock, bitmap, is_refused, bad_blocks, damage }
}

/// What is so far from the superblock.
fn beside(superblock: Bytes, offset: i64) -> Option<Bytes> {
    superblock.0.checked_add_signed(offset).map(Bytes)
}

fn find_bitmap(
    device: &dyn Source,
    at: Bytes,
    offset: i64,
    superblock: &Superblock,
    damage: &mut Damage,
) -> Option<Bitmap> {
    let place = beside(at, offset);
    let Some((place, bitmap)) =
        place.and_then(|place| Some((place, Bitmap::read(&device.read(place, bitmap::HEADER))?)))
    else {
        damage.add("its write-intent bitmap is missing");
        return None;
    };
    damage.unless(bitmap.array == superblock.array, "its write-intent bitmap belongs to another array");
    damage.unless(
        (3..=5).contains(&bitmap.version),
        format!("its write-intent bitmap has version {}", bitmap.version),
    );
    damage.unless(!bitmap.is_useless, "its write-intent bitmap says that it has missed something");
    damage.unless(
        bitmap.chunk.0.is_power_of_two(),
        format!("its write-intent bitmap has chunks of {} bytes", bitmap.chunk.0),
    );
    let bits = bitmap
        .length()
        .map(|length| device.read(Bytes(place.0.saturating_add(bitmap::HEADER as u64)), length));
    Some(bitmap.counted(&bits.unwrap_or_default()))
}

/// How many places the bad block log lists: 8 bytes each, all ones end it (`super_1_load` in the kernel's `drivers/md/md.c`).
fn bad_blocks(device: &dyn Source, superblock: Bytes, offset: i64, length: usize) -> usize {
    let place = beside(superblock, offset);
    let log = place.map(|place| device.read(place, length.min(MOST_LOG))).unwrap_or_default();
    log.chunks_exact(8).take_while(|entry| entry.iter().any(|byte| *byte != 0xff)).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "member_tests.rs"]
mod tests;
