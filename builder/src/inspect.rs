//! `xbuild inspect`: what lies on disks, whoever made them.
//!
//! Nothing is written, and nothing that a disk says is believed: numbers are checked before they are used, lists and chains
//! have an end, reads a length. The readers of formats (`gpt`, `mbr`, `md`, `lvm`, `ext`, `fat`, `swap`, `boot`, `magic`) are
//! pure functions of bytes. `table`, `member`, `volume` and `esp` find such bytes on a device, `device` decides what lies
//! there, `array` and `group` put devices together on paper to devices of their own, `draw` shows it all.

pub mod array;
pub mod boot;
pub mod checksum;
pub mod damage;
pub mod device;
pub mod draw;
pub mod esp;
pub mod ext;
pub mod fat;
pub mod fields;
pub mod gpt;
pub mod group;
pub mod lvm;
pub mod magic;
pub mod mbr;
pub mod md;
pub mod member;
pub mod open;
pub mod purpose;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod recorded;
pub mod source;
pub mod swap;
pub mod table;
pub mod tree;
pub mod volume;
pub mod words;

use std::rc::Rc;

use installer::units::Bytes;
use serde::Serialize;

use self::array::Array;
use self::boot::{Code, Core};
use self::damage::Damage;
use self::device::{Content, Device, Part, Scope, probe};
use self::group::Group;
use self::open::Opened;

/// Arrays of arrays of arrays: deeper nobody goes.
const MOST_ROUNDS: usize = 3;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The disks, in the order in which they were named.
    pub disks: Vec<Disk>,
    /// Their arrays.
    pub arrays: Vec<Array>,
    /// Their volume groups.
    pub volume_groups: Vec<Group>,
    /// Everything that is wrong, with its place.
    pub damaged: Vec<Wrong>,
}

/// A disk.
#[derive(Clone, Debug, Serialize)]
pub struct Disk {
    /// As it was named.
    pub path: String,
    /// What lies on it.
    #[serde(flatten)]
    pub device: Device,
    /// Its boot code, if it has a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    /// What could not be read, and what is wrong with its boot code.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

/// The boot code of a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Boot {
    /// The code.
    #[serde(flatten)]
    pub code: Code,
    /// The partition with the core that it loads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_in: Option<String>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// Where.
    pub at: String,
    /// What.
    pub what: String,
}

/// Looks at disks.
#[must_use]
pub fn inspect(opened: &[Opened]) -> Report {
    let mut disks: Vec<Disk> = opened.iter().map(disk).collect();
    let arrays = arrays(&disks);
    let on_disks = disks.iter().flat_map(|disk| disk.device.all());
    let on_arrays = arrays.iter().filter_map(|array| array.device.as_ref()).flat_map(Device::all);
    let volumes: Vec<_> = on_disks.chain(on_arrays).filter_map(group::Found::of).collect();
    let volume_groups = group::assemble(&volumes);
    // Only now everything has been read that will be.
    for (disk, opened) in disks.iter_mut().zip(opened) {
        disk.damage.append(&opened.disk.faults());
    }
    let mut report = Report { disks, arrays, volume_groups, damaged: Vec::new() };
    report.damaged = report.wrong();
    report
}

fn disk(opened: &Opened) -> Disk {
    let source: source::Shared = Rc::<source::Disk>::clone(&opened.disk);
    let device = probe(opened.name.clone(), source, Scope::Whole(opened.disk.sector_size()));
    let mut damage = Damage::none();
    let boot =
        if matches!(device.content, Content::Table { .. }) { boot(&device, &mut damage) } else { None };
    Disk { path: opened.path.display().to_string(), device, boot, damage }
}

fn boot(disk: &Device, damage: &mut Damage) -> Option<Boot> {
    let code = Code::read(&disk.source.read(Bytes::ZERO, 512))?;
    let core_in = match code {
        Code::Next | Code::Other => None,
        Code::Grub { core } => core_in(disk, core, damage),
    };
    Some(Boot { code, core_in })
}

/// The partition that GRUB's core lies in, if it lies in one. BIOS counts in 512 bytes.
fn core_in(disk: &Device, sector: u64, damage: &mut Damage) -> Option<String> {
    let at = Bytes(sector.saturating_mul(512));
    let Some(core) = Core::read(&disk.source.read(at, 512)) else {
        damage.add(format!("its boot code loads GRUB's core from sector {sector}, and there is none"));
        return None;
    };
    let Content::Table { parts, .. } = &disk.content else { return None };
    let Part { partition, device } = parts.iter().find(|Part { partition, .. }| {
        let end = partition.start.0.saturating_add(partition.size.0);
        (partition.start.0..end).contains(&at.0)
    })?;
    let room = partition.size.saturating_sub(at.saturating_sub(partition.start)).0 / 512;
    let goes_on = core.next == sector.saturating_add(1);
    damage.unless(
        core.sectors <= room && goes_on,
        format!("GRUB's core in sector {sector} is not all in {}", device.name),
    );
    Some(device.name.clone())
}

/// The arrays of the disks, and the arrays on these.
fn arrays(disks: &[Disk]) -> Vec<Array> {
    let mut arrays: Vec<Array> = Vec::new();
    let mut members: Vec<_> =
        disks.iter().flat_map(|disk| disk.device.all()).filter_map(array::Found::of).collect();
    for _ in 0..MOST_ROUNDS {
        let mut round: Vec<Array> = array::assemble(&members).into_iter().map(looked_at).collect();
        let on_them = round.iter().filter_map(|array| array.device.as_ref()).flat_map(Device::all);
        members = on_them.filter_map(array::Found::of).collect();
        arrays.append(&mut round);
    }
    arrays
}

fn looked_at((mut array, source): (Array, Option<source::Shared>)) -> Array {
    let name = format!("md {}", array.name);
    array.device = source.map(|source| probe(name, source, Scope::Whole(None)));
    array
}

impl Report {
    /// Everything that is wrong, in the order in which it is drawn.
    fn wrong(&self) -> Vec<Wrong> {
        let mut list = List::default();
        for disk in &self.disks {
            list.device(&disk.device);
            list.note(&disk.device.name, &disk.damage);
        }
        for array in &self.arrays {
            list.note(&format!("md {}", array.name), &array.damage);
            array.device.iter().for_each(|device| list.device(device));
        }
        for group in &self.volume_groups {
            list.note(&group.name, &group.damage);
            let devices = group.volumes.iter().filter_map(|volume| volume.device.as_ref());
            devices.for_each(|device| list.device(device));
        }
        list.0
    }
}

#[derive(Default)]
struct List(Vec<Wrong>);

impl List {
    fn note(&mut self, at: &str, damage: &Damage) {
        let line = |what: &String| Wrong { at: at.to_owned(), what: what.clone() };
        self.0.extend(damage.lines().iter().map(line));
    }

    fn device(&mut self, device: &Device) {
        device.all().iter().for_each(|device| self.note(&device.name, &device.content.damage()));
    }
}
