//! Volume groups put together from the physical volumes that are there.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use installer::units::Bytes;
use serde::Serialize;

use super::damage::Damage;
use super::device::{Content, Device, Scope, probe};
use super::lvm::Id;
use super::lvm::metadata::{Logical, Metadata, Physical, Segment};
use super::source::{Chain, Dealt, Shared, Window};
use super::volume::{PhysicalVolume, newest};

/// Logical volumes that are looked into; a hostile text has more.
const MOST_VOLUMES: usize = 512;
/// Types of segments that are listed for one volume.
const MOST_TYPES: usize = 4;

/// A volume group.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub id: Id,
    /// The sequence number of the newest metadata.
    pub seqno: u64,
    /// What space is given out in.
    pub extent_size: Bytes,
    /// All extents.
    pub size: Bytes,
    /// Extents that no volume has.
    pub free: Bytes,
    /// What it lies on.
    pub physical_volumes: Vec<Carrier>,
    /// What it is divided into.
    pub volumes: Vec<Volume>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

/// A physical volume of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carrier {
    /// Its UUID.
    pub id: Id,
    /// The device that it was found on.
    pub device: Option<String>,
    /// Where it was when the metadata were written.
    pub was: String,
}

/// A logical volume.
#[derive(Clone, Debug, Serialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub id: Id,
    /// Its size.
    pub size: Bytes,
    /// The types of its segments.
    pub segments: String,
    /// Not a part of another one.
    pub visible: bool,
    /// All physical volumes that it lies on are there.
    pub complete: bool,
    /// What lies on it, if that can be found out.
    pub device: Option<Device>,
}

/// A physical volume, and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    device: String,
    volume: PhysicalVolume,
    source: Shared,
}

impl Found {
    /// The device as a physical volume, if it is one.
    #[must_use]
    pub fn of(device: &Device) -> Option<Self> {
        let Content::PhysicalVolume(volume) = &device.content else { return None };
        Some(Self {
            device: device.name.clone(),
            volume: (**volume).clone(),
            source: Rc::clone(&device.source),
        })
    }
}

/// The groups of these physical volumes, in the order in which they were found.
#[must_use]
pub fn assemble(found: &[Found]) -> Vec<Group> {
    let mut known: Vec<&Metadata> = Vec::new();
    for metadata in found.iter().filter_map(|found| newest(&found.volume.copies)) {
        match known.iter_mut().find(|known| known.id == metadata.id) {
            Some(known) if known.seqno < metadata.seqno => *known = metadata,
            Some(_) => {}
            None => known.push(metadata),
        }
    }
    known.into_iter().map(|metadata| group(metadata, found)).collect()
}

fn group(metadata: &Metadata, found: &[Found]) -> Group {
    let extents = |count: u64| Bytes(count.saturating_mul(metadata.extent.0));
    let sum = |numbers: &mut dyn Iterator<Item = u64>| numbers.fold(0, u64::saturating_add);
    let all = sum(&mut metadata.physical.iter().map(|physical| physical.extents));
    let segments = metadata.volumes.iter().flat_map(|volume| &volume.segments);
    // Parts of volumes are volumes themselves, and lie on physical volumes; the whole ones lie on their parts.
    let used =
        sum(&mut segments.filter(|segment| !segment.stripes.is_empty()).map(|segment| segment.extents));
    let places = places(metadata, found);
    let volumes = volumes(metadata, &places);
    let mut damage = damage(metadata, found);
    let is_cut = |volume: &&Volume| volume.device.as_ref().is_some_and(|device| device.size < volume.size);
    for volume in volumes.iter().filter(is_cut) {
        damage.add(format!("volume {} goes on behind the end of what it lies on", volume.name));
    }
    Group {
        name: metadata.name.clone(),
        id: metadata.id.clone(),
        seqno: metadata.seqno,
        extent_size: metadata.extent,
        size: extents(all),
        free: extents(all.saturating_sub(used)),
        physical_volumes: metadata.physical.iter().map(|physical| carrier(physical, found)).collect(),
        volumes,
        damage,
    }
}

fn on<'a>(physical: &Physical, found: &'a [Found]) -> Option<&'a Found> {
    found.iter().find(|found| found.volume.id == physical.id)
}

