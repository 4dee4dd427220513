//! How far a stream is.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::units::Bytes;

/// How far a stream is; clones show the same one, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    total: u64,
    done: AtomicU64,
    retries: AtomicU32,
    troubles: Mutex<Vec<String>>,
}

impl Progress {
    pub(super) fn of(total: Bytes) -> Self {
        Self(Arc::new(Counts { total: total.0, ..Counts::default() }))
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.done.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Something went wrong, and is tried again.
    pub(super) fn retry(&self, trouble: String) {
        self.0.retries.fetch_add(1, Ordering::Relaxed);
        self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner).push(trouble);
    }

    /// What has gone wrong and was tried again, since this was asked last.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uncompressed bytes that the reader has handed out.
    #[must_use]
    pub fn done(&self) -> Bytes {
        Bytes(self.0.done.load(Ordering::Relaxed))
    }

    /// Uncompressed bytes of the whole stream.
    #[must_use]
    pub fn total(&self) -> Bytes {
        Bytes(self.0.total)
    }

    /// How often something had to be fetched again.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.0.retries.load(Ordering::Relaxed)
    }
}
