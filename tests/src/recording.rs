//! A machine whose disks remember everything that is written to them, and in which order.
//!
//! QEMU's filter `blklogwrites` keeps a log for each disk, and logs have no common clock. So all disks lie in one file,
//! behind one more filter: its log has the one order of all writes, whatever disk they were for. Which disk a flush was for
//! it does not tell, and a flush of one disk says nothing about another; that is in the disk's own log.

use std::fs::{self, File};
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice;

use anyhow::{Result, ensure};
use builder::vm::Drive;

use crate::write_log::{Entry, Kind, WriteLog};

const MIB: u64 = 1 << 20;

/// Where the disks of a machine lie while it is recorded.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    sizes: Vec<u64>,
}

impl Recorder {
    /// Takes a copy of the disks.
    ///
    /// # Panics
    /// When there is no room.
    #[must_use]
    pub fn new(folder: &Path, disks: &[Drive]) -> Self {
        fs::create_dir_all(folder).expect("a folder for disks");
        let size = |disk: &Drive| disk.path.metadata().expect("a disk").len();
        let recorder = Self { folder: folder.to_owned(), sizes: disks.iter().map(size).collect() };
        let names = recorder.logs();
        for log in names {
            File::create(log).expect("a log");
        }
        File::create(recorder.disks()).expect("a file for disks");
        for (index, disk) in disks.iter().enumerate() {
            copy(&disk.path, &recorder.disks(), recorder.start(index));
        }
        recorder
    }

    /// Where everything lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with all disks, one behind the other.
    #[must_use]
    pub fn disks(&self) -> PathBuf {
        self.folder.join("disks")
    }

    /// Where a disk starts in it.
    #[must_use]
    pub fn start(&self, disk: usize) -> u64 {
        self.sizes[..disk].iter().sum()
    }

    /// QEMU's arguments for the disks.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let file = |name: &str, path: &Path| {
            format!(
                "driver=file,node-name={name},filename={},discard=unmap,cache.no-flush=on",
                path.display()
            )
        };
        let filter = |name: &str, file: &str, log: &str| {
            // The count of entries is kept at every entry: also of those after the last flush.
            format!(
                "driver=blklogwrites,node-name={name},file={file},log={log},log-super-update-interval=1,discard=unmap"
            )
        };
        let mut nodes =
            vec![file("file", &self.disks()), file("log", &self.log()), filter("all", "file", "log")];
        let mut arguments = Vec::new();
        for (disk, size) in self.sizes.iter().enumerate() {
            let start = self.start(disk);
            nodes.push(format!(
                "driver=raw,node-name=slice{disk},file=all,offset={start},size={size},discard=unmap"
            ));
            nodes.push(file(&format!("log{disk}"), &self.own_log(disk)));
            nodes.push(filter(&format!("disk{disk}"), &format!("slice{disk}"), &format!("log{disk}")));
            arguments.push("-device".to_owned());
            // They share what is below, so each has to tolerate that others write there. Requests that the device has merged
            // can have as many pieces as a system call takes (IOV_MAX), and blklogwrites puts two more in front of them: what
            // is then in its log is nothing.
            arguments.push(format!(
                "virtio-blk-pci,drive=disk{disk},serial=disk{disk},bootindex={},share-rw=on,request-merging=off",
                disk + 1
            ));
        }
        nodes.into_iter().flat_map(|node| ["-blockdev".to_owned(), node]).chain(arguments).collect()
    }

    /// What was recorded.
    ///
    /// # Errors
    /// Logs that cannot be read, or do not agree with each other.
    pub fn finish(&self) -> Result<Recording> {
        let log = WriteLog::open(&self.log())?;
        let own = (0..self.sizes.len()).map(|disk| Ok(WriteLog::open(&self.own_log(disk))?.entries));
        let events = merge(&log.entries, &own.collect::<Result<Vec<_>>>()?, |at| self.disk_at(at))?;
        Ok(Recording { log, events })
    }

    /// Removes it all: logs have everything once more.
    ///
    /// # Panics
    /// When it is not there.
    pub fn remove(&self) {
        fs::remove_dir_all(&self.folder).expect("a folder of our own");
    }

    fn disk_at(&self, at: u64) -> (usize, u64) {
        let disk = (0..self.sizes.len()).rfind(|disk| self.start(*disk) <= at).unwrap_or_default();
        (disk, at - self.start(disk))
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn own_log(&self, disk: usize) -> PathBuf {
        self.folder.join(format!("log{disk}"))
    }

    fn logs(&self) -> Vec<PathBuf> {
        (0..self.sizes.len()).map(|disk| self.own_log(disk)).chain([self.log()]).collect()
    }
}

