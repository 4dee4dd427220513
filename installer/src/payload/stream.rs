//! A stream's bytes, as they arrive.
//!
//! Two threads work ahead of the reader: one fetches chunks and checks their hashes, the other unpacks them. So the next
//! chunk crosses the network while one is unpacked and a third is written to disk. Between fetching and unpacking one
//! chunk may wait, between unpacking and reading none: three packed and two unpacked chunks are in memory at most.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::error::{Because, PayloadError};
use super::fetcher::{Fetcher, Wanted};
use super::manifest::{Chunk, Stream};
use super::patience::Patience;
use super::progress::Progress;
use super::source::Source;
use super::unpacker::Unpacker;

/// How many chunks may wait to be unpacked.
const AHEAD: usize = 1;

type Packed = Result<(Chunk, Vec<u8>), PayloadError>;

/// What comes out of the threads: bytes, or how it ended.
enum Piece {
    Bytes(Vec<u8>),
    End(Result<(), PayloadError>),
}

/// The uncompressed bytes of a stream. No byte comes out of it before its chunk's hash was found right; the end comes only
/// if the size of the whole was right too. An error wraps a [`PayloadError`] (see [`PayloadError::within`]), and
/// stays. When the reader is dropped its threads end, at the latest with the read that they are in.
#[derive(Debug)]
pub struct StreamReader {
    name: String,
    pieces: Receiver<Piece>,
    piece: Vec<u8>,
    /// Bytes of the piece that were handed out.
    used: usize,
    end: Option<Result<(), PayloadError>>,
    progress: Progress,
    _wanted: Wanted,
}

impl StreamReader {
    pub(super) fn start(
        source: Arc<dyn Source>,
        patience: Patience,
        name: &str,
        stream: &Stream,
    ) -> Result<Self, PayloadError> {
        let progress = Progress::of(stream.size);
        let (fetcher, wanted) = Fetcher::new(source, patience, progress.clone());
        let unpacker = Unpacker::new(name, stream.size)?;
        let (packed, unpacked) = sync_channel(AHEAD);
        let (pieces, read) = sync_channel(0);
        let chunks = stream.chunks.clone();
        spawn(name, "fetch", move || fetch(&fetcher, &chunks, &packed))?;
        spawn(name, "unpack", move || unpack(unpacker, &unpacked, &pieces))?;
        let name = name.to_owned();
        Ok(Self { name, pieces: read, piece: Vec::new(), used: 0, end: None, progress, _wanted: wanted })
    }

    /// How far it is; the result may be kept and shown by another thread.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The next piece, or the end.
    fn advance(&mut self) {
        match self.pieces.recv() {
            Ok(Piece::Bytes(bytes)) => (self.piece, self.used) = (bytes, 0),
            Ok(Piece::End(end)) => self.end = Some(end),
            Err(_) => {
                let because = Because("BUG: one of its threads has died".to_owned());
                self.end = Some(Err(PayloadError::NoThread { name: self.name.clone(), because }));
            }
        }
    }
}

impl Read for StreamReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.piece.len() && !buffer.is_empty() {
            match &self.end {
                Some(end) => return end.clone().map(|()| 0).map_err(io::Error::other),
                None => self.advance(),
            }
        }
        let count = buffer.len().min(self.piece.len() - self.used);
        buffer[..count].copy_from_slice(&self.piece[self.used..self.used + count]);
        self.used += count;
        self.progress.add(count);
        Ok(count)
    }
}

fn spawn(name: &str, verb: &str, work: impl FnOnce() + Send + 'static) -> Result<(), PayloadError> {
    let spawned = thread::Builder::new().name(format!("{verb} {name}")).spawn(work);
    spawned.map(drop).map_err(|error| PayloadError::NoThread {
        name: name.to_owned(),
        because: Because(error.to_string()),
    })
}

/// Until the end, an error, or nobody who listens.
fn fetch(fetcher: &Fetcher, chunks: &[Chunk], packed: &SyncSender<Packed>) {
    for chunk in chunks {
        let fetched = fetcher.chunk(chunk).map(|bytes| (*chunk, bytes));
        let failed = fetched.is_err();
        if fetcher.stopped() || packed.send(fetched).is_err() || failed {
            return;
        }
    }
}

fn unpack(unpacker: Unpacker, packed: &Receiver<Packed>, pieces: &SyncSender<Piece>) {
    if let Some(end) = unpack_all(unpacker, packed, pieces) {
        // Nobody listens any more: nobody has to know.
        let _unheard = pieces.send(Piece::End(end));
    }
}

/// How it ended, if there is anybody who wants to know.
fn unpack_all(
    mut unpacker: Unpacker,
    packed: &Receiver<Packed>,
    pieces: &SyncSender<Piece>,
) -> Option<Result<(), PayloadError>> {
    for fetched in packed {
        match fetched.and_then(|(chunk, bytes)| unpacker.unpack(&chunk, &bytes)) {
            Ok(bytes) => pieces.send(Piece::Bytes(bytes)).ok()?,
            Err(error) => return Some(Err(error)),
        }
    }
    Some(unpacker.finish())
}
