//! Files from a source: asked for until they arrive whole, or patience ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::error::{Because, Hashes, PayloadError};
use super::manifest::Chunk;
use super::patience::Patience;
use super::progress::Progress;
use super::source::{ReadFailed, Source};
use super::sum::Sha256Sum;
use crate::units::Bytes;

/// Asks a source, again if need be.
#[derive(Debug)]
pub(super) struct Fetcher {
    source: Arc<dyn Source>,
    patience: Patience,
    progress: Progress,
    stop: Receiver<Infallible>,
}

/// Whoever drops it says that nothing more is wanted. Pauses end at once then.
pub(super) type Wanted = Sender<Infallible>;

/// How often it went wrong so far, and how.
#[derive(Default)]
struct Failures {
    unread: u32,
    damaged: u32,
}

impl Fetcher {
    pub(super) fn new(source: Arc<dyn Source>, patience: Patience, progress: Progress) -> (Self, Wanted) {
        let (wanted, stop) = mpsc::channel();
        (Self { source, patience, progress, stop }, wanted)
    }

    /// Whether the result is of no use to anybody any more.
    pub(super) fn stopped(&self) -> bool {
        self.stop.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// A whole file of at most `most` bytes. It is not checked.
    ///
    /// # Errors
    /// When it cannot be had, or is longer.
    pub(super) fn file(&self, file: &str, most: Bytes) -> Result<Vec<u8>, PayloadError> {
        let mut failures = Failures::default();
        let bytes = self.read(file, most, &mut failures)?;
        if bytes.len() as u64 > most.0 {
            return Err(self.unreadable(file, format!("it has more than {} bytes", most.0)));
        }
        Ok(bytes)
    }

    /// The compressed bytes of a chunk, with the hash that the manifest names.
    ///
    /// # Errors
    /// When they cannot be had.
    pub(super) fn chunk(&self, chunk: &Chunk) -> Result<Vec<u8>, PayloadError> {
        let file = chunk.file();
        let mut failures = Failures::default();
        loop {
            let bytes = self.read(&file, chunk.size, &mut failures)?;
            let found = Sha256Sum::of(&bytes);
            if found == chunk.sha256 && bytes.len() as u64 == chunk.size.0 {
                return Ok(bytes);
            }
            failures.damaged += 1;
            let error = self.damaged(&file, chunk, found, bytes.len() as u64, failures.damaged);
            if failures.damaged >= self.patience.copies || self.waited(failures.damaged, &error) {
                return Err(error);
            }
        }
    }

    /// At most one byte more than `most`.
    fn read(&self, file: &str, most: Bytes, failures: &mut Failures) -> Result<Vec<u8>, PayloadError> {
        loop {
            let because = match self.source.read(file, most + Bytes(1)) {
                Ok(bytes) => return Ok(bytes),
                Err(ReadFailed::NotThere(because)) => return Err(self.not_there(file, because)),
                Err(ReadFailed::ForGood(because)) => return Err(self.unreadable(file, because)),
                Err(ReadFailed::ForNow(because)) => because,
            };
            failures.unread += 1;
            let error = self.unreadable(file, format!("{because}{}", times(failures.unread)));
            if failures.unread >= self.patience.tries || self.waited(failures.unread, &error) {
                return Err(error);
            }
        }
    }

    /// Pauses before another try. Says whether somebody has ended the pause, because it is not needed.
    fn waited(&self, failures: u32, error: &PayloadError) -> bool {
        self.progress.retry(error.line());
        let pause = self.patience.pause_after(failures);
        self.stop.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected)
    }

    fn not_there(&self, file: &str, because: String) -> PayloadError {
        let (file, place) = (file.to_owned(), self.source.place());
        PayloadError::NotThere { file, place, because: Because(because) }
    }

    fn unreadable(&self, file: &str, because: String) -> PayloadError {
        let (file, place) = (file.to_owned(), self.source.place());
        PayloadError::Unreadable { file, place, because: Because(because) }
    }

    fn damaged(
        &self,
        file: &str,
        chunk: &Chunk,
        found: Sha256Sum,
        size: u64,
        times_read: u32,
    ) -> PayloadError {
        let (wanted, whole) = (chunk.sha256, chunk.size.0);
        let wrong = match size {
            size if size > whole => format!("it has more than {whole} bytes"),
            size if size < whole => format!("it has {size} bytes instead of {whole}"),
            _ => format!("its SHA-256 is {found} instead of {wanted}"),
        };
        let because = Because(wrong + &times(times_read));
        PayloadError::Damaged {
            file: file.to_owned(),
            place: self.source.place(),
            hashes: Box::new(Hashes { wanted, found }),
            because,
        }
    }
}

fn times(count: u32) -> String {
    if count == 1 { String::new() } else { format!(" ({count} tries)") }
}
