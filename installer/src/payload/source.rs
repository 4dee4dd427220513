//! Where a payload lies.

use std::fmt;
use std::io::{self, Read};

use super::manifest::MAX_PACKED;
use crate::units::Bytes;

mod folder;
mod http;

pub use folder::Folder;
pub use http::{Http, STALLED};

/// Where a payload lies. A source asks once; who uses it decides about another try.
pub trait Source: fmt::Debug + Send + Sync {
    /// How messages call the place.
    fn place(&self) -> String;

    /// The first `most` bytes of the file at the relative path `file`, all of it if it has no more.
    ///
    /// # Errors
    /// Why they cannot be had.
    fn read(&self, file: &str, most: Bytes) -> Result<Vec<u8>, ReadFailed>;
}

/// Why a file cannot be had, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFailed {
    /// It is not there.
    NotThere(String),
    /// Another try may help.
    ForNow(String),
    /// No other try will help.
    ForGood(String),
}

/// A chunk's limit is its size, so its memory is asked for at once.
fn read_up_to(reader: impl Read, most: Bytes) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(most.min(MAX_PACKED).0 as usize);
    reader.take(most.0).read_to_end(&mut bytes)?;
    Ok(bytes)
}
