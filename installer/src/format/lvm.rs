//! LVM2: label, PV header, metadata area and the metadata text of a volume group on its one physical volume.
//!
//! Sources: lvm2 `lib/format_text/layout.h`, `lib/label/label.h`, `lib/format_text/export.c`; libvslvm's description.

use std::fmt::Write as _;

use crate::plan::{LogicalVolume, VolumeGroup};
use crate::units::Bytes;
use anyhow::{Result, ensure};

use super::block::Block;
use super::{Epoch, Piece};

/// LVM counts in 512 bytes, whatever the disk's own sectors are.
const SECTOR: u64 = 512;
/// The label lies in sector 1.
const LABEL: Bytes = Bytes(SECTOR);
/// The metadata area starts here and ends where extent 0 starts.
const METADATA: Bytes = Bytes(4096);
/// The text starts behind the area's header.
const TEXT: u64 = 512;
/// Who made it; the machine that ran the build must not show.
const HOST: &str = "xbuild";

/// Everything that LVM keeps on the physical volume. `device` is the path that the metadata shows as a hint.
///
/// # Errors
/// Metadata that is larger than the room for it.
pub fn physical_volume(group: &VolumeGroup, device: &str, epoch: Epoch) -> Result<Vec<Piece>> {
    let mut text = metadata(group, device, epoch)?.into_bytes();
    text.push(0);
    let area = (group.pe_start - METADATA).0;
    // The area is a ring, and LVM keeps the old text while it writes the new one.
    ensure!(
        TEXT + 2 * text.len() as u64 <= area,
        "the metadata of `{}` does not fit before pe_start",
        group.name
    );
    Ok(vec![
        Piece::new(LABEL, label(group)),
        Piece::new(METADATA, area_header(area, &text)),
        Piece { at: METADATA + Bytes(TEXT), bytes: text },
    ])
}

/// `struct label_header` and, from byte 32, `struct pv_header` with its extension.
fn label(group: &VolumeGroup) -> Block {
    let mut block = Block::zeroed(SECTOR as usize);
    block
        .put(0, b"LABELONE")
        .u64(8, LABEL.0 / SECTOR)
        .u32(20, 32) // offset of the PV header
        .put(24, b"LVM2 001")
        .put(32, group.pv_id.as_bytes())
        .u64(64, group.device_size.0)
        // Data areas; length 0 is "to the end of the device". An empty entry ends each list.
        .u64(72, group.pe_start.0)
        // Metadata areas.
        .u64(104, METADATA.0)
        .u64(112, (group.pe_start - METADATA).0)
        // Extension: version 2, in use, no bootloader areas.
        .u32(136, 2)
        .u32(140, 1);
    let crc = checksum(&block.as_bytes()[20..]);
    block.u32(16, crc);
    block
}

/// `struct mda_header`, with the one raw location that points at the text.
fn area_header(size: u64, text: &[u8]) -> Block {
    let mut block = Block::zeroed(TEXT as usize);
    block
        .put(4, b" LVM2 x[5A%r0N*>")
        .u32(20, 1) // version
        .u64(24, METADATA.0)
        .u64(32, size)
        .u64(40, TEXT)
        .u64(48, text.len() as u64)
        .u32(56, checksum(text));
    let crc = checksum(&block.as_bytes()[4..]);
    block.u32(0, crc);
    block
}

/// LVM's CRC-32: the usual polynomial, an initial value of its own, and no final inversion.
fn checksum(bytes: &[u8]) -> u32 {
    const INITIAL: u32 = 0xf597_a6cf;
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let shift = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
    bytes.iter().fold(INITIAL, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

fn metadata(group: &VolumeGroup, device: &str, epoch: Epoch) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "{} {{", group.name)?;
    group_fields(&mut text, group)?;
    physical_volume_section(&mut text, group, device)?;
    if !group.volumes.is_empty() {
        text.push_str("logical_volumes {\n\n");
        for volume in &group.volumes {
            logical_volume_section(&mut text, volume, epoch)?;
        }
        text.push_str("}\n");
    }
    text.push_str("}\n");
    trailer(&mut text, epoch)?;
    Ok(text)
}

fn group_fields(text: &mut String, group: &VolumeGroup) -> Result<()> {
    writeln!(text, "id = \"{}\"\nseqno = 1\nformat = \"lvm2\"", dashed(&group.id))?;
    text.push_str("status = [\"RESIZEABLE\", \"READ\", \"WRITE\"]\nflags = []\n");
    writeln!(text, "extent_size = {}", group.extent_size.0 / SECTOR)?;
    text.push_str("max_lv = 0\nmax_pv = 0\nmetadata_copies = 0\n\n");
    Ok(())
}

fn physical_volume_section(text: &mut String, group: &VolumeGroup, device: &str) -> Result<()> {
    writeln!(text, "physical_volumes {{\n\npv0 {{\nid = \"{}\"", dashed(&group.pv_id))?;
    writeln!(text, "device = \"{device}\"\n\nstatus = [\"ALLOCATABLE\"]\nflags = []")?;
    writeln!(text, "dev_size = {}", group.device_size.0 / SECTOR)?;
    writeln!(text, "pe_start = {}\npe_count = {}\n}}\n}}\n", group.pe_start.0 / SECTOR, group.extents)?;
    Ok(())
}

fn logical_volume_section(text: &mut String, volume: &LogicalVolume, epoch: Epoch) -> Result<()> {
    let LogicalVolume { name, id, start, extents, drbd: _ } = volume;
    writeln!(
        text,
        "{name} {{\nid = \"{}\"\nstatus = [\"READ\", \"WRITE\", \"VISIBLE\"]\nflags = []",
        dashed(id)
    )?;
    writeln!(text, "creation_time = {}\ncreation_host = \"{HOST}\"\nsegment_count = 1\n", epoch.0)?;
    writeln!(
        text,
        "segment1 {{\nstart_extent = 0\nextent_count = {extents}\n\ntype = \"striped\"\nstripe_count = 1\n"
    )?;
    writeln!(text, "stripes = [\n\"pv0\", {start}\n]\n}}\n}}\n")?;
    Ok(())
}

/// What LVM puts behind the volume group on disk (a backup file has it in front).
fn trailer(text: &mut String, epoch: Epoch) -> Result<()> {
    text.push_str("contents = \"Text Format Volume Group\"\nversion = 1\n\ndescription = \"\"\n\n");
    writeln!(text, "creation_host = \"{HOST}\"\ncreation_time = {}\n", epoch.0)?;
    Ok(())
}

/// `6-4-4-4-4-4-6`, as people and the text write an id.
#[must_use]
pub fn dashed(id: &str) -> String {
    let cuts = [0, 6, 10, 14, 18, 22, 26, 32];
    let parts: Vec<_> = cuts.windows(2).filter_map(|cut| id.get(cut[0]..cut[1])).collect();
    parts.join("-")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "lvm_tests.rs"]
mod tests;
