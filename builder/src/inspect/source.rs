//! What can be read at an offset: a disk, a part of it, and what md and LVM make of several.
//!
//! Numbers that come from a disk are hostile. So a read is cut to what lies before the end and to [`MOST`], whatever it
//! asks for, and what cannot be read is just not there.

mod dealt;
mod disk;

use std::rc::Rc;

use installer::units::Bytes;

pub use self::dealt::Dealt;
pub use self::disk::Disk;

/// The most that is read at once.
pub const MOST: usize = 8 << 20;

/// Something that can be read.
pub trait Source: std::fmt::Debug {
    /// Where it ends.
    fn size(&self) -> Bytes;

    /// The bytes at an offset: fewer than asked for where it ends, where it cannot be read, and beyond [`MOST`].
    fn read(&self, at: Bytes, length: usize) -> Vec<u8>;
}

/// A source that several others lie on.
pub type Shared = Rc<dyn Source>;

/// So much of a request that starts at `at` lies before `end`.
fn within(end: Bytes, at: Bytes, length: usize) -> usize {
    let rest = usize::try_from(end.saturating_sub(at).0).unwrap_or(usize::MAX);
    length.min(rest).min(MOST)
}

/// Bytes in memory.
impl Source for Vec<u8> {
    fn size(&self) -> Bytes {
        Bytes(self.len() as u64)
    }

    fn read(&self, at: Bytes, length: usize) -> Vec<u8> {
        let length = within(self.size(), at, length);
        let start = usize::try_from(at.0).unwrap_or(usize::MAX);
        let end = start.saturating_add(length);
        self.get(start..end).unwrap_or_default().to_vec()
    }
}

/// A part of another source: a partition, a member's data, an extent.
#[derive(Clone, Debug)]
pub struct Window {
    on: Shared,
    start: Bytes,
    size: Bytes,
}

impl Window {
    /// `size` bytes from `start`, or as many as there are.
    #[must_use]
    pub fn new(on: &Shared, start: Bytes, size: Bytes) -> Self {
        let rest = on.size().saturating_sub(start);
        Self { on: Rc::clone(on), start, size: size.min(rest) }
    }
}

impl Source for Window {
    fn size(&self) -> Bytes {
        self.size
    }

    fn read(&self, at: Bytes, length: usize) -> Vec<u8> {
        let length = within(self.size, at, length);
        self.on.read(Bytes(self.start.0.saturating_add(at.0)), length)
    }
}

/// Equal sources, of which the first that can be read is: RAID1.
#[derive(Clone, Debug)]
pub struct Mirror {
    copies: Vec<Shared>,
    size: Bytes,
}

impl Mirror {
    /// A mirror of that size.
    #[must_use]
    pub const fn new(copies: Vec<Shared>, size: Bytes) -> Self {
        Self { copies, size }
    }
}

impl Source for Mirror {
    fn size(&self) -> Bytes {
        self.size
    }

    fn read(&self, at: Bytes, length: usize) -> Vec<u8> {
        first_whole(self.copies.iter().map(|copy| (copy, at)), within(self.size, at, length))
    }
}

/// Reads the first of several places that gives all, else what gives most.
fn first_whole<'a>(places: impl Iterator<Item = (&'a Shared, Bytes)>, length: usize) -> Vec<u8> {
    let mut best = Vec::new();
    for (source, at) in places {
        let bytes = source.read(at, length);
        if bytes.len() > best.len() {
            best = bytes;
        }
        if best.len() >= length {
            break;
        }
    }
    best
}

/// Sources one behind the other: the segments of a logical volume.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Each with the offset at which it starts.
    parts: Vec<(Bytes, Shared)>,
    size: Bytes,
}

impl Chain {
    /// Puts one more behind those that are there.
    pub fn push(&mut self, part: Shared) {
        let start = self.size;
        self.size = Bytes(start.0.saturating_add(part.size().0));
        self.parts.push((start, part));
    }
}

impl Source for Chain {
    fn size(&self) -> Bytes {
        self.size
    }

    fn read(&self, at: Bytes, length: usize) -> Vec<u8> {
        let length = within(self.size, at, length);
        let mut bytes = Vec::new();
        let first = self.parts.partition_point(|(start, part)| start.0.saturating_add(part.size().0) <= at.0);
        for (start, part) in self.parts.iter().skip(first) {
            let next = Bytes(at.0.saturating_add(bytes.len() as u64));
            let wanted = length - bytes.len();
            let got = part.read(next.saturating_sub(*start), wanted);
            let whole = within(part.size(), next.saturating_sub(*start), wanted) == got.len();
            bytes.extend(got);
            if bytes.len() >= length || !whole {
                break;
            }
        }
        bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "source_tests.rs"]
mod tests;
