//! The partition table of a disk: which of its copies can be trusted, and what it divides the disk into.

mod copies;
mod records;

use installer::units::{Bytes, SectorSize};
use serde::Serialize;
use uuid::Uuid;

use super::damage::Damage;
use super::mbr::Record;
use super::purpose::Purpose;
use super::source::Source;

pub use self::copies::State;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Which kind.
    #[serde(flatten)]
    pub form: Form,
    /// What it counts in.
    pub sector_size: Bytes,
    /// In the order in which they lie on the disk.
    #[serde(skip)]
    pub partitions: Vec<Partition>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

/// The kinds of tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum Form {
    /// GUID partition table.
    Gpt {
        /// The disk's GUID.
        guid: Uuid,
        /// The copy at the start of the disk.
        primary: State,
        /// The copy at its end.
        backup: State,
        /// The sector of the backup, where that is not the last one.
        #[serde(skip_serializing_if = "Option::is_none")]
        backup_away_from_end: Option<u64>,
    },
    /// Only the protective MBR of a GPT is left.
    LostGpt,
    /// A table in the MBR alone.
    Mbr {
        /// The disk's signature.
        id: String,
    },
}

/// A piece of a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// Number in the table.
    pub number: u32,
    /// Its name; an MBR has none.
    pub name: String,
    /// What it is for, in words.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it must hold for that.
    #[serde(skip)]
    pub purpose: Purpose,
    /// PARTUUID.
    pub id: String,
    /// Offset on the disk.
    pub start: Bytes,
    /// Length.
    pub size: Bytes,
    /// How it is to be treated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<&'static str>,
}

/// A GPT, or what is left of one. `known` is the disk's own sector size, if anybody knows it.
#[must_use]
pub fn guid(disk: &dyn Source, known: Option<SectorSize>) -> Option<Table> {
    copies::read(disk, known).or_else(|| lost(disk, known))
}

/// An MBR that is a table by itself.
#[must_use]
pub fn plain(disk: &dyn Source, known: Option<SectorSize>) -> Option<Table> {
    records::read(disk, known.unwrap_or_default().bytes())
}

fn lost(disk: &dyn Source, known: Option<SectorSize>) -> Option<Table> {
    Record::read(&disk.read(Bytes::ZERO, 512)).filter(Record::is_protective)?;
    let mut damage = Damage::none();
    damage.add("the MBR says that there is a GPT, and there is none at either end of the disk");
    let sector_size = known.unwrap_or_default().bytes();
    Some(Table { form: Form::LostGpt, sector_size, partitions: Vec::new(), damage })
}

/// Puts partitions in order, and looks for those that cannot be right.
fn check(disk: &dyn Source, mut partitions: Vec<Partition>, damage: &mut Damage) -> Vec<Partition> {
    partitions.sort_by_key(|partition| (partition.start, partition.number));
    let end = |partition: &Partition| partition.start.0.saturating_add(partition.size.0);
    for partition in partitions.iter().filter(|partition| end(partition) > disk.size().0) {
        damage.add(format!("partition {} ends behind the end of the disk", partition.number));
    }
    let mut furthest: Option<&Partition> = None;
    for partition in &partitions {
        if let Some(before) = furthest.filter(|before| end(before) > partition.start.0) {
            damage.add(format!("partitions {} and {} overlap", before.number, partition.number));
        }
        if furthest.is_none_or(|before| end(before) < end(partition)) {
            furthest = Some(partition);
        }
    }
    partitions
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "table_tests.rs"]
mod tests;
