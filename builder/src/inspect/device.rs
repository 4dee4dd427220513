//! What lies on a device: one thing, or a table and what lies in its partitions.

use std::rc::Rc;

use installer::units::{Bytes, SectorSize};
use serde::Serialize;

use super::boot::Core;
use super::damage::Damage;
use super::esp::{self, Boots};
use super::ext::{self, Ext};
use super::magic;
use super::member::{self, Member};
use super::purpose::Purpose;
use super::source::{Shared, Window};
use super::swap::Swap;
use super::table::{self, Partition, Table};
use super::volume::{self, PhysicalVolume};

/// Partitions that are looked into; a hostile table has more.
const MOST_PARTITIONS: usize = 512;

/// A disk, a partition, an array or a logical volume.
#[derive(Clone, Debug, Serialize)]
pub struct Device {
    /// What it is called.
    pub name: String,
    /// How large it is.
    pub size: Bytes,
    /// What lies on it.
    pub content: Content,
    /// Its bytes.
    #[serde(skip)]
    pub source: Shared,
}

/// A partition with what lies in it.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// What the table says of it.
    #[serde(flatten)]
    pub partition: Partition,
    /// What lies in it.
    pub device: Device,
}

/// What can lie on a device.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// Zeros where anything would be.
    Blank,
    /// Something that is not known here.
    Unknown {
        /// What speaks for a damaged structure.
        #[serde(skip_serializing_if = "Damage::is_none")]
        damage: Damage,
    },
    /// A partition table.
    Table {
        /// The table itself.
        #[serde(flatten)]
        table: Table,
        /// Its partitions, in the order in which they lie on the disk.
        #[serde(rename = "partitions")]
        parts: Vec<Part>,
    },
    /// A part of an array.
    Member(Box<Member>),
    /// A part of a volume group.
    PhysicalVolume(Box<PhysicalVolume>),
    /// ext2, ext3, ext4.
    Ext(Box<Ext>),
    /// A FAT.
    Fat(Box<Boots>),
    /// Swap space.
    Swap(Swap),
    /// GRUB's core.
    GrubCore(Core),
    /// DRBD's metadata, and what is replicated.
    Drbd {
        /// 8 or 9.
        version: &'static str,
        /// What is replicated.
        carries: Box<Content>,
    },
    /// Known by name only.
    Named {
        /// The name.
        name: &'static str,
    },
}

impl Content {
    /// What is wrong with it; that of partitions is theirs.
    #[must_use]
    pub fn damage(&self) -> Damage {
        match self {
            Self::Unknown { damage } => damage.clone(),
            Self::Table { table, .. } => table.damage.clone(),
            Self::Member(member) => member.damage.clone(),
            Self::PhysicalVolume(volume) => volume.damage.clone(),
            Self::Ext(ext) => ext.damage.clone(),
            Self::Fat(boots) => boots.fat.damage.clone(),
            Self::Swap(swap) => swap.damage.clone(),
            Self::Drbd { carries, .. } => carries.damage(),
            Self::Blank | Self::GrubCore(_) | Self::Named { .. } => Damage::none(),
        }
    }
}

impl Device {
    /// It, and everything in its partitions.
    #[must_use]
    pub fn all(&self) -> Vec<&Self> {
        let parts: &[Part] = if let Content::Table { parts, .. } = &self.content { parts } else { &[] };
        std::iter::once(self).chain(parts.iter().flat_map(|part| part.device.all())).collect()
    }
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A whole device may have a table.
    Whole(Option<SectorSize>),
    /// A partition has none.
    Part(Purpose),
}

/// Looks at a device.
#[must_use]
pub fn probe(name: String, source: Shared, scope: Scope) -> Device {
    let content = match scope {
        Scope::Whole(known) => whole(&name, &source, known),
        Scope::Part(purpose) => expected(purpose, part(&source)),
    };
    Device { name, size: source.size(), content, source }
}

fn whole(name: &str, source: &Shared, known: Option<SectorSize>) -> Content {
    // A damaged superblock may be what lies below a table that is newer.
    if let Some(member) = member::find(&**source).filter(|member| member.superblock.is_whole) {
        return Content::Member(Box::new(member));
    }
    if let Some(table) = table::guid(&**source, known) {
        return divided(name, source, table);
    }
    let head = source.read(Bytes::ZERO, magic::HEAD_LENGTH);
    if let Some(fat) = fat(source) {
        return fat;
    }
    // The boot sectors of these file systems look like an MBR; those of others may lie below one that is newer.
    let record = if magic::of_boot_sector(&head).is_some() { None } else { table::plain(&**source, known) };
    match record {
        Some(table) if !table.partitions.is_empty() => divided(name, source, table),
        record => match (part(source), record) {
            (Content::Blank | Content::Unknown { .. }, Some(table)) => divided(name, source, table),
            (content, _) => content,
        },
    }
}

