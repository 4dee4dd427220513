//! What was written to a disk, in order: a log as the kernel's dm-log-writes makes it, and QEMU's `blklogwrites`.
//!
//! Source: the kernel's `Documentation/admin-guide/device-mapper/log-writes.rst` and `drivers/md/dm-log-writes.c`. A
//! superblock in the first sector, then for each request a sector that says what it was, and what it has written behind it.
//! A request is logged when it is done, so what stands before a flush has outlived a power cut after it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

const MAGIC: u64 = 0x006a_7366_7773_6872;
const VERSION: u64 = 1;
/// Of all flags QEMU sets two: it splits writes that have to be durable into a write and a flush, and makes no marks.
const FLUSH: u64 = 1;
const DISCARD: u64 = 4;
/// Four numbers.
const HEADER: usize = 32;

/// A log, in its file.
#[derive(Debug)]
pub struct WriteLog {
    file: File,
    /// In the order in which they were done.
    pub entries: Vec<Entry>,
}

/// A request, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where on the disk.
    pub at: u64,
    /// How much of it.
    pub length: u64,
    /// What.
    pub kind: Kind,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It writes what the log has from this offset on.
    Write(u64),
    /// What was there is of no use any more.
    Discard,
    /// Everything before it is durable from now on.
    Flush,
}

impl WriteLog {
    /// Reads a log, but for what was written.
    ///
    /// # Errors
    /// Not a log, one that ends too early, or one with something that this does not know.
    pub fn open(path: &Path) -> Result<Self> {
        let what = || format!("reading the write log {}", path.display());
        let file = File::open(path).with_context(what)?;
        let entries = entries(&file).with_context(what)?;
        Ok(Self { file, entries })
    }

    /// What a write has written, from `from` on, counted from its start.
    ///
    /// # Panics
    /// When the log ends before it, which [`WriteLog::open`] has made sure of.
    #[must_use]
    pub fn data(&self, written: u64, from: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, written + from).expect("a whole log");
        bytes
    }
}

fn entries(file: &File) -> Result<Vec<Entry>> {
    let [magic, version, count, sector] = numbers(file, 0)?;
    let sector = sector & u64::from(u32::MAX);
    ensure!((magic, version) == (MAGIC, VERSION), "it is none: magic {magic:#x}, version {version}");
    ensure!(sector.is_power_of_two() && sector >= 512, "its sectors have {sector} bytes");
    let end = file.metadata()?.len();
    let mut entries = Vec::new();
    let mut place = sector;
    for number in 0..count {
        let [at, sectors, flags, _] = numbers(file, place).with_context(|| format!("entry {number}"))?;
        place += sector;
        let length = sectors * sector;
        let kind = match flags {
            0 => Kind::Write(place),
            DISCARD => Kind::Discard,
            FLUSH if sectors == 0 => Kind::Flush,
            other => bail!("entry {number} has the flags {other:#x} and {sectors} sectors"),
        };
        if let Kind::Write(_) = kind {
            place += length;
        }
        ensure!(place <= end, "it ends within entry {number} of {count}");
        entries.push(Entry { at: at * sector, length, kind });
    }
    Ok(entries)
}

fn numbers(file: &File, at: u64) -> Result<[u64; 4]> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, at).context("it ends too early")?;
    let mut numbers =
        header.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight")));
    Ok([(); 4].map(|()| numbers.next().expect("four")))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tempfile::NamedTempFile;

    use super::{DISCARD, Entry, FLUSH, Kind, MAGIC, WriteLog};

    const SECTOR: usize = 512;

    fn sector(numbers: [u64; 4]) -> Vec<u8> {
        let mut sector: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        sector.resize(SECTOR, 0);
        sector
    }

    fn log(sectors: &[Vec<u8>]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&sectors.concat()).unwrap();
        file
    }

    #[test]
    fn requests_come_in_their_order_with_what_they_wrote() {
        let file = log(&[
            sector([MAGIC, 1, 4, 512]),
            sector([8, 2, 0, 0]),
            vec![0x11; SECTOR],
            vec![0x22; SECTOR],
            sector([0, 0, FLUSH, 0]),
            sector([16, 100, DISCARD, 0]),
            sector([0, 1, 0, 0]),
            vec![0x33; SECTOR],
        ]);
        let log = WriteLog::open(file.path()).unwrap();
        let entry = |at, length, kind| Entry { at, length, kind };
        assert_eq!(
            log.entries,
            [
                entry(4096, 1024, Kind::Write(1024)),
                entry(0, 0, Kind::Flush),
                entry(8192, 51200, Kind::Discard),
                entry(0, 512, Kind::Write(3584)),
            ]
        );
        assert_eq!(log.data(1024, 512, 2), [0x22, 0x22]);
        assert_eq!(log.data(3584, 0, 1), [0x33]);
    }

    fn refusal(sectors: &[Vec<u8>]) -> String {
        format!("{:#}", WriteLog::open(log(sectors).path()).unwrap_err())
    }

    #[test]
    fn what_is_no_whole_log_is_refused() {
        assert!(refusal(&[sector([1, 1, 0, 512])]).contains("it is none: magic 0x1, version 1"));
        assert!(refusal(&[sector([MAGIC, 1, 0, 3])]).contains("its sectors have 3 bytes"));
        assert!(refusal(&[sector([MAGIC, 1, 1, 512])]).contains("entry 0: it ends too early"));
        let cut_off = [sector([MAGIC, 1, 1, 512]), sector([0, 1, 0, 0])];
        assert!(refusal(&cut_off).contains("it ends within entry 0 of 1"));
        let marked = [sector([MAGIC, 1, 1, 512]), sector([0, 0, 8, 0])];
        assert!(refusal(&marked).contains("entry 0 has the flags 0x8 and 0 sectors"));
    }
}
