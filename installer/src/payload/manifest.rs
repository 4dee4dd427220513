//! `manifest.json`: what a payload holds.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::sum::Sha256Sum;
use crate::units::Bytes;

/// The file's name.
pub const FILE: &str = "manifest.json";
/// The version of the format that this program reads and writes.
pub const FORMAT: u32 = 1;
/// Uncompressed bytes of a chunk, at most; all but the last of a stream have as many.
pub const MAX_CHUNK: Bytes = Bytes::mib(4);
/// Compressed bytes of a chunk, at most. Bytes that cannot be compressed grow by less than this leaves room for.
pub const MAX_PACKED: Bytes = Bytes(MAX_CHUNK.0 + (64 << 10));
/// Bytes of a manifest, at most: 65536 chunks with room to spare.
pub const MAX_MANIFEST: Bytes = Bytes::mib(8);
/// Chunks of all streams together, at most: 256 GiB.
pub const MAX_CHUNKS: usize = 1 << 16;
/// Streams, at most.
pub const MAX_STREAMS: usize = 64;
/// Letters of a stream's name, at most.
pub const MAX_NAME: usize = 64;
const MAX_VERSION: usize = 64;

/// What a payload holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of xbuild that made it.
    pub xbuild: String,
    /// The time it carries, seconds since 1970.
    pub created: u64,
    /// Its streams by name.
    pub streams: BTreeMap<StreamName, Stream>,
}

/// Bytes in order, such as a tar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// Uncompressed.
    pub size: Bytes,
    /// In order. Their hashes say what it is: a frame unpacks to the same bytes everywhere.
    pub chunks: Vec<Chunk>,
}

/// A part of a stream: one zstd frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// Of its compressed bytes.
    pub sha256: Sha256Sum,
    /// Compressed.
    pub size: Bytes,
}

impl Chunk {
    /// Its file below the payload's folder: `chunks/HH/HASH.zst`, where HH are the first two digits of HASH.
    #[must_use]
    pub fn file(&self) -> String {
        let hash = self.sha256.to_string();
        format!("chunks/{}/{hash}.zst", &hash[..2])
    }
}

/// The name of a stream, such as `rootfs/storage`: parts of `a-z 0-9 . -` between slashes, 64 letters at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(String);

impl StreamName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for StreamName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.0
    }
}

impl TryFrom<String> for StreamName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let letter = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(letter);
        if name.len() <= MAX_NAME && name.split('/').all(part) {
            return Ok(Self(name));
        }
        let start: String = name.chars().take(MAX_NAME).collect();
        Err(format!("{start:?} is no name of a stream: at most {MAX_NAME} of a-z, 0-9, `.`, `-` and `/`"))
    }
}

/// What every version of the format begins with.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    /// Reads a manifest, and holds it against every limit. What it takes in memory is bounded by the length of `text`.
    ///
    /// # Errors
    /// Why it makes no sense.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        within("bytes", text.len(), MAX_MANIFEST.0 as usize)?;
        let Version { format } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if format != FORMAT {
            return Err(format!("it is of format {format}, not {FORMAT}"));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        manifest.check()?;
        Ok(manifest)
    }

    /// As it is written: one line, always the same for the same manifest.
    ///
    /// # Errors
    /// When it breaks a limit, so that nobody would read it.
    pub fn to_text(&self) -> Result<Vec<u8>, String> {
        self.check()?;
        let mut text = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        text.push(b'\n');
        within("bytes", text.len(), MAX_MANIFEST.0 as usize)?;
        Ok(text)
    }

    fn check(&self) -> Result<(), String> {
        within("letters of a version", self.xbuild.len(), MAX_VERSION)?;
        within("streams", self.streams.len(), MAX_STREAMS)?;
        within("chunks", self.streams.values().map(|stream| stream.chunks.len()).sum(), MAX_CHUNKS)?;
        self.streams
            .iter()
            .try_for_each(|(name, stream)| stream.check().map_err(|wrong| format!("stream {name}: {wrong}")))
    }
}

