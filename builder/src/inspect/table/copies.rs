//! The two copies of a GPT, at either sector size.

use installer::units::{Bytes, SectorSize};
use serde::Serialize;

use super::{Form, Partition, Table, check};
use crate::inspect::checksum::crc32;
use crate::inspect::damage::Damage;
use crate::inspect::gpt::{Entry, Header, entries};
use crate::inspect::mbr::Record;
use crate::inspect::purpose;
use crate::inspect::source::Source;

/// What can be said of one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// There is none.
    Missing,
    /// The checksum of its header is wrong.
    HeaderDamaged,
    /// Its header says that it lies elsewhere.
    Misplaced,
    /// The checksum of its entries is wrong.
    EntriesDamaged,
    /// All checksums are right.
    Whole,
}

/// One copy.
struct Copy {
    state: State,
    at: u64,
    header: Option<Header>,
    entries: Vec<u8>,
}

/// Both copies, read as for sectors of one size.
struct Pair {
    sector: SectorSize,
    primary: Copy,
    backup: Copy,
}

/// A table of which at least one header is there.
pub(super) fn read(disk: &dyn Source, known: Option<SectorSize>) -> Option<Table> {
    let pairs = [SectorSize::B512, SectorSize::B4096].map(|sector| Pair::read(disk, sector));
    let is_known = |pair: &Pair| known == Some(pair.sector);
    // Of equals the last one counts, and 512 is what disks have that do not say.
    let best = pairs.into_iter().rev().max_by_key(|pair| (pair.best().state, is_known(pair)))?;
    best.table(disk, known)
}

impl Pair {
    fn read(disk: &dyn Source, sector: SectorSize) -> Self {
        let last = (disk.size().0 / u64::from(sector)).saturating_sub(1);
        let primary = Copy::read(disk, sector, 1);
        let named = primary.header.as_ref().map(|header| header.other);
        // A whole header is believed; another one only if nothing lies where the backup should be.
        let is_believed = primary.state > State::HeaderDamaged;
        let first = named.filter(|_| is_believed).unwrap_or(last);
        let places = [Some(first), named].into_iter().flatten();
        let found = places.map(|at| Copy::read(disk, sector, at)).find(|copy| copy.header.is_some());
        Self { sector, primary, backup: found.unwrap_or_else(|| Copy::missing(first)) }
    }

    /// The copy that a firmware would take.
    fn best(&self) -> &Copy {
        if self.backup.state > self.primary.state { &self.backup } else { &self.primary }
    }

    fn table(self, disk: &dyn Source, known: Option<SectorSize>) -> Option<Table> {
        let header = self.best().header.clone()?;
        let sector = self.sector.bytes();
        let mut damage = self.damage(disk);
        if let Some(known) = known.filter(|known| *known != self.sector) {
            let (written, has) = (u64::from(self.sector), u64::from(known));
            damage.add(format!("the GPT is written for sectors of {written} bytes, and the disk has {has}"));
        }
        let used = entries(&self.best().entries, header.entry_size);
        check_usable(&header, &used, &mut damage);
        let partitions = used.into_iter().map(|entry| partition(entry, sector)).collect();
        let partitions = check(disk, partitions, &mut damage);
        let last = (disk.size().0 / sector.0).saturating_sub(1);
        let away = Some(self.backup.at).filter(|at| self.backup.header.is_some() && *at != last);
        let form = Form::Gpt {
            guid: header.guid,
            primary: self.primary.state,
            backup: self.backup.state,
            backup_away_from_end: away,
        };
        Some(Table { form, sector_size: sector, partitions, damage })
    }

    fn damage(&self, disk: &dyn Source) -> Damage {
        let mut damage = Damage::none();
        self.primary.complain("primary", &mut damage);
        let end = disk.size().0 / u64::from(self.sector);
        if self.backup.state == State::Missing && self.backup.at >= end {
            let at = self.backup.at;
            damage.add(format!("the disk ends before its backup GPT in sector {at}: it is cut off, or copied from a larger one"));
        } else {
            self.backup.complain("backup", &mut damage);
        }
        let both = self.primary.state.min(self.backup.state) == State::Whole;
        damage.unless(
            !both || self.primary.equals(&self.backup),
            "primary and backup GPT differ; the primary counts",
        );
        let any = self.best().state == State::Whole;
        damage.unless(any, "no copy of the GPT is whole: what it says may be wrong");
        let record = Record::read(&disk.read(Bytes::ZERO, 512));
        damage.unless(record.is_some_and(|record| record.is_protective()), "the protective MBR is missing");
        damage
    }
}

impl Copy {
    const fn missing(at: u64) -> Self {
        Self { state: State::Missing, at, header: None, entries: Vec::new() }
    }

    fn read(disk: &dyn Source, sector: SectorSize, at: u64) -> Self {
        let size = u64::from(sector);
        let bytes = disk.read(Bytes(at.saturating_mul(size)), if size == 512 { 512 } else { 4096 });
        let Some(header) = Header::read(&bytes) else { return Self::missing(at) };
        let length = header.entries_length().unwrap_or(0);
        let entries = disk.read(Bytes(header.entries.saturating_mul(size)), length);
        let state = if !header.is_whole {
            State::HeaderDamaged
        } else if header.own != at {
            State::Misplaced
        } else if header.entries_length() != Some(entries.len()) || crc32(&entries) != header.entries_checksum
        {
            State::EntriesDamaged
        } else {
            State::Whole
        };
        Self { state, at, header: Some(header), entries }
    }

    fn equals(&self, other: &Self) -> bool {
        let guid = |copy: &Self| copy.header.as_ref().map(|header| header.guid);
        guid(self) == guid(other) && self.entries == other.entries
    }

    fn complain(&self, which: &str, damage: &mut Damage) {
        let at = self.at;
        match self.state {
            State::Whole => {}
            State::Missing => damage.add(format!("the {which} GPT is missing from sector {at}")),
            State::HeaderDamaged => damage.add(format!(
                "the {which} GPT in sector {at} is damaged: the checksum of its header is wrong"
            )),
            State::Misplaced => {
                damage.add(format!("the {which} GPT in sector {at} says that it lies elsewhere"))
            }
            State::EntriesDamaged => damage.add(format!(
                "the {which} GPT in sector {at} is damaged: the checksum of its entries is wrong"
            )),
        }
    }
}

fn check_usable(header: &Header, used: &[Entry], damage: &mut Damage) {
    let usable = header.first_usable..=header.last_usable;
    for Entry { number, first, last, .. } in used {
        let is_usable = usable.contains(first) && usable.contains(last);
        damage.unless(first <= last, format!("partition {number} ends before it starts"));
        damage.unless(is_usable, format!("partition {number} lies outside of what the GPT may use"));
    }
}

fn partition(entry: Entry, sector: Bytes) -> Partition {
    let (purpose, kind) = purpose::of_guid(entry.kind);
    let sectors = entry.last.saturating_sub(entry.first).saturating_add(1);
    Partition {
        number: entry.number,
        name: entry.name,
        kind,
        purpose,
        id: entry.guid.to_string(),
        start: Bytes(entry.first.saturating_mul(sector.0)),
        size: Bytes(sectors.saturating_mul(sector.0)),
        attributes: purpose::attributes(entry.attributes),
    }
}
