//! ext2, ext3, ext4: the superblock (the kernel's `Documentation/filesystems/ext4/super.rst`).

pub mod features;

use installer::units::Bytes;
use serde::Serialize;
use uuid::Uuid;

use self::features::Features;
use super::checksum::crc32c;
use super::damage::Damage;
use super::fields::Fields;

/// Where the superblock lies.
pub const AT: usize = 1024;
/// Bytes of it.
pub const LENGTH: usize = 1024;
/// Where copies of it lie first, for blocks of 4096, 2048 and 1024 bytes: at the start of the second group.
pub const COPIES: [Bytes; 3] = [Bytes(32768 * 4096), Bytes(16384 * 2048), Bytes(8193 * 1024)];
const MAGIC: u16 = 0xef53;
const CHECKSUM: usize = 1020;
/// The largest blocks are 64 KiB.
const MOST_SHIFT: u32 = 6;

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ext {
    /// `ext2`, `ext3`, `ext4`, or the journal of one.
    pub version: &'static str,
    /// Its label.
    pub label: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its size.
    pub size: Bytes,
    /// Bytes of a block.
    pub block_size: Bytes,
    /// Space that no file has.
    pub free: Bytes,
    /// Whether it was unmounted.
    pub state: State,
    /// What it can do.
    pub features: Features,
    /// Where it was mounted last.
    pub last_mounted: String,
    /// When it was mounted last, seconds since 1970; 0 is never.
    pub mounted: u64,
    /// The number of the group whose copy of the superblock this is.
    #[serde(skip)]
    pub group: u16,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

/// In what state it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Unmounted.
    Clean,
    /// The journal has changes that were not carried out: it is mounted, or was when the power went.
    NeedsRecovery,
    /// Mounted, or not unmounted, without a journal that would help.
    NotClean,
}

impl Ext {
    /// Reads a superblock; nothing if it does not have the magic number.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        if fields.u16(56)? != MAGIC {
            return None;
        }
        let features = Features::read(fields)?;
        let state = fields.u16(58)?;
        let shift = fields.u32(24)?;
        let block = 1024_u64 << shift.min(MOST_SHIFT);
        let blocks = |low: usize, high: usize| {
            let high = if features.is_64bit() { fields.u32(high)? } else { 0 };
            Some(Bytes((u64::from(high) << 32 | u64::from(fields.u32(low)?)).saturating_mul(block)))
        };
        let mut damage = Damage::none();
        damage.unless(shift <= MOST_SHIFT, "the superblock speaks of blocks that are larger than any");
        damage.unless(
            !features.has_checksums() || checksum(fields) == fields.u32(CHECKSUM),
            "the checksum of the superblock is wrong",
        );
        damage.unless(state & 2 == 0, "the kernel has found errors in it: it needs e2fsck");
        Some(Self {
            version: features.version(),
            label: fields.text(120, 16)?,
            uuid: fields.uuid(104)?,
            size: blocks(4, 336)?,
            block_size: Bytes(block),
            free: blocks(12, 344)?,
            state: State::of(state, &features),
            last_mounted: fields.text(136, 64)?,
            mounted: u64::from(fields.u8(629)?) << 32 | u64::from(fields.u32(44)?),
            group: fields.u16(90)?,
            features,
            damage,
        })
    }
}

impl State {
    fn of(bits: u16, features: &Features) -> Self {
        match (features.needs_recovery(), bits & 1) {
            (true, _) => Self::NeedsRecovery,
            (false, 1) => Self::Clean,
            (false, _) => Self::NotClean,
        }
    }
}

fn checksum(fields: Fields<'_>) -> Option<u32> {
    Some(crc32c(u32::MAX, fields.slice(0, CHECKSUM)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "ext_tests.rs"]
mod tests;
