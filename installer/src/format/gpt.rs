//! GUID partition table: protective MBR, primary and backup table (UEFI specification 2.10, chapter 5).
//!
//! Written with `gptman`, which keeps partition numbers; `gpt` 4.1 renumbers sparse ones (1, 14, 15 become 1, 2, 3).

use std::fs::File;
use std::io::Cursor;
use std::os::unix::fs::FileExt;

use crate::plan::{Disk, Partition};
use crate::units::Bytes;
use anyhow::{Context, Result, ensure};
use gptman::{GPT, GPTPartitionEntry};
use mbrman::{CHS, MBRHeader, MBRPartitionEntry};

/// Writes the protective MBR and both tables. `file` has the size of the disk; the first 440 bytes are left alone:
/// they are boot code, which belongs to [`super::grub`].
///
/// # Errors
/// A table that does not fit the disk, or an I/O error.
pub fn write(disk: &Disk, mut file: &File) -> Result<()> {
    let sector = disk.sector_size.bytes();
    ensure!(
        disk.size.0.is_multiple_of(sector.0),
        "BUG: {} is no whole number of {sector}-byte sectors",
        disk.name
    );
    let mut table = table(disk, file)?;
    write_protective_mbr(disk.size.0 / sector.0, file).context("writing the protective MBR")?;
    table.write_into(&mut file).with_context(|| format!("writing the GPT of {}", disk.name))?;
    Ok(())
}

fn table(disk: &Disk, mut file: &File) -> Result<GPT> {
    let mut table = GPT::new_from(&mut file, disk.sector_size.into(), disk.guid.to_bytes_le())?;
    for partition in &disk.partitions {
        let number = partition.number;
        let fits = (1..=table.header.number_of_partition_entries).contains(&number);
        ensure!(fits && table[number].is_unused(), "BUG: partition number {number} on {}", disk.name);
        table[number] = entry(partition, disk.sector_size.bytes())?;
    }
    Ok(table)
}

fn entry(partition: &Partition, sector: Bytes) -> Result<GPTPartitionEntry> {
    let Partition { name, start, size, .. } = partition;
    ensure!(name.encode_utf16().count() <= 36, "the partition name `{name}` is longer than 36 characters");
    Ok(GPTPartitionEntry {
        partition_type_guid: partition.kind.type_guid().to_bytes_le(),
        unique_partition_guid: partition.guid.to_bytes_le(),
        starting_lba: start.0 / sector.0,
        ending_lba: (start.0 + size.0) / sector.0 - 1,
        attribute_bits: 0,
        partition_name: name.as_str().into(),
    })
}

/// One entry of type 0xEE over the whole disk; its size is all ones if it does not fit into 32 bits.
fn write_protective_mbr(sectors: u64, file: &File) -> Result<()> {
    let mut header = MBRHeader::new([0; 4]);
    header.partition_1 = MBRPartitionEntry {
        boot: mbrman::BOOT_INACTIVE,
        first_chs: CHS::new(0, 0, 2),
        sys: 0xee,
        last_chs: CHS::new(1023, 255, 63),
        starting_lba: 1,
        sectors: u32::try_from(sectors - 1).unwrap_or(u32::MAX),
    };
    let mut sector = Cursor::new(Vec::new());
    header.write_into(&mut sector)?;
    // Behind the boot code: that belongs to GRUB, and is written last.
    file.write_all_at(&sector.into_inner()[440..], 440)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "gpt_tests.rs"]
mod tests;
