//! GUID partition table: one header and its entries (UEFI specification 2.10, 5.3).
//!
//! By hand, not with `gptman`: 3.1 allocates by the header's count of entries before it has seen one, and panics on
//! entries that are not 128 bytes long.

use uuid::Uuid;

use super::checksum::crc32;
use super::fields::Fields;

/// The smallest header, and the one that everybody writes.
const HEADER: usize = 92;
const CHECKSUM: usize = 16;
/// More than any table has: 8192 entries of 128 bytes.
const MOST: u64 = 1 << 20;

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether its own checksum is right.
    pub is_whole: bool,
    /// The sector that it says it lies in.
    pub own: u64,
    /// The sector of the other copy.
    pub other: u64,
    /// The first sector that a partition may use.
    pub first_usable: u64,
    /// The last one.
    pub last_usable: u64,
    /// The disk's GUID.
    pub guid: Uuid,
    /// The sector where the entries start.
    pub entries: u64,
    /// How many there are.
    pub count: u32,
    /// Bytes of each.
    pub entry_size: u32,
    /// Their checksum.
    pub entries_checksum: u32,
}

impl Header {
    /// Reads the sector that should hold a header; nothing if it does not begin like one.
    #[must_use]
    pub fn read(sector: &[u8]) -> Option<Self> {
        let fields = Fields(sector);
        if !fields.has(0, b"EFI PART") {
            return None;
        }
        Some(Self {
            is_whole: checksum(fields)? == fields.u32(CHECKSUM)?,
            own: fields.u64(24)?,
            other: fields.u64(32)?,
            first_usable: fields.u64(40)?,
            last_usable: fields.u64(48)?,
            guid: fields.guid(56)?,
            entries: fields.u64(72)?,
            count: fields.u32(80)?,
            entry_size: fields.u32(84)?,
            entries_checksum: fields.u32(88)?,
        })
    }

    /// Bytes of all entries; nothing if nobody would write so many, or such.
    #[must_use]
    pub fn entries_length(&self) -> Option<usize> {
        let is_known = self.entry_size.is_power_of_two() && self.entry_size >= 128;
        let length = u64::from(self.count).checked_mul(u64::from(self.entry_size))?;
        usize::try_from(length).ok().filter(|_| is_known && length <= MOST)
    }
}

/// Of a header whose length field lies, that of the length that everybody writes: it will not be right.
fn checksum(fields: Fields<'_>) -> Option<u32> {
    let length = usize::try_from(fields.u32(12)?).ok()?;
    let known = Some(length).filter(|length| (HEADER..=fields.0.len()).contains(length));
    let mut header = fields.slice(0, known.unwrap_or(HEADER))?.to_vec();
    header.get_mut(CHECKSUM..CHECKSUM + 4)?.fill(0);
    Some(crc32(&header))
}

/// An entry that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u32,
    /// What it is for.
    pub kind: Uuid,
    /// Its own GUID.
    pub guid: Uuid,
    /// Its first sector.
    pub first: u64,
    /// Its last one.
    pub last: u64,
    /// Bits that say how to treat it.
    pub attributes: u64,
    /// Its name.
    pub name: String,
}

/// The entries that are in use, of `entry_size` bytes each.
#[must_use]
pub fn entries(bytes: &[u8], entry_size: u32) -> Vec<Entry> {
    let size = usize::try_from(entry_size).unwrap_or(usize::MAX).max(1);
    let used = bytes.chunks_exact(size).zip(1..).filter_map(|(bytes, number)| entry(Fields(bytes), number));
    used.collect()
}

fn entry(fields: Fields<'_>, number: u32) -> Option<Entry> {
    let kind = fields.guid(0)?;
    let entry = Entry {
        number,
        kind,
        guid: fields.guid(16)?,
        first: fields.u64(32)?,
        last: fields.u64(40)?,
        attributes: fields.u64(48)?,
        name: fields.wide_text(56, 72)?,
    };
    (!kind.is_nil()).then_some(entry)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "gpt_tests.rs"]
mod tests;
