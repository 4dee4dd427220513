//! From chunks back to the stream.

use zstd::bulk::Decompressor;
use zstd::zstd_safe::find_frame_compressed_size;

use super::error::{Because, PayloadError};
use super::manifest::{Chunk, MAX_CHUNK};
use crate::units::Bytes;

/// Unpacks chunks in order, and knows how much they are together.
pub(super) struct Unpacker {
    name: String,
    whole: Bytes,
    size: u64,
    zstd: Decompressor<'static>,
}

impl Unpacker {
    pub(super) fn new(name: &str, whole: Bytes) -> Result<Self, PayloadError> {
        let name = name.to_owned();
        let zstd = Decompressor::new().map_err(|error| PayloadError::NoThread {
            name: name.clone(),
            because: Because(error.to_string()),
        })?;
        Ok(Self { name, whole, size: 0, zstd })
    }

    /// The bytes of the next chunk; `packed` has the right hash.
    ///
    /// # Errors
    /// When it is not one frame of at most 4 MiB, or more than the stream should have.
    pub(super) fn unpack(&mut self, chunk: &Chunk, packed: &[u8]) -> Result<Vec<u8>, PayloadError> {
        let bytes = self.frame(packed).map_err(|because| PayloadError::NoFrame {
            file: chunk.file(),
            name: self.name.clone(),
            because: Because(because),
        })?;
        self.size += bytes.len() as u64;
        if self.size > self.whole.0 {
            return Err(self.wrong(format!("it has more than {} bytes", self.whole.0)));
        }
        Ok(bytes)
    }

    fn frame(&mut self, packed: &[u8]) -> Result<Vec<u8>, String> {
        let frame = find_frame_compressed_size(packed).map_err(|_| "it is no zstd frame".to_owned())?;
        if frame != packed.len() {
            return Err("it is more than one zstd frame".to_owned());
        }
        let bytes = self.zstd.decompress(packed, MAX_CHUNK.0 as usize).map_err(|error| error.to_string())?;
        if bytes.is_empty() { Err("there is nothing in it".to_owned()) } else { Ok(bytes) }
    }

    /// # Errors
    /// When all chunks together are less than the stream.
    pub(super) fn finish(self) -> Result<(), PayloadError> {
        if self.size != self.whole.0 {
            return Err(self.wrong(format!("it has {} bytes instead of {}", self.size, self.whole.0)));
        }
        Ok(())
    }

    fn wrong(&self, because: String) -> PayloadError {
        PayloadError::WrongStream { name: self.name.clone(), because: Because(because) }
    }
}
