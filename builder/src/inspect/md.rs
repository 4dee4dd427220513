//! md metadata 1.x: the superblock of a member (`include/uapi/linux/raid/md_p.h`; how the kernel reads it: `super_1_load` in
//! `drivers/md/md.c`).

pub mod bitmap;
pub mod level;

use installer::units::Bytes;
use serde::Serialize;
use uuid::Uuid;

use self::level::Level;
use super::checksum::folded_sum;
use super::fields::Fields;

/// A superblock has no more.
pub const LENGTH: usize = 4096;
const MAGIC: u32 = 0xa92b_4efc;
const CHECKSUM: usize = 216;
const ROLES: usize = 256;
/// What [`LENGTH`] has room for.
const MOST_ROLES: usize = (LENGTH - ROLES) / 2;
/// More than this no array has members.
pub const MOST_SLOTS: u32 = MOST_ROLES as u32;

const HAS_BITMAP: u32 = 1;
const HAS_RECOVERY: u32 = 2;
const IS_RESHAPED: u32 = 4;
const HAS_BAD_BLOCKS: u32 = 8;
const IS_REPLACEMENT: u32 = 16;
/// A partial parity log lies where the bitmap would.
const HAS_PARITY_LOG: u32 = 1024 | 2048;

/// What a member says about itself and its array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Superblock {
    /// The array's UUID.
    pub array: Uuid,
    /// The array's name, with that of the host that it belongs to.
    pub name: String,
    /// RAID level.
    pub level: Level,
    /// How the level arranges things.
    pub layout: u32,
    /// Bytes that the array uses of each member.
    pub member_size: Bytes,
    /// Bytes of a chunk; 0 where the level has none.
    pub chunk: Bytes,
    /// Members of a whole array.
    pub slots: u32,
    /// Where the member's data start.
    pub data_offset: Bytes,
    /// Room for data.
    pub data_size: Bytes,
    /// Where it says that it lies.
    #[serde(skip)]
    pub own: Bytes,
    /// The member's own UUID.
    pub member: Uuid,
    /// What the member does in the array.
    pub role: Role,
    /// What each device that the array knows does, by its number.
    #[serde(skip)]
    pub roles: Vec<Role>,
    /// Nothing was being written.
    pub clean: bool,
    /// Rises with each change.
    pub events: u64,
    /// Last written, seconds since 1970.
    pub updated: u64,
    /// Up to here the member has been rebuilt; none if it is in sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Bytes>,
    /// It is being put in the place of another one.
    #[serde(skip)]
    pub is_replacement: bool,
    /// The array is being given another shape.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reshaping: bool,
    /// Where the write-intent bitmap lies, from the superblock.
    #[serde(skip)]
    pub bitmap: Option<i64>,
    /// Where the bad block log lies.
    #[serde(skip)]
    pub log: Option<Log>,
    /// Whether the checksum is right.
    #[serde(skip)]
    pub is_whole: bool,
}

/// Room for a bad block log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// Offset from the superblock.
    pub at: i64,
    /// Bytes.
    pub length: usize,
    /// Whether there is anything in it.
    pub is_used: bool,
}

/// What a device does in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Member of that number.
    Active(u16),
    /// Takes the place of the next one that fails.
    Spare,
    /// Failed.
    Faulty,
    /// Holds the journal.
    Journal,
}

impl Role {
    const fn of(number: u16) -> Self {
        match number {
            0xffff => Self::Spare,
            0xfffe => Self::Faulty,
            0xfffd => Self::Journal,
            role => Self::Active(role),
        }
    }
}

impl Superblock {
    /// Reads up to [`LENGTH`] bytes; nothing if they do not begin like a superblock of version 1.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        if fields.u32(0)? != MAGIC || fields.u32(4)? != 1 {
            return None;
        }
        let features = fields.u32(8)?;
        let has = |feature: u32| features & feature != 0;
        let roles = roles(fields)?;
        let number = usize::try_from(fields.u32(160)?).ok()?;
        let offset = |at: usize| Some(i64::from(fields.i32(at)?).saturating_mul(512));
        Some(Self {
            array: fields.uuid(16)?,
            name: fields.text(32, 32)?,
            level: Level::of(fields.i32(72)?),
            layout: fields.u32(76)?,
            member_size: sectors(fields.u64(80)?),
            chunk: sectors(fields.u32(88)?.into()),
            slots: fields.u32(92)?,
            data_offset: sectors(fields.u64(128)?),
            data_size: sectors(fields.u64(136)?),
            own: sectors(fields.u64(144)?),
            member: fields.uuid(168)?,
            role: roles.get(number).copied().unwrap_or(Role::Spare),
            roles,
            clean: fields.u64(208)? == u64::MAX,
            events: fields.u64(200)?,
            // The upper 24 bits are microseconds.
            updated: fields.u64(192)? & 0xff_ffff_ffff,
            rebuilt: if has(HAS_RECOVERY) { Some(sectors(fields.u64(152)?)) } else { None },
            is_replacement: has(IS_REPLACEMENT),
            reshaping: has(IS_RESHAPED),
            bitmap: offset(96).filter(|_| has(HAS_BITMAP) && !has(HAS_PARITY_LOG)),
            log: log(fields, has(HAS_BAD_BLOCKS)),
            is_whole: checksum(fields) == fields.u32(CHECKSUM),
        })
    }

    /// The name without the host: what the device is called on a machine.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.name.split_once(':').map_or(&self.name, |(_, name)| name)
    }
}

fn sectors(count: u64) -> Bytes {
    Bytes(count.saturating_mul(512))
}

/// As many as the superblock says, and has room for.
fn roles(fields: Fields<'_>) -> Option<Vec<Role>> {
    let count = usize::try_from(fields.u32(220)?).unwrap_or(usize::MAX).min(MOST_ROLES);
    Some((0..count).map_while(|index| fields.u16(ROLES + 2 * index).map(Role::of)).collect())
}

fn log(fields: Fields<'_>, is_used: bool) -> Option<Log> {
    let at = i64::from(fields.i32(188)?).saturating_mul(512);
    let length = usize::from(fields.u16(186)?) * 512;
    (at != 0 && length != 0).then_some(Log { at, length, is_used })
}

/// Over everything up to the last role, with the checksum's own field as zero; nothing if there cannot be so many roles.
fn checksum(fields: Fields<'_>) -> Option<u32> {
    let count = usize::try_from(fields.u32(220)?).ok().filter(|count| *count <= MOST_ROLES)?;
    let mut bytes = fields.slice(0, ROLES + 2 * count)?.to_vec();
    bytes.get_mut(CHECKSUM..CHECKSUM + 4)?.fill(0);
    Some(folded_sum(&bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "md_tests.rs"]
mod tests;
