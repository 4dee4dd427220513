//! Disks as a power cut leaves them: replayed from a recording up to the cut.
//!
//! What a disk was told to flush before the cut is there. Of what came later any part may be, in any order, sector by
//! sector. All parts are too many, so [`Landed`] takes those that are dangerous: what lets a firmware start something lands
//! without the rest, or the rest without it.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use builder::vm::Drive;
use rustix::fs::{FallocateFlags, fallocate};

use crate::recording::{Event, Recording};
use crate::write_log::Kind;

const SECTOR: u64 = 512;
const CHUNK: u64 = 1 << 20;

/// A moment, and what of the writes that were not flushed by then is on the disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Before the event of that number.
    pub at: usize,
    /// What has landed.
    pub landed: Landed,
}

/// Which of the writes that nobody has flushed are on the disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// None.
    Nothing,
    /// The first sector of each critical place.
    Heads,
    /// Those to critical places.
    Critical,
    /// Those to all other places.
    Others,
    /// All.
    Everything,
}

impl Landed {
    const ALL: [Self; 5] = [Self::Nothing, Self::Heads, Self::Critical, Self::Others, Self::Everything];

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "what was flushed",
            Self::Heads => "and first sectors of boot code",
            Self::Critical => "and boot code",
            Self::Others => "and all but boot code",
            Self::Everything => "everything",
        }
    }

    /// Which parts of a write have landed.
    fn parts(self, write: &Range<u64>, critical: &[Range<u64>]) -> Vec<Range<u64>> {
        let within = |place: &Range<u64>| place.start.max(write.start)..place.end.min(write.end);
        let head = |place: &Range<u64>| within(&(place.start..place.start + SECTOR));
        let parts: Vec<_> = match self {
            Self::Nothing => Vec::new(),
            Self::Heads => critical.iter().map(head).collect(),
            Self::Critical => critical.iter().map(within).collect(),
            Self::Others => outside(write, critical),
            Self::Everything => vec![write.clone()],
        };
        parts.into_iter().filter(|part| part.start < part.end).collect()
    }
}

/// What of a range lies between places, which come in their order.
fn outside(range: &Range<u64>, places: &[Range<u64>]) -> Vec<Range<u64>> {
    let starts = [range.start].into_iter().chain(places.iter().map(|place| place.end.max(range.start)));
    let ends = places.iter().map(|place| place.start.min(range.end)).chain([range.end]);
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

/// What was written, and the places of each disk, in their order, that a firmware starts something from.
#[derive(Debug)]
pub struct History<'r> {
    /// What was written.
    pub recording: &'r Recording,
    /// The places of each disk.
    pub critical: Vec<Vec<Range<u64>>>,
}

impl History<'_> {
    /// The first moment and the last one; before each flush of a disk that makes something in a critical place durable,
    /// with each part of what is not yet durable; and `more` others, evenly over the bytes.
    #[must_use]
    pub fn cuts(&self, more: u64) -> Vec<Cut> {
        let events = &self.recording.events;
        let closes = |at: &usize| {
            let flush = &events[*at];
            let critical = |event: usize| !self.parts(event, Landed::Critical).is_empty();
            flush.entry.kind == Kind::Flush
                && self.pending(*at).any(|event| events[event].disk == flush.disk && critical(event))
        };
        let mut moments: BTreeSet<usize> = (0..events.len()).filter(closes).collect();
        moments.extend([0, events.len()]);
        moments.extend(self.evenly(more));
        let mut seen = HashSet::new();
        let every = moments.into_iter().flat_map(|at| Landed::ALL.map(|landed| Cut { at, landed }));
        every.filter(|cut| seen.insert(self.digest(*cut))).collect()
    }

    fn evenly(&self, count: u64) -> Vec<usize> {
        let events = &self.recording.events;
        let total: u64 = events.iter().map(|event| event.entry.length).sum();
        let mut done = 0;
        let mut places = Vec::new();
        for (at, event) in events.iter().enumerate() {
            let before = done * (count + 1) / total;
            done += event.entry.length;
            if done * (count + 1) / total > before && places.len() < count as usize {
                places.push(at + 1);
            }
        }
        places
    }

    /// The event from which on a disk has flushed nothing.
    fn flushed(&self, disk: usize, at: usize) -> usize {
        let is_flush = |event: &Event| event.disk == disk && event.entry.kind == Kind::Flush;
        self.recording.events[..at].iter().rposition(is_flush).map_or(0, |flush| flush + 1)
    }

    /// What is not yet durable.
    fn pending(&self, at: usize) -> impl Iterator<Item = usize> {
        let flushed: Vec<_> = (0..self.critical.len()).map(|disk| self.flushed(disk, at)).collect();
        (0..at).filter(move |event| *event >= flushed[self.recording.events[*event].disk])
    }

    fn parts(&self, event: usize, landed: Landed) -> Vec<Range<u64>> {
        let Event { disk, entry } = &self.recording.events[event];
        landed.parts(&(entry.at..entry.at + entry.length), &self.critical[*disk])
    }

    /// Tells apart what is on the disks at different cuts.
    fn digest(&self, cut: Cut) -> u64 {
        let pending: BTreeSet<usize> = self.pending(cut.at).collect();
        let mut hasher = DefaultHasher::new();
        for event in 0..cut.at {
            let landed = if pending.contains(&event) { cut.landed } else { Landed::Everything };
            self.parts(event, landed).iter().for_each(|part| (event, part).hash(&mut hasher));
        }
        hasher.finish()
    }

    /// Which node is there, if `changing` are the events that change something outside of critical places.
    #[must_use]
    pub fn node(&self, changing: &[usize], cut: Cut) -> Node {
        let pending: BTreeSet<usize> = self.pending(cut.at).collect();
        let also_pending = matches!(cut.landed, Landed::Others | Landed::Everything);
        let landed = |event: &&usize| **event < cut.at && (also_pending || !pending.contains(event));
        match changing.iter().filter(landed).count() {
            0 => Node::Old,
            count if count == changing.len() => Node::New,
            _ => Node::Half,
        }
    }
}