/// A table with what lies in its partitions.
fn divided(name: &str, source: &Shared, table: Table) -> Content {
    let part = |partition: &Partition| {
        let window: Shared = Rc::new(Window::new(source, partition.start, partition.size));
        let device = probe(label(name, partition.number), window, Scope::Part(partition.purpose));
        Part { partition: partition.clone(), device }
    };
    let parts = table.partitions.iter().take(MOST_PARTITIONS).map(part).collect();
    Content::Table { table, parts }
}

/// What people call a partition: `disk0p1`, `sda1`.
fn label(disk: &str, number: u32) -> String {
    let separator = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{separator}{number}")
}

/// What lies on a device that has no table.
fn part(source: &Shared) -> Content {
    if let Some(member) = member::find(&**source) {
        return Content::Member(Box::new(member));
    }
    let length = Bytes(magic::TAIL_LENGTH as u64);
    let tail = source.read(source.size().saturating_sub(length), magic::TAIL_LENGTH);
    match magic::drbd(&tail) {
        // The end is DRBD's own.
        Some(version) => Content::Drbd { version, carries: Box::new(carried(source, &[])) },
        None => carried(source, &tail),
    }
}

fn carried(source: &Shared, tail: &[u8]) -> Content {
    if let Some(volume) = volume::find(&**source) {
        return Content::PhysicalVolume(Box::new(volume));
    }
    let head = source.read(Bytes::ZERO, magic::HEAD_LENGTH);
    if let Some(name) = magic::of_tail(tail, source.size().0) {
        return Content::Named { name };
    }
    if let Some(mut swap) = Swap::read(&head) {
        swap.damage.append(&fits(swap.size, source));
        return Content::Swap(swap);
    }
    if let Some(mut ext) = head.get(ext::AT..).and_then(Ext::read) {
        ext.damage.append(&fits(ext.size, source));
        return Content::Ext(Box::new(ext));
    }
    if let Some(fat) = fat(source) {
        return fat;
    }
    if let Some(core) = Core::read(&head) {
        return Content::GrubCore(core);
    }
    if let Some(name) = magic::of_head(&head) {
        return Content::Named { name };
    }
    unknown(source, &head, tail)
}

fn fat(source: &Shared) -> Option<Content> {
    let mut found = esp::find(&**source)?;
    found.fat.damage.append(&fits(found.fat.size, source));
    Some(Content::Fat(Box::new(found)))
}

/// A file system is not larger than what it lies on.
fn fits(size: Bytes, source: &Shared) -> Damage {
    let mut damage = Damage::none();
    let beyond = size.saturating_sub(source.size());
    damage.unless(beyond == Bytes::ZERO, format!("it is {beyond} larger than its device"));
    damage
}

fn unknown(source: &Shared, head: &[u8], tail: &[u8]) -> Content {
    let mut damage = Damage::none();
    for line in ext::COPIES.iter().filter_map(|at| lost_superblock(source, *at)) {
        damage.add(line);
    }
    let is_blank = head.iter().chain(tail).all(|byte| *byte == 0);
    if is_blank && damage.is_none() { Content::Blank } else { Content::Unknown { damage } }
}

/// What a copy of ext's superblock proves, if the file system is still around it: the group descriptors behind the
/// superblock and behind its copy are equal. What an older file system has left does not count.
fn lost_superblock(source: &Shared, at: Bytes) -> Option<String> {
    let copy = Ext::read(&source.read(at, ext::LENGTH)).filter(|copy| copy.group == 1)?;
    let block = copy.block_size;
    // Blocks of 1024 bytes are numbered from 1.
    let first = if block == Bytes::KIB { block } else { Bytes::ZERO };
    // Where the two bitmaps and the inodes of group 0 are.
    let descriptor = |superblock: Bytes| source.read(superblock + block, 12);
    let is_around = descriptor(first) == descriptor(at) && descriptor(at).iter().any(|byte| *byte != 0);
    let (version, label, block) = (copy.version, &copy.label, at.0 / block.0.max(1));
    is_around.then(|| {
        format!("the superblock of {version} `{label}` is gone, and its copy in block {block} is there")
    })
}

/// Content that is not known, on a partition that says what it holds, is damaged content.
fn expected(purpose: Purpose, content: Content) -> Content {
    let Content::Unknown { mut damage } = content else { return content };
    let what = match purpose {
        Purpose::Raid => Some("an md superblock"),
        Purpose::Lvm => Some("an LVM label"),
        Purpose::Swap => Some("a swap header"),
        Purpose::Esp => Some("a FAT"),
        Purpose::Other => None,
    };
    if let Some(what) = what {
        damage.add(format!("its type asks for {what}, and there is none, though it is not blank"));
    }
    Content::Unknown { damage }
}
