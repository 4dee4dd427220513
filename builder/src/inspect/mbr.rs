//! Master boot record: four entries, and chains of records for what does not fit (UEFI specification 2.10, 5.2; the chains
//! as in the kernel's `block/partitions/msdos.c`).
//!
//! By hand, not with `mbrman`: here are 64 bytes, and no field of them may be believed.

use super::fields::Fields;

const ENTRIES: usize = 446;
const ENTRY: usize = 16;
/// "The disk has a GPT."
const PROTECTIVE: u8 = 0xee;
/// Types whose partition is the start of a chain.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The disk's signature.
    pub id: u32,
    /// Its entries that are in use, in order, with their numbers from 1.
    pub entries: Vec<(u32, Entry)>,
}

/// A partition; sectors are the disk's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Marked as active.
    pub active: bool,
    /// What it is for.
    pub kind: u8,
    /// Its first sector; in a chain relative to something.
    pub first: u32,
    /// How many it has.
    pub sectors: u32,
}

impl Entry {
    /// Whether it only says that there is a GPT.
    #[must_use]
    pub const fn is_protective(self) -> bool {
        self.kind == PROTECTIVE
    }

    /// Whether it holds a chain of further records.
    #[must_use]
    pub fn is_extended(self) -> bool {
        EXTENDED.contains(&self.kind)
    }
}

impl Record {
    /// Reads a sector; nothing if it cannot be a record.
    #[must_use]
    pub fn read(sector: &[u8]) -> Option<Self> {
        let fields = Fields(sector);
        let places = (0..4).map(|index| ENTRIES + index * ENTRY);
        // A boot sector of a file system ends with the same two bytes, and has code where the entries would be.
        let is_record = fields.has(510, &[0x55, 0xaa])
            && places.clone().all(|at| matches!(fields.u8(at), Some(0 | 0x80)));
        let entries = places.zip(1..).filter_map(|(at, number)| Some((number, entry(fields, at)?)));
        is_record.then_some(Self { id: fields.u32(440)?, entries: entries.collect() })
    }

    /// Whether it says that there is a GPT.
    #[must_use]
    pub fn is_protective(&self) -> bool {
        self.entries.iter().any(|(_, entry)| entry.is_protective())
    }
}

fn entry(fields: Fields<'_>, at: usize) -> Option<Entry> {
    let entry = Entry {
        active: fields.u8(at)? == 0x80,
        kind: fields.u8(at + 4)?,
        first: fields.u32(at + 8)?,
        sectors: fields.u32(at + 12)?,
    };
    (entry.kind != 0 && entry.sectors != 0).then_some(entry)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Entry, Record};

    fn sector(entries: &[[u8; 16]]) -> Vec<u8> {
        let mut sector = vec![0; 512];
        sector[446..446 + 16 * entries.len()].copy_from_slice(&entries.concat());
        sector[440] = 7;
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }

    #[test]
    fn entries_keep_their_numbers() {
        let linux = [0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0];
        let record = Record::read(&sector(&[[0; 16], linux]));
        let entry = Entry { active: true, kind: 0x83, first: 2048, sectors: 4096 };
        assert_eq!(record, Some(Record { id: 7, entries: vec![(2, entry)] }));
    }

    #[test]
    fn a_protective_record_is_known() {
        let protective = [0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        assert!(Record::read(&sector(&[protective])).is_some_and(|record| record.is_protective()));
    }

    #[test]
    fn code_is_no_table() {
        assert_eq!(Record::read(&sector(&[[0xb8; 16]])), None);
        assert_eq!(Record::read(&[0; 512]), None);
        assert_eq!(Record::read(&[0x55, 0xaa]), None);
    }
}
