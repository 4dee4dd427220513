//! FAT12, FAT16, FAT32: the boot sector (Microsoft's "FAT: General Overview of On-Disk Format" 1.03).
//!
//! By hand, not with `fatfs`: 0.3.6 never comes back from a folder whose chain of clusters is a ring, and its arithmetic
//! overflows on hostile numbers. A test in `tests/tests/inspect.rs` has the evidence.

pub mod folder;

use installer::units::Bytes;
use serde::Serialize;

use super::damage::Damage;
use super::fields::Fields;

/// What the numbers of a boot sector come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// How wide the entries of the file allocation table are.
    pub width: Width,
    /// Bytes of a sector.
    pub sector: u64,
    /// Where the file allocation table starts.
    pub table: u64,
    /// Bytes of it.
    pub table_length: u64,
    /// Where the root folder of FAT12 and FAT16 starts; it ends where the data start.
    pub root: u64,
    /// Where cluster 2 starts.
    pub data: u64,
    /// Bytes of a cluster.
    pub cluster: u64,
    /// How many there are.
    pub clusters: u32,
    /// The first cluster of FAT32's root folder.
    pub root_cluster: u32,
    /// Bytes in all.
    pub size: u64,
}

/// The kinds of FAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Width {
    /// One and a half bytes.
    Fat12,
    /// Two bytes.
    Fat16,
    /// Four bytes.
    Fat32,
}

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fat {
    /// Which kind.
    pub version: Width,
    /// Its label, as the boot sector has it.
    pub label: String,
    /// Its serial number: `1234-ABCD`.
    pub serial: String,
    /// Its size.
    pub size: Bytes,
    /// It was unmounted.
    pub clean: bool,
    /// Where things lie in it.
    #[serde(skip)]
    pub geometry: Geometry,
    /// Its sector with counts of free clusters, which FAT32 has.
    #[serde(skip)]
    pub info_sector: Option<u64>,
    /// Its copy of the boot sector, which FAT32 has.
    #[serde(skip)]
    pub copy_sector: Option<u64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

impl Fat {
    /// Reads sector 0; nothing if its numbers do not make a FAT.
    #[must_use]
    pub fn read(sector: &[u8]) -> Option<Self> {
        let fields = Fields(sector);
        let geometry = geometry(fields)?;
        let is_wide = geometry.width == Width::Fat32;
        // Drive number, state, mark 0x29, serial number, label.
        let extended = if is_wide { 64 } else { 36 };
        let is_extended = fields.u8(extended + 2)? == 0x29;
        let serial = if is_extended { fields.u32(extended + 3)? } else { 0 };
        let label = if is_extended { fields.text(extended + 7, 11)? } else { String::new() };
        let sector = |at: usize| {
            fields.u16(at).filter(|sector| is_wide && !matches!(sector, 0 | 0xffff)).map(u64::from)
        };
        Some(Self {
            version: geometry.width,
            label: Some(label.trim_end()).filter(|label| *label != "NO NAME").unwrap_or_default().to_owned(),
            serial: format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff),
            size: Bytes(geometry.size),
            clean: fields.u8(extended + 1)? & 1 == 0,
            info_sector: sector(48),
            copy_sector: sector(50),
            geometry,
            damage: Damage::none(),
        })
    }
}

/// Whether a sector is the one with the counts of free clusters.
#[must_use]
pub fn is_info(sector: &[u8]) -> bool {
    let fields = Fields(sector);
    fields.has(0, b"RRaA") && fields.has(484, b"rrAa") && fields.has(508, &[0, 0, 0x55, 0xaa])
}

/// Whether two boot sectors are equal up to where the code starts, but for the state of a mounted file system.
#[must_use]
pub fn is_copy(one: &[u8], other: &[u8]) -> bool {
    let numbers = |sector: &[u8]| Some([sector.get(..65)?, sector.get(66..90)?].concat());
    numbers(one) == numbers(other)
}

/// What every number must be for this to be a FAT, and no other boot sector.
fn geometry(fields: Fields<'_>) -> Option<Geometry> {
    let sector = u64::from(fields.u16(11)?);
    let per_cluster = u64::from(fields.u8(13)?);
    let (reserved, tables) = (u64::from(fields.u16(14)?), u64::from(fields.u8(16)?));
    let is_sane = fields.has(510, &[0x55, 0xaa])
        && [512, 1024, 2048, 4096].contains(&sector)
        && per_cluster.is_power_of_two()
        && reserved > 0
        && (1..=2).contains(&tables)
        && matches!(fields.u8(21)?, 0xf0 | 0xf8..=0xff);
    let sectors = either(fields.u16(19)?, fields.u32(32)?);
    let table = either(fields.u16(22)?, fields.u32(36)?);
    let root = u64::from(fields.u16(17)?).saturating_mul(32).div_ceil(sector.max(1));
    let data = reserved + tables * table + root;
    let clusters = u32::try_from(sectors.checked_sub(data)? / per_cluster.max(1)).ok()?;
    let width = match (clusters, fields.u16(22)?) {
        (_, 0) => Width::Fat32,
        (..4085, _) => Width::Fat12,
        _ => Width::Fat16,
    };
    let is_fat = is_sane && clusters > 0 && table > 0;
    is_fat.then_some(Geometry {
        width,
        sector,
        table: reserved * sector,
        table_length: table * sector,
        root: (reserved + tables * table) * sector,
        data: data * sector,
        cluster: per_cluster * sector,
        clusters,
        root_cluster: fields.u32(44)?,
        size: sectors * sector,
    })
}

/// A number that has moved to a wider field.
fn either(narrow: u16, wide: u32) -> u64 {
    if narrow == 0 { wide.into() } else { narrow.into() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "fat_tests.rs"]
mod tests;