impl Stream {
    /// As many bytes as its chunks can hold, each of them at least one.
    fn check(&self) -> Result<(), String> {
        let count = self.chunks.len() as u64;
        if self.size.0 < count || self.size > MAX_CHUNK * count {
            return Err(format!("{} bytes cannot lie in {count} chunks", self.size.0));
        }
        match self.chunks.iter().position(|chunk| chunk.size == Bytes::ZERO || chunk.size > MAX_PACKED) {
            Some(index) => Err(format!("chunk {index} has {} bytes", self.chunks[index].size.0)),
            None => Ok(()),
        }
    }
}

fn within(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most { Ok(()) } else { Err(format!("it has {count} {what}, and may have {most}")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Manifest, StreamName};

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn manifest(name: &str, hash: &str, size: u64, chunks: &[u64]) -> String {
        let chunk = |size: &u64| format!(r#"{{"sha256":"{hash}","size":{size}}}"#);
        let chunks: Vec<String> = chunks.iter().map(chunk).collect();
        format!(
            r#"{{"format":1,"xbuild":"0.1.0","created":7,"streams":{{"{name}":{{"size":{size},"chunks":[{}]}}}}}}"#,
            chunks.join(",")
        )
    }

    fn refused(text: &str) -> String {
        Manifest::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_manifest_is_read_as_it_is_written() {
        let text = manifest("rootfs/storage", HASH, (4 << 20) + 1, &[4_259_840, 1]) + "\n";
        let parsed = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.to_text().unwrap(), text.as_bytes());
        let chunk = &parsed.streams["rootfs/storage"].chunks[0];
        assert_eq!(chunk.file(), format!("chunks/9f/{HASH}.zst"));
    }

    #[test]
    fn a_stream_may_be_empty() {
        assert!(Manifest::parse(manifest("source", HASH, 0, &[]).as_bytes()).is_ok());
    }

    #[test]
    fn names_stay_in_their_folder() {
        for good in ["source", "rootfs/storage", "boot/storage-lvm.1"] {
            assert!(StreamName::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", "..", "a/../b", ".", "A", "a_b", "a b", "ä"] {
            assert!(StreamName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(
            StreamName::try_from("a".repeat(1000)).unwrap_err(),
            format!(
                "\"{}\" is no name of a stream: at most 64 of a-z, 0-9, `.`, `-` and `/`",
                "a".repeat(64)
            )
        );
    }

    #[test]
    fn every_limit_is_checked() {
        let sized = |size, chunks: &[u64]| refused(&manifest("s", HASH, size, chunks));
        assert_eq!(sized(1, &[]), "stream s: 1 bytes cannot lie in 0 chunks");
        assert_eq!(sized(1, &[1, 1]), "stream s: 1 bytes cannot lie in 2 chunks");
        assert_eq!(sized((4 << 20) + 1, &[9]), "stream s: 4194305 bytes cannot lie in 1 chunks");
        assert_eq!(sized(2, &[1, 0]), "stream s: chunk 1 has 0 bytes");
        assert_eq!(sized(1, &[4_259_841]), "stream s: chunk 0 has 4259841 bytes");
        assert_eq!(sized(u64::MAX, &[1]), format!("stream s: {} bytes cannot lie in 1 chunks", u64::MAX));
        let many = vec![1; 65_537];
        assert_eq!(sized(1, &many), "it has 65537 chunks, and may have 65536");
        let long = manifest("s", HASH, 0, &[]) + &" ".repeat(8 << 20);
        assert_eq!(refused(&long), format!("it has {} bytes, and may have 8388608", long.len()));
    }

    #[test]
    fn what_is_no_manifest_is_said() {
        assert_eq!(refused(""), "EOF while parsing a value at line 1 column 0");
        assert_eq!(refused(r#"{"format":2,"new":true}"#), "it is of format 2, not 1");
        let upper = manifest("s", &HASH.to_uppercase(), 1, &[1]);
        assert!(refused(&upper).starts_with("a SHA-256 has 64 digits of 0-9 and a-f at line 1"));
        assert!(refused(&manifest("s", "00", 1, &[1])).starts_with("a SHA-256 has 64 digits"));
        assert!(refused(&manifest("../s", HASH, 0, &[])).starts_with("\"../s\" is no name of a stream"));
        let more = manifest("s", HASH, 0, &[]).replace("\"created\"", "\"then\":1,\"created\"");
        assert!(refused(&more).starts_with("unknown field `then`"));
    }
}
