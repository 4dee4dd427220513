//! What an install unpacks: named streams of bytes in compressed chunks, listed in a signed manifest.
//!
//! A payload is a folder, on a medium or behind a web server:
//!
//! | file | what it is |
//! |---|---|
//! | `manifest.json` | the streams, each with its size, its SHA-256 and its chunks in order |
//! | `manifest.json.minisig` | the manifest's signature, as `minisign` makes it |
//! | `chunks/HH/HASH.zst` | one zstd frame of at most 4 MiB of a stream, named by the SHA-256 of the file |
//!
//! Nothing is believed before it is checked: the manifest by its signature, before it is parsed; a chunk by its hash,
//! before it is unpacked; a stream by its size, at its end.

use std::sync::Arc;

mod error;
mod fetcher;
pub mod manifest;
mod patience;
mod progress;
pub mod signature;
pub mod source;
pub mod stream;
mod sum;
mod unpacker;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod faulty;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use error::{Because, Hashes, PayloadError};
pub use manifest::Manifest;
pub use patience::Patience;
pub use progress::Progress;
pub use signature::TrustedKeys;
pub use source::{Folder, Http, Source};
pub use stream::StreamReader;
pub use sum::Sha256Sum;

use fetcher::Fetcher;
use manifest::MAX_MANIFEST;
use signature::MAX_SIGNATURE;

/// A payload whose manifest one of the trusted keys has signed.
#[derive(Clone, Debug)]
pub struct Payload {
    source: Arc<dyn Source>,
    patience: Patience,
    manifest: Manifest,
    comment: String,
}

impl Payload {
    /// Fetches the manifest and its signature. Nothing but these two files is read.
    ///
    /// # Errors
    /// When one of the two cannot be had, no key of `keys` has signed the manifest, or it makes no sense.
    pub fn open(
        source: Arc<dyn Source>,
        keys: &TrustedKeys,
        patience: Patience,
    ) -> Result<Self, PayloadError> {
        let place = source.place();
        let (fetcher, _never_stopped) =
            Fetcher::new(Arc::clone(&source), patience.clone(), Progress::default());
        let text = fetcher.file(manifest::FILE, MAX_MANIFEST)?;
        let signature = fetcher.file(signature::FILE, MAX_SIGNATURE)?;
        let comment = keys.verify(&place, &text, &signature)?;
        let manifest = Manifest::parse(&text).map_err(|because| PayloadError::BadManifest {
            file: manifest::FILE.to_owned(),
            place,
            because: Because(because),
        })?;
        Ok(Self { source, patience, manifest, comment })
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What its signer said about it: minisign's trusted comment, which the signature covers.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Starts to fetch the stream called `name`.
    ///
    /// # Errors
    /// When there is none of that name, or no thread can be started. What goes wrong later, the reader says.
    pub fn stream(&self, name: &str) -> Result<StreamReader, PayloadError> {
        let Some(stream) = self.manifest.streams.get(name) else {
            let known: Vec<&str> = self.manifest.streams.keys().map(manifest::StreamName::as_str).collect();
            return Err(PayloadError::NoStream {
                name: name.to_owned(),
                place: self.source.place(),
                because: Because(format!("it has {}", known.join(", "))),
            });
        };
        StreamReader::start(Arc::clone(&self.source), self.patience.clone(), name, stream)
    }
}
