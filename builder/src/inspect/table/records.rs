//! Master boot records as a table of their own: four partitions, and a chain of logical ones.

use installer::units::Bytes;

use super::{Form, Partition, Table, check};
use crate::inspect::damage::Damage;
use crate::inspect::mbr::{Entry, Record};
use crate::inspect::purpose;
use crate::inspect::source::Source;

/// More logical partitions than any disk has; a chain may be a ring.
const MOST: u32 = 64;

pub(super) fn read(disk: &dyn Source, sector: Bytes) -> Option<Table> {
    let record = Record::read(&disk.read(Bytes::ZERO, 512))?;
    let mut damage = Damage::none();
    let place =
        |(number, entry): (u32, Entry)| partition(&record, number, entry, u64::from(entry.first), sector);
    let mut partitions: Vec<_> = record.entries.iter().copied().map(place).collect();
    let extended = record.entries.iter().find(|(_, entry)| entry.is_extended());
    let base = extended.map(|(_, entry)| u64::from(entry.first));
    let mut chain = Chain { disk, base: base.unwrap_or(0), next: base, sector };
    let logical = (5..5 + MOST).map_while(|number| Some((number, chain.step(&mut damage)?)));
    let logical: Vec<_> = logical.filter_map(|(number, found)| Some((number, found?))).collect();
    damage.unless(chain.next.is_none(), "the chain of logical partitions has no end");
    let place = |(number, (entry, at)): (u32, (Entry, u64))| partition(&record, number, entry, at, sector);
    partitions.extend(logical.into_iter().map(place));
    // Logical partitions lie in the extended one; that one is only a frame.
    let frames: Vec<u32> =
        record.entries.iter().filter(|(_, entry)| entry.is_extended()).map(|(number, _)| *number).collect();
    partitions.retain(|partition| !frames.contains(&partition.number));
    let partitions = check(disk, partitions, &mut damage);
    Some(Table {
        form: Form::Mbr { id: format!("{:08x}", record.id) },
        sector_size: sector,
        partitions,
        damage,
    })
}

/// The records of logical partitions.
struct Chain<'a> {
    disk: &'a dyn Source,
    /// What links are relative to.
    base: u64,
    next: Option<u64>,
    sector: Bytes,
}

impl Chain<'_> {
    /// The next partition with the sector where it starts; an empty record has none. Nothing at the end of the chain.
    fn step(&mut self, damage: &mut Damage) -> Option<Option<(Entry, u64)>> {
        let at = self.next.take()?;
        let Some(record) = Record::read(&self.disk.read(Bytes(at.saturating_mul(self.sector.0)), 512)) else {
            damage.add(format!("the chain of logical partitions breaks off at sector {at}"));
            return None;
        };
        let find = |extended: bool| {
            record.entries.iter().map(|(_, entry)| *entry).find(|entry| entry.is_extended() == extended)
        };
        self.next = find(true).map(|link| self.base.saturating_add(u64::from(link.first)));
        Some(find(false).map(|entry| (entry, at.saturating_add(u64::from(entry.first)))))
    }
}

fn partition(record: &Record, number: u32, entry: Entry, first: u64, sector: Bytes) -> Partition {
    let (purpose, kind) = purpose::of_byte(entry.kind);
    Partition {
        number,
        name: String::new(),
        kind,
        purpose,
        id: format!("{:08x}-{number:02x}", record.id),
        start: Bytes(first.saturating_mul(sector.0)),
        size: Bytes(u64::from(entry.sectors).saturating_mul(sector.0)),
        attributes: if entry.active { vec!["active"] } else { Vec::new() },
    }
}
