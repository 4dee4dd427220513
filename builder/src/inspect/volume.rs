//! Finding the physical volume of a device, and its copies of the group's metadata.

use installer::units::Bytes;
use serde::Serialize;

use super::checksum;
use super::damage::Damage;
use super::lvm::area::{self, Header, Text};
use super::lvm::metadata::Metadata;
use super::lvm::{Area, Id, LENGTH, Label};
use super::source::Source;

/// Where `pvcreate` puts the first metadata area.
const USUAL: Bytes = Bytes(4096);

/// A physical volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhysicalVolume {
    /// Its UUID.
    pub id: Id,
    /// The sector of its label.
    pub label_sector: usize,
    /// The name of its group, if its own metadata say one.
    pub group: Option<String>,
    /// Its copies of the metadata.
    pub copies: Vec<Copy>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

/// A copy of a group's metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// Where its area lies.
    pub at: Bytes,
    /// Its sequence number, if its text can be read.
    pub seqno: Option<u64>,
    /// What it says.
    #[serde(skip)]
    pub metadata: Option<Metadata>,
}

/// The physical volume that a device is, or the ruin of one.
#[must_use]
pub fn find(device: &dyn Source) -> Option<PhysicalVolume> {
    Label::read(&device.read(Bytes::ZERO, LENGTH))
        .map(|label| volume(device, &label))
        .or_else(|| ruin(device))
}

fn volume(device: &dyn Source, label: &Label) -> PhysicalVolume {
    let mut damage = Damage::none();
    damage.unless(label.is_whole, "the checksum of the LVM label is wrong");
    damage.unless(label.is_placed, "the LVM label says that it lies in another sector");
    damage.unless(label.id.is_valid(), "the LVM label has no valid UUID");
    let missing = label.device_size.saturating_sub(device.size());
    damage.unless(missing == Bytes::ZERO, format!("its device is {missing} smaller than its LVM label says"));
    let copies: Vec<_> = label.metadata.iter().map(|area| copy(device, *area, &mut damage)).collect();
    let group = newest(&copies).map(|metadata| metadata.name.clone());
    PhysicalVolume { id: label.id.clone(), label_sector: label.sector, group, copies, damage }
}

/// Metadata where they usually are, and no label in front of them.
fn ruin(device: &dyn Source) -> Option<PhysicalVolume> {
    let header = Header::read(&device.read(USUAL, area::LENGTH))?;
    let mut damage = Damage::none();
    damage.add("there are LVM metadata, and no label: LVM does not see it");
    let copies = vec![copy(device, Area { at: USUAL, size: header.size }, &mut damage)];
    let group = newest(&copies).map(|metadata| metadata.name.clone());
    Some(PhysicalVolume { id: Id::new(""), label_sector: 0, group, copies, damage })
}

/// The newest of several copies.
#[must_use]
pub fn newest(copies: &[Copy]) -> Option<&Metadata> {
    copies.iter().filter_map(|copy| copy.metadata.as_ref()).max_by_key(|metadata| metadata.seqno)
}

fn copy(device: &dyn Source, area: Area, damage: &mut Damage) -> Copy {
    let metadata = metadata(device, area, damage);
    Copy { at: area.at, seqno: metadata.as_ref().map(|metadata| metadata.seqno), metadata }
}

fn metadata(device: &dyn Source, area: Area, damage: &mut Damage) -> Option<Metadata> {
    let at = area.at;
    let Some(header) = Header::read(&device.read(at, area::LENGTH)) else {
        damage.add(format!("the LVM metadata area at {at} has no header"));
        return None;
    };
    damage.unless(header.is_whole, format!("the checksum of the LVM metadata area at {at} is wrong"));
    damage.unless(
        header.own == at,
        format!("the LVM metadata area at {at} says that it lies at {}", header.own),
    );
    let text = header.text?;
    if text.is_ignored {
        return None;
    }
    match read_text(device, at, &header, &text) {
        Ok(metadata) => Some(metadata),
        Err(why) => {
            damage.add(format!("the LVM metadata in the area at {at} {why}"));
            None
        }
    }
}

fn read_text(device: &dyn Source, at: Bytes, header: &Header, text: &Text) -> Result<Metadata, &'static str> {
    let parts = header.parts(text).ok_or("do not fit into it")?;
    let read = |(offset, length): (Bytes, usize)| device.read(Bytes(at.0.saturating_add(offset.0)), length);
    let bytes = parts.map(read).concat();
    if bytes.len() as u64 != text.size.0 {
        return Err("end behind the end of the device");
    }
    if checksum::lvm(&bytes) != text.checksum {
        return Err("are damaged: their checksum is wrong");
    }
    Metadata::read(&String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "volume_tests.rs"]
mod tests;
