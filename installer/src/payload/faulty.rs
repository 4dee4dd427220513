//! A source that fails as it is told, and the streams that it has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::manifest::{Chunk, Stream};
use super::patience::Patience;
use super::source::{ReadFailed, Source};
use super::sum::Sha256Sum;
use crate::units::Bytes;

/// What happens to a read.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It goes well.
    None,
    Fails(ReadFailed),
    FlipsABit,
    IsCutOff,
}

/// Files in memory.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// One for each read; afterwards all goes well.
    pub(super) faults: Mutex<VecDeque<Fault>>,
    /// Hears the name of each file that is read.
    pub(super) reads: Option<Sender<String>>,
    /// Hears of its end.
    pub(super) dropped: Option<Sender<()>>,
}

impl Faulty {
    /// Cuts `bytes` into chunks of `cut`, and holds them.
    pub(super) fn add(&mut self, bytes: &[u8], cut: usize) -> Stream {
        let chunks = bytes.chunks(cut).map(|piece| self.add_chunk(&zstd::bulk::compress(piece, 1).unwrap()));
        let chunks = chunks.collect();
        Stream { size: Bytes(bytes.len() as u64), chunks }
    }

    /// Holds a chunk as it is.
    pub(super) fn add_chunk(&mut self, packed: &[u8]) -> Chunk {
        let chunk = Chunk { sha256: Sha256Sum::of(packed), size: Bytes(packed.len() as u64) };
        self.files.insert(chunk.file(), packed.to_vec());
        chunk
    }

    pub(super) fn fail(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.get_mut().unwrap().extend(faults);
    }
}

impl Source for Faulty {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn read(&self, file: &str, most: Bytes) -> Result<Vec<u8>, ReadFailed> {
        if let Some(reads) = &self.reads {
            reads.send(file.to_owned()).unwrap();
        }
        let not_there = || ReadFailed::NotThere("nobody has put it there".to_owned());
        let mut bytes = self.files.get(file).cloned().ok_or_else(not_there)?;
        match self.faults.lock().unwrap().pop_front() {
            Some(Fault::Fails(failed)) => return Err(failed),
            Some(Fault::FlipsABit) => bytes[0] ^= 1,
            Some(Fault::IsCutOff) => bytes.truncate(bytes.len() / 2),
            Some(Fault::None) | None => {}
        }
        bytes.truncate(most.0 as usize);
        Ok(bytes)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        if let Some(dropped) = &self.dropped {
            // The test may have ended.
            let _unheard = dropped.send(());
        }
    }
}

/// No pauses.
pub(super) fn hasty() -> Patience {
    Patience { tries: 4, copies: 3, pause: Duration::ZERO }
}
