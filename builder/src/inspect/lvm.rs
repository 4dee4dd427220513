//! LVM2: the label of a physical volume (lvm2 `lib/label/label.h`, `lib/format_text/layout.h`).

pub mod area;
pub mod metadata;
pub mod text;

use std::fmt;

use installer::units::Bytes;
use serde::{Serialize, Serializer};

use super::checksum;
use super::fields::{Fields, printable};

/// The label lies in one of the first four sectors.
pub const LENGTH: usize = 4 * SECTOR;
/// LVM counts in these, whatever the disk's own sectors are.
pub const SECTOR: usize = 512;
const MAGIC: &[u8] = b"LABELONE";
/// More areas than anybody makes.
const MOST_AREAS: usize = 8;

/// LVM's own kind of UUID: 32 letters and digits, without the dashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    /// With or without its dashes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(printable(text).chars().filter(|letter| *letter != '-').collect())
    }

    /// Whether it is one.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.len() == 32 && self.0.bytes().all(|letter| letter.is_ascii_alphanumeric())
    }
}

/// `6-4-4-4-4-4-6`, as LVM's tools show it.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_valid() {
            return f.write_str(&self.0);
        }
        let cuts = [0, 6, 10, 14, 18, 22, 26, 32];
        let parts: Vec<_> = cuts.windows(2).filter_map(|cut| self.0.get(cut[0]..cut[1])).collect();
        f.write_str(&parts.join("-"))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A part of a physical volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Where it starts.
    pub at: Bytes,
    /// How long it is; 0 is "to the end".
    pub size: Bytes,
}

/// A label with the header of the physical volume behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The sector that it lies in.
    pub sector: usize,
    /// Whether its checksum is right.
    pub is_whole: bool,
    /// Whether it says that it lies where it does.
    pub is_placed: bool,
    /// The physical volume's UUID.
    pub id: Id,
    /// The size of the device when the physical volume was made.
    pub device_size: Bytes,
    /// Where metadata are kept.
    pub metadata: Vec<Area>,
}

impl Label {
    /// Reads the first [`LENGTH`] bytes of a device; nothing if none of their sectors begins like a label.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut sectors = bytes.chunks_exact(SECTOR).take(LENGTH / SECTOR).enumerate();
        sectors.find_map(|(sector, bytes)| Self::of_sector(sector, Fields(bytes)))
    }

    fn of_sector(sector: usize, fields: Fields<'_>) -> Option<Self> {
        if !fields.has(0, MAGIC) || !fields.has(24, b"LVM2 001") {
            return None;
        }
        let header = usize::try_from(fields.u32(20)?).ok()?;
        let id = fields.slice(header, 32).unwrap_or_default();
        let (_, behind_data) = areas(fields, header.saturating_add(40));
        Some(Self {
            sector,
            is_whole: Some(checksum::lvm(fields.slice(20, SECTOR - 20)?)) == fields.u32(16),
            is_placed: fields.u64(8)? == sector as u64,
            id: Id::new(&String::from_utf8_lossy(id)),
            device_size: Bytes(fields.u64(header.saturating_add(32)).unwrap_or(0)),
            metadata: areas(fields, behind_data).0,
        })
    }
}

/// A list of areas, and where the next one starts. An area of zeros ends it.
fn areas(fields: Fields<'_>, start: usize) -> (Vec<Area>, usize) {
    let mut areas = Vec::new();
    let mut at = start;
    while let (Some(offset @ 1..), Some(size)) = (fields.u64(at), fields.u64(at.saturating_add(8))) {
        if areas.len() == MOST_AREAS {
            break;
        }
        areas.push(Area { at: Bytes(offset), size: Bytes(size) });
        at = at.saturating_add(16);
    }
    (areas, at.saturating_add(16))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "lvm_tests.rs"]
mod tests;
