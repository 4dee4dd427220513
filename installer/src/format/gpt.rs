//! GUID partition table: protective MBR, primary and backup table (UEFI specification 2.10, chapter 5).
//!
//! Written with `gptman`, which keeps partition numbers; `gpt` 4.1 renumbers sparse ones (1, 14, 15 become 1, 2, 3).

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use crate::plan::{Disk, Partition};
use crate::units::Bytes;
use anyhow::{Context, Result, ensure};
use gptman::{GPT, GPTPartitionEntry};
use mbrman::{CHS, MBRHeader, MBRPartitionEntry};

use super::Piece;
use super::mbr::BOOT_CODE;

/// 128 entries of 128 bytes, as everybody has them.
const ENTRIES: Bytes = Bytes(128 * 128);

/// The protective MBR, the primary and the backup table, in whole sectors but for the MBR: what lies before its byte 440 is
/// boot code, which belongs to [`super::grub`] and [`super::mbr`].
///
/// # Errors
/// A table that does not fit the disk.
pub fn pieces(disk: &Disk) -> Result<[Piece; 3]> {
    let sector = disk.sector_size.bytes();
    ensure!(
        disk.size.0.is_multiple_of(sector.0),
        "BUG: {} is no whole number of {sector}-byte sectors",
        disk.name
    );
    let mut ends = Ends::of(disk)?;
    table(disk, &mut ends)?
        .write_into(&mut ends)
        .with_context(|| format!("laying out the GPT of {}", disk.name))?;
    let mbr = protective_mbr(disk.size.0 / sector.0)?;
    let primary = Piece { at: sector, bytes: ends.head.split_off(sector.0 as usize) };
    let backup = Piece { at: disk.size - Bytes(ends.tail.len() as u64), bytes: ends.tail };
    Ok([mbr, primary, backup])
}

/// Writes [`pieces`] to a file that has the size of the disk.
///
/// # Errors
/// A table that does not fit the disk, or an I/O error.
pub fn write(disk: &Disk, file: &File) -> Result<()> {
    let what = || format!("writing the GPT of {}", disk.name);
    pieces(disk)?.iter().try_for_each(|piece| file.write_all_at(&piece.bytes, piece.at.0)).with_context(what)
}

/// Where the tables lie on a disk: all zeros, until they are written.
struct Ends {
    size: u64,
    at: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Ends {
    fn of(disk: &Disk) -> Result<Self> {
        let (sector, size) = (disk.sector_size.bytes().0, disk.size.0);
        // One sector for the header, and the entries; in front of the primary table the MBR.
        let backup = sector + ENTRIES.0.next_multiple_of(sector);
        ensure!(size > 2 * backup + sector, "{} is too small for a GPT", disk.name);
        let zeros = |length: u64| vec![0; length as usize];
        Ok(Self { size, at: 0, head: zeros(sector + backup), tail: zeros(backup) })
    }

    /// The next `length` bytes.
    fn next(&mut self, length: usize) -> io::Result<&mut [u8]> {
        let tail = self.size - self.tail.len() as u64;
        let (end, from) =
            if self.at < tail { (&mut self.head, self.at) } else { (&mut self.tail, self.at - tail) };
        self.at += length as u64;
        let found = end.get_mut(from as usize..from as usize + length);
        found.ok_or_else(|| io::Error::other("BUG: the GPT reaches into the disk"))
    }
}

impl Read for Ends {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        into.copy_from_slice(self.next(into.len())?);
        Ok(into.len())
    }
}

impl Write for Ends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.next(bytes.len())?.copy_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Ends {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("BUG: a place before the disk"))?;
        Ok(self.at)
    }
}

fn table(disk: &Disk, ends: &mut Ends) -> Result<GPT> {
    let mut table = GPT::new_from(ends, disk.sector_size.into(), disk.guid.to_bytes_le())?;
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
fn protective_mbr(sectors: u64) -> Result<Piece> {
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
    Ok(Piece { at: BOOT_CODE, bytes: sector.into_inner().split_off(BOOT_CODE.0 as usize) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "gpt_tests.rs"]
mod tests;
