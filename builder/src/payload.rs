//! Packs what installers unpack. What a payload is made of stands in [`installer::payload`].

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context as _, Result, anyhow};
use installer::payload::manifest::{Chunk, FILE, FORMAT, MAX_CHUNK, Stream, StreamName};
use installer::payload::{Manifest, signature};
use installer::units::Bytes;
use rustix::fs::syncfs;

use crate::failure::Hinted as _;
use crate::media_key::MediaKey;

mod chunks;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod server;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use chunks::{Chunks, new_file};

/// zstd's own default. Higher levels cost more than the network gives back.
pub const LEVEL: i32 = 3;
const THREADS: usize = 2;

/// The streams of a payload, read once from front to end.
pub type Streams<'r> = BTreeMap<StreamName, Box<dyn Read + 'r>>;

/// Packs a payload. The same streams, key and time give the same bytes.
#[derive(Debug)]
pub struct Packer<'a> {
    /// The payload's folder; it is made if it is not there.
    pub out: &'a Path,
    /// Signs the manifest.
    pub key: &'a MediaKey,
    /// The time that the manifest carries, seconds since 1970.
    pub created: u64,
    /// zstd's level, such as [`LEVEL`].
    pub level: i32,
}

impl Packer<'_> {
    /// Writes chunks, manifest and signature. Chunks that are there already are kept, those of other payloads too. The
    /// manifest is put into place when all its chunks are on the disk, its signature behind it: whatever interrupts this,
    /// the folder holds the payload that it held before, or one that no installer takes, or this one.
    ///
    /// # Errors
    /// When a stream cannot be read, a file not be written, or the whole is more than a payload may hold.
    pub fn pack(&self, streams: Streams<'_>) -> Result<Manifest> {
        let chunks = Chunks::new(self.out, self.level)?;
        let pack = |(name, reader): (StreamName, Box<dyn Read + '_>)| {
            let stream = pack_stream(reader, &chunks).with_context(|| format!("cannot pack {name}"))?;
            Ok((name, stream))
        };
        let manifest = Manifest {
            format: FORMAT,
            xbuild: env!("CARGO_PKG_VERSION").to_owned(),
            created: self.created,
            streams: streams.into_iter().map(pack).collect::<Result<_>>()?,
        };
        self.publish(&manifest)?;
        Ok(manifest)
    }

    fn publish(&self, manifest: &Manifest) -> Result<()> {
        let text = manifest
            .to_text()
            .map_err(|because| anyhow!(because))
            .context("the payload is too large for its format")
            .hint("make a payload of fewer profiles")?;
        let comment = format!("timestamp:{}\tfile:{FILE}\thashed", self.created);
        let signature = self.key.sign(&text, &comment)?;
        let manifest = new_file(self.out, &text)?;
        let signature_file = new_file(self.out, signature.as_bytes())?;
        self.sync()?;
        put(manifest, self.out.join(FILE))?;
        put(signature_file, self.out.join(signature::FILE))?;
        self.sync()
    }

    /// All files at once: one by one it takes a second for every few hundred chunks.
    fn sync(&self) -> Result<()> {
        let folder = File::open(self.out);
        folder
            .and_then(|folder| Ok(syncfs(folder)?))
            .with_context(|| format!("cannot sync {}", self.out.display()))
    }
}

fn put(file: tempfile::NamedTempFile, path: PathBuf) -> Result<()> {
    let put = file.persist(&path);
    put.map(drop).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads here, compresses on [`THREADS`] others; the chunks come back in order.
fn pack_stream(mut reader: impl Read, store: &Chunks) -> Result<Stream> {
    let (mut size, mut chunks) = (Bytes::ZERO, Vec::new());
    thread::scope(|scope| {
        let mut running = VecDeque::new();
        loop {
            let piece = read_piece(&mut reader)?;
            if running.len() == THREADS || piece.is_empty() {
                chunks.extend(running.pop_front().map(finish).transpose()?);
            }
            if !piece.is_empty() {
                size = size + Bytes(piece.len() as u64);
                running.push_back(scope.spawn(move || store.keep(&piece)));
            } else if running.is_empty() {
                return Ok(Stream { size, chunks });
            }
        }
    })
}

fn finish(worker: ScopedJoinHandle<'_, Result<Chunk>>) -> Result<Chunk> {
    worker.join().unwrap_or_else(|_| Err(anyhow!("BUG: a compressing thread died")))
}

/// As much as a chunk holds; less only at the end.
fn read_piece(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(MAX_CHUNK.0 as usize);
    reader.take(MAX_CHUNK.0).read_to_end(&mut piece)?;
    Ok(piece)
}
