//! md arrays, with the numbers that `mdadm --create` 4.4 would choose by itself.
//!
//! Read in mdadm's `super1.c`: `choose_bm_space` (room for the bitmap), `validate_geometry1` (data offset),
//! `add_internal_bitmap1` (bitmap chunk), `write_init_super1` (bad block log behind the bitmap); and in
//! `Create.c`: RAID1 members are rounded down to 64 KiB, RAID10 members to the chunk, and a RAID10 bitmap covers
//! the array, a RAID1 bitmap the member. Same numbers, same arrays: a node that was made from an image and one
//! that was installed by mdadm do not differ, and a disk replaced by hand fits.

use super::draft::Draft;
use super::refusal::{Refusal, exact};
use super::{Array, Member, PartitionRef};
use crate::model::storage::{ArrayRule, Carrier, RaidLevel};
use crate::units::Bytes;

/// mdadm's default chunk; RAID1 has none.
const RAID10_CHUNK: Bytes = Bytes(512 << 10);
/// Rounding of RAID1 members, so that a later reshape finds a multiple of a chunk.
const RAID1_ROUNDING: Bytes = Bytes(64 << 10);
/// Never finer: a bit per 64 MiB costs little and writes rarely.
const BITMAP_CHUNK: u64 = 64 << 20;
const BITMAP_HEADER: u64 = 256;
const SECTOR: u64 = 512;
/// The bitmap starts here: 4 KiB of room before the superblock, 4 KiB for it.
const BITMAP_OFFSET: Bytes = Bytes(8 << 10);
const BAD_BLOCK_LOG: Bytes = Bytes(4 << 10);

impl Array {
    /// What the write-intent bitmap covers: the member for RAID1, the array for RAID10 (`sync_size`).
    #[must_use]
    pub const fn sync_size(&self) -> Bytes {
        match self.level {
            RaidLevel::Raid1 => self.member_size,
            RaidLevel::Raid10 => self.size,
        }
    }

    /// Bytes that the bitmap takes on each member, header included, in whole blocks of 4 KiB.
    #[must_use]
    pub fn bitmap_size(&self) -> Bytes {
        let bits = self.sync_size().0.div_ceil(self.bitmap_chunk.0.max(1));
        Bytes(bits.div_ceil(8).saturating_add(BITMAP_HEADER).div_ceil(4096).saturating_mul(4096))
    }

    /// Where the bad block log lies on each member, right behind the bitmap: 4 KiB.
    #[must_use]
    pub fn bad_block_log(&self) -> Bytes {
        Bytes(BITMAP_OFFSET.0.saturating_add(self.bitmap_size().0))
    }

    /// Where the last of our metadata ends on each member; `data_offset` is not below it.
    pub(super) fn metadata_end(&self) -> Bytes {
        Bytes(self.bad_block_log().0.saturating_add(BAD_BLOCK_LOG.0))
    }
}

impl Draft<'_> {
    pub(super) fn build_arrays(&mut self) {
        let layout = self.layout;
        for rule in &layout.arrays {
            let partitions = self.partitions_named(&rule.partition);
            if partitions.is_empty() {
                self.refuse_missing(
                    &format!("array `{}`", rule.name),
                    &Carrier::Partition(rule.partition.clone()),
                );
            } else {
                match self.array(rule, &partitions) {
                    Ok(array) => self.plan.arrays.push(array),
                    Err(refusal) => self.refuse(refusal),
                }
            }
        }
    }

    fn array(&self, rule: &ArrayRule, partitions: &[PartitionRef]) -> Result<Array, Refusal> {
        check_count(rule, partitions.len())?;
        let sizes = partitions.iter().filter_map(|partition| self.plan.partition(*partition));
        let partition_size = sizes.map(|partition| partition.size).min().unwrap_or(Bytes::ZERO);
        let chunk = match rule.level {
            RaidLevel::Raid1 => Bytes::ZERO,
            RaidLevel::Raid10 => RAID10_CHUNK,
        };
        let data_offset = data_offset(partition_size, chunk);
        let rounding = if chunk == Bytes::ZERO { RAID1_ROUNDING } else { chunk };
        let member_size = partition_size.saturating_sub(data_offset).align_down(rounding);
        if member_size == Bytes::ZERO {
            return Err(no_room(rule, partition_size));
        }
        let size = array_size(rule, member_size, partitions.len())?;
        let bitmap_chunk = bitmap_chunk(member_size, if chunk == Bytes::ZERO { member_size } else { size });
        Ok(Array {
            name: rule.name.clone(),
            level: rule.level,
            uuid: self.seed.uuid(&format!("array/{}", rule.name)),
            members: self.members(rule, partitions),
            chunk,
            data_offset,
            member_size,
            size,
            bitmap_chunk,
        })
    }

    fn members(&self, rule: &ArrayRule, partitions: &[PartitionRef]) -> Vec<Member> {
        let id = |role| self.seed.uuid(&format!("array/{}/member/{role}", rule.name));
        partitions.iter().enumerate().map(|(role, &partition)| Member { partition, uuid: id(role) }).collect()
    }
}