fn carrier(physical: &Physical, found: &[Found]) -> Carrier {
    let device = on(physical, found).map(|found| found.device.clone());
    Carrier { id: physical.id.clone(), device, was: physical.device.clone() }
}

fn damage(metadata: &Metadata, found: &[Found]) -> Damage {
    let mut damage = Damage::none();
    for physical in &metadata.physical {
        let same: Vec<_> = found.iter().filter(|found| found.volume.id == physical.id).collect();
        if let [first, second, ..] = same[..] {
            damage.add(format!("{} and {} carry the same physical volume", first.device, second.device));
        }
        let copies =
            same.iter().flat_map(|found| found.volume.copies.iter().map(|copy| (&found.device, copy.seqno)));
        for (device, seqno) in copies.filter_map(|(device, seqno)| Some((device, seqno?))) {
            let newest = metadata.seqno;
            damage.unless(seqno == newest, format!("the metadata on {device} are out of date: they have sequence number {seqno}, and the newest {newest}"));
        }
    }
    damage
}

/// Where the extents of a physical volume start.
struct Place {
    source: Shared,
    start: Bytes,
    extent: Bytes,
}

/// The physical volumes that were found, under the names that segments call them.
fn places<'a>(metadata: &'a Metadata, found: &[Found]) -> HashMap<&'a str, Place> {
    let place = |physical: &'a Physical| {
        let source = Rc::clone(&on(physical, found)?.source);
        Some((physical.name.as_str(), Place { source, start: physical.start, extent: metadata.extent }))
    };
    metadata.physical.iter().filter_map(place).collect()
}

fn volumes(metadata: &Metadata, places: &HashMap<&str, Place>) -> Vec<Volume> {
    let parts: HashSet<&str> = metadata.volumes.iter().map(|volume| volume.name.as_str()).collect();
    let volume = |(index, logical): (usize, &Logical)| {
        let device = mapped(logical, places).filter(|_| logical.is_visible && index < MOST_VOLUMES);
        let name = format!("{}/{}", metadata.name, logical.name);
        let stripes = logical.segments.iter().flat_map(|segment| &segment.stripes);
        let is_there = |on: &str| places.contains_key(on) || parts.contains(on);
        Volume {
            name: logical.name.clone(),
            id: logical.id.clone(),
            size: Bytes(logical.extents().saturating_mul(metadata.extent.0)),
            segments: segments(logical),
            visible: logical.is_visible,
            complete: stripes.clone().all(|(on, _)| is_there(on)),
            device: device.map(|source| probe(name, source, Scope::Whole(None))),
        }
    };
    metadata.volumes.iter().enumerate().map(volume).collect()
}

/// The types of the segments, each once.
fn segments(logical: &Logical) -> String {
    let mut words: Vec<String> = Vec::new();
    for segment in &logical.segments {
        let word = segment.words();
        if words.len() < MOST_TYPES && !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

/// The bytes of a volume, if all its segments are plain ones on physical volumes that are there.
fn mapped(logical: &Logical, places: &HashMap<&str, Place>) -> Option<Shared> {
    let mut chain = Chain::default();
    let mut next = 0_u64;
    for segment in &logical.segments {
        if segment.start != next || !segment.is_plain() {
            return None;
        }
        next = next.saturating_add(segment.extents);
        chain.push(stretch(segment, places)?);
    }
    Some(Rc::new(chain))
}

fn stretch(segment: &Segment, places: &HashMap<&str, Place>) -> Option<Shared> {
    let each = segment.extents_each();
    let window = |(on, start): &(String, u64)| -> Option<Shared> {
        let place = places.get(on.as_str())?;
        let bytes = |extents: u64| extents.saturating_mul(place.extent.0);
        let from = Bytes(place.start.0.saturating_add(bytes(*start)));
        Some(Rc::new(Window::new(&place.source, from, Bytes(bytes(each)))))
    };
    let stripes = segment.stripes.iter().map(window).collect::<Option<Vec<_>>>()?;
    if let [one] = &stripes[..] {
        return Some(Rc::clone(one));
    }
    let size = stripes.iter().fold(0, |sum: u64, stripe| sum.saturating_add(stripe.size().0));
    let members = stripes.into_iter().map(Some).collect();
    Dealt::new(members, segment.stripe, 1, Bytes(size)).map(|dealt| -> Shared { Rc::new(dealt) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "group_tests.rs"]
mod tests;