/// The holes of `from` stay holes.
fn copy(from: &Path, to: &Path, at: u64) {
    let mut dd = Command::new("dd");
    dd.arg(format!("if={}", from.display())).arg(format!("of={}", to.display()));
    dd.args(["bs=1M", "conv=sparse,notrunc", "status=none"]).arg(format!("seek={}", at / MIB));
    assert!(dd.status().is_ok_and(|status| status.success()), "dd failed");
    let end = at + from.metadata().expect("a disk").len();
    let whole = File::options().write(true).open(to).and_then(|file| file.set_len(end));
    whole.expect("room for a disk");
}

/// A request to one of the disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The disk.
    pub disk: usize,
    /// What; its place is on the disk.
    pub entry: Entry,
}

/// Everything that was written to the disks of a machine, in one order.
#[derive(Debug)]
pub struct Recording {
    /// What was written.
    pub log: WriteLog,
    /// The requests.
    pub events: Vec<Event>,
}

/// As in `all`, whose flushes get the disks that know of one there: of several the one that has waited longest. A flush that
/// was spared, since another disk's one had just been done, comes as late as it can.
fn merge(all: &[Entry], own: &[Vec<Entry>], disk_at: impl Fn(u64) -> (usize, u64)) -> Result<Vec<Event>> {
    let mut rest: Vec<_> = own.iter().map(|entries| entries.iter().peekable()).collect();
    let mut written = vec![0; own.len()];
    let mut events = Vec::new();
    for (number, entry) in all.iter().enumerate() {
        if entry.kind == Kind::Flush {
            let mut waiting: Vec<usize> =
                (0..own.len()).filter(|disk| awaits_flush(&mut rest[*disk])).collect();
            waiting.sort_by_key(|disk| written[*disk]);
            events.extend(waiting.first().and_then(|disk| flush(*disk, &mut rest[*disk])));
            continue;
        }
        let (disk, at) = disk_at(entry.at);
        events.extend(std::iter::from_fn(|| flush(disk, &mut rest[disk])));
        ensure!(rest[disk].next().is_some(), "disk {disk} does not know of a write to it at {at}");
        written[disk] = number;
        events.push(Event { disk, entry: Entry { at, ..entry.clone() } });
    }
    for (disk, rest) in rest.iter_mut().enumerate() {
        events.extend(std::iter::from_fn(|| flush(disk, rest)));
        let more = rest.next().map(|entry| entry.at);
        ensure!(more.is_none(), "disk {disk} alone knows of a write to it at {}", more.unwrap_or_default());
    }
    Ok(events)
}

type Entries<'e> = Peekable<slice::Iter<'e, Entry>>;

fn awaits_flush(entries: &mut Entries<'_>) -> bool {
    entries.peek().is_some_and(|entry| entry.kind == Kind::Flush)
}

fn flush(disk: usize, entries: &mut Entries<'_>) -> Option<Event> {
    let entry = entries.next_if(|entry| entry.kind == Kind::Flush)?;
    Some(Event { disk, entry: entry.clone() })
}

#[cfg(test)]
mod tests {
    use super::{Event, merge};
    use crate::write_log::{Entry, Kind};

    const FLUSH: Entry = Entry { at: 0, length: 0, kind: Kind::Flush };

    fn write(at: u64) -> Entry {
        Entry { at, length: 512, kind: Kind::Write(0) }
    }

    fn halves(at: u64) -> (usize, u64) {
        if at < 4096 { (0, at) } else { (1, at - 4096) }
    }

    fn event(disk: usize, entry: Entry) -> Event {
        Event { disk, entry }
    }

    /// The filter that sees all disks sees three flushes, of nobody knows which disk.
    #[test]
    fn a_flush_belongs_to_the_disk_that_knows_of_it() {
        let all = [write(0), FLUSH, write(4096), write(512), FLUSH, FLUSH, write(4608)];
        let own = [vec![write(0), FLUSH, write(512), FLUSH], vec![write(0), FLUSH, write(512)]];
        assert_eq!(
            merge(&all, &own, halves).unwrap(),
            [
                event(0, write(0)),
                event(0, FLUSH),
                event(1, write(0)),
                event(0, write(512)),
                event(1, FLUSH),
                event(0, FLUSH),
                event(1, write(512)),
            ]
        );
    }

    #[test]
    fn a_flush_that_was_spared_comes_late() {
        let all = [write(0), write(4096), FLUSH, write(512)];
        let own = [vec![write(0), FLUSH, write(512)], vec![write(0), FLUSH]];
        let merged = merge(&all, &own, halves).unwrap();
        let flushed = [event(0, FLUSH), event(0, write(512)), event(1, FLUSH)];
        assert_eq!(merged[2..], flushed);
    }

    #[test]
    fn logs_that_disagree_are_refused() {
        let error = |all: &[Entry], own: &[Vec<Entry>]| merge(all, own, halves).unwrap_err().to_string();
        assert_eq!(error(&[write(4096)], &[vec![], vec![]]), "disk 1 does not know of a write to it at 0");
        assert_eq!(error(&[], &[vec![write(512)], vec![]]), "disk 0 alone knows of a write to it at 512");
    }
}