/// What is on the disks outside of critical places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// What was there before, to the last byte.
    Old,
    /// Something of the one and something of the other.
    Half,
    /// What is there at the end, to the last byte.
    New,
}

/// Disks that are brought from one cut to the next.
#[derive(Debug)]
pub struct Replay<'h> {
    history: &'h History<'h>,
    files: Vec<File>,
    /// Up to which event each disk has everything.
    durable: Vec<usize>,
    /// What was where something is that may be gone at the next cut.
    before: Vec<(usize, u64, Vec<u8>)>,
}

impl<'h> Replay<'h> {
    /// From the disks as they were when the recording began; they are written to.
    ///
    /// # Panics
    /// When they are not there.
    #[must_use]
    pub fn new(history: &'h History<'h>, disks: &[Drive]) -> Self {
        let open = |disk: &Drive| File::options().read(true).write(true).open(&disk.path).expect("a disk");
        let files: Vec<_> = disks.iter().map(open).collect();
        Self { history, durable: vec![0; files.len()], files, before: Vec::new() }
    }

    /// Brings the disks to a cut, which does not lie before the last one.
    pub fn advance(&mut self, cut: Cut) {
        for (disk, at, bytes) in std::mem::take(&mut self.before).into_iter().rev() {
            self.write(disk, at, &bytes);
        }
        for disk in 0..self.files.len() {
            let flushed = self.history.flushed(disk, cut.at);
            for event in self.durable[disk]..flushed {
                self.land(disk, event, Landed::Everything);
            }
            self.durable[disk] = self.durable[disk].max(flushed);
        }
        for event in self.history.pending(cut.at) {
            let disk = self.history.recording.events[event].disk;
            for chunk in self.history.parts(event, cut.landed).iter().flat_map(chunks) {
                let bytes = self.read(disk, &chunk);
                self.before.push((disk, chunk.start, bytes));
            }
            self.land(disk, event, cut.landed);
        }
    }

    /// Brings the disks to the end; the result is the events that change something outside of critical places.
    ///
    /// # Panics
    /// When they are not at the start.
    #[must_use]
    pub fn finish(self) -> Vec<usize> {
        assert!(self.durable.iter().all(|durable| *durable == 0));
        let mut changing = Vec::new();
        for (number, event) in self.history.recording.events.iter().enumerate() {
            let parts = self.history.parts(number, Landed::Others);
            let mut chunks = parts.iter().flat_map(chunks);
            if chunks.any(|chunk| self.read(event.disk, &chunk) != self.written(number, &chunk)) {
                changing.push(number);
            }
            self.land(event.disk, number, Landed::Everything);
        }
        changing
    }

    fn land(&self, disk: usize, event: usize, landed: Landed) {
        if self.history.recording.events[event].disk == disk {
            for chunk in self.history.parts(event, landed).iter().flat_map(chunks) {
                self.write(disk, chunk.start, &self.written(event, &chunk));
            }
        }
    }

    /// A disk may give anything where something was discarded; this one gives zeros.
    fn written(&self, event: usize, part: &Range<u64>) -> Vec<u8> {
        let entry = &self.history.recording.events[event].entry;
        let length = (part.end - part.start) as usize;
        match entry.kind {
            Kind::Write(data) => self.history.recording.log.data(data, part.start - entry.at, length),
            Kind::Discard | Kind::Flush => vec![0; length],
        }
    }

    fn read(&self, disk: usize, part: &Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; (part.end - part.start) as usize];
        self.files[disk].read_exact_at(&mut bytes, part.start).expect("so much on the disk");
        bytes
    }

    /// Zeros are holes: what a node leaves empty takes no room.
    fn write(&self, disk: usize, at: u64, bytes: &[u8]) {
        let file = &self.files[disk];
        if bytes.iter().all(|byte| *byte == 0) {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(file, hole, at, bytes.len() as u64).expect("holes in files");
        } else {
            file.write_all_at(bytes, at).expect("room on the disk");
        }
    }
}

fn chunks(part: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let Range { start, end } = part.clone();
    (start..end).step_by(CHUNK as usize).map(move |at| at..end.min(at + CHUNK))
}

#[cfg(test)]
#[path = "power_cut_tests.rs"]
mod tests;