fn check_count(rule: &ArrayRule, members: usize) -> Result<(), Refusal> {
    let name = &rule.name;
    match rule.level {
        RaidLevel::Raid1 if members < 2 => Err(Refusal::new(
            format!("array `{name}` is RAID1 and needs at least 2 disks, but gets {members}"),
            "add a disk",
        )),
        RaidLevel::Raid10 if members < 4 || !members.is_multiple_of(2) => Err(Refusal::new(
            format!(
                "array `{name}` is RAID10 and needs an even number of disks, 4 or more, but gets {members}"
            ),
            if members < 4 { "add disks, or take RAID1" } else { "add a disk, or leave one out" },
        )),
        RaidLevel::Raid1 | RaidLevel::Raid10 => Ok(()),
    }
}

fn no_room(rule: &ArrayRule, partition_size: Bytes) -> Refusal {
    Refusal::new(
        format!(
            "array `{}` has no room for data: partition `{}` is {}, which md needs for itself",
            rule.name,
            rule.partition,
            exact(partition_size)
        ),
        format!("raise the minimum size of partition `{}` to at least 4M", rule.partition),
    )
}

fn array_size(rule: &ArrayRule, member_size: Bytes, members: usize) -> Result<Bytes, Refusal> {
    let stripes = match rule.level {
        RaidLevel::Raid1 => 1,
        RaidLevel::Raid10 => members as u64 / 2,
    };
    member_size.0.checked_mul(stripes).map(Bytes).ok_or_else(|| {
        let name = &rule.name;
        Refusal::new(format!("array `{name}` would be larger than 16E"), "check the sizes of the disks")
    })
}

/// Sectors that mdadm keeps for the bitmap on a device of that many sectors.
const fn bitmap_room(sectors: u64) -> u64 {
    if sectors < 64 * 2 {
        0
    } else if sectors - 64 * 2 >= 200 << 21 {
        128 * 2
    } else if sectors - 4 * 2 > 8 << 21 {
        64 * 2
    } else {
        4 * 2
    }
}

/// Metadata, bitmap and head-room for a later reshape (about 0.1% of the device, at most 128 MiB, with chunks at
/// least two of them), up to the next MiB.
fn data_offset(device: Bytes, chunk: Bytes) -> Bytes {
    let sectors = device.0 / SECTOR;
    let least = chunk.0 / SECTOR * 2;
    let mut headroom: u64 = 128 << 11;
    while headroom << 10 > sectors && headroom / 2 >= least {
        headroom >>= 1;
    }
    Bytes((12 * 2 + bitmap_room(sectors) + headroom) * SECTOR).align_up(Bytes::MIB)
}

/// 64 MiB, and more only where the bits would not fit into the room.
fn bitmap_chunk(member_size: Bytes, sync_size: Bytes) -> Bytes {
    let room = (bitmap_room(member_size.0 / SECTOR) * SECTOR).max(4096);
    let most_bits = (room - BITMAP_HEADER) * 8;
    let (mut chunk, mut bits) = (4096, sync_size.0 / 4096 + 1);
    while bits > most_bits {
        chunk *= 2;
        bits = bits.div_ceil(2);
    }
    Bytes(BITMAP_CHUNK.max(chunk))
}

#[cfg(test)]
mod tests {
    use super::{RAID10_CHUNK, bitmap_chunk, data_offset};
    use crate::units::Bytes;

    /// Computed from mdadm's rule; 129 MiB (264192 sectors) is what every large disk shows.
    #[test]
    fn data_offsets_are_mdadms() {
        for (device, raid1, raid10) in [
            (Bytes::mib(16), 1, 2),
            (Bytes::mib(1024), 2, 2),
            (Bytes::mib(4096), 5, 5),
            (Bytes::mib(8192), 9, 9),
            (Bytes::GIB * 20, 17, 17),
            (Bytes::GIB * 128, 129, 129),
            (Bytes::GIB * 8000, 129, 129),
        ] {
            assert_eq!(data_offset(device, Bytes::ZERO), Bytes::mib(raid1), "RAID1 on {device}");
            assert_eq!(data_offset(device, RAID10_CHUNK), Bytes::mib(raid10), "RAID10 on {device}");
        }
    }

    #[test]
    fn the_bitmap_fits_its_room() {
        for (member, sync, chunk) in [
            (Bytes::GIB, Bytes::GIB, Bytes::mib(64)),
            // 4 KiB hold 30720 bits: not enough for a wide RAID10 of small members.
            (Bytes::GIB * 8, Bytes::GIB * 4096, Bytes::mib(256)),
            (Bytes::GIB * 8000, Bytes::GIB * 8000, Bytes::mib(64)),
            (Bytes::GIB * 70_000, Bytes::GIB * 70_000, Bytes::mib(128)),
        ] {
            assert_eq!(bitmap_chunk(member, sync), chunk, "{member} of {sync}");
        }
    }
}
