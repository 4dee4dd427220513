//! How far a stream is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::units::Bytes;

/// How far a stream is; clones show the same one, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    total: u64,
    done: AtomicU64,
    retries: AtomicU32,
}

impl Progress {
    pub(super) fn of(total: Bytes) -> Self {
        Self(Arc::new(Counts { total: total.0, ..Counts::default() }))
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.done.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_retry(&self) {
        self.0.retries.fetch_add(1, Ordering::Relaxed);
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
