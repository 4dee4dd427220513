//! A thread of the rack, which ends with what it works for.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a worker may sleep before it looks whether it is still wanted.
pub const NAP: Duration = Duration::from_millis(100);

/// A thread that is told to end when this is dropped, and waited for.
#[derive(Debug)]
pub struct Worker {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

/// Says to a worker that it is to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether the worker is to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Worker {
    /// Starts `work`, which looks at its [`Stop`] at least every [`NAP`].
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start(name: &str, work: impl FnOnce(&Stop) + Send + 'static) -> Result<Self> {
        let stop = Stop::default();
        let told = stop.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&told));
        Ok(Self { stop, thread: Some(thread.with_context(|| format!("cannot start the thread {name}"))?) })
    }

    /// Makes a socket at this path, and serves whoever connects to it, one after the other.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(
        name: &str,
        path: &Path,
        mut serve: impl FnMut(UnixStream, &Stop) + Send + 'static,
    ) -> Result<Self> {
        let listener =
            UnixListener::bind(path).with_context(|| format!("cannot make the socket {}", path.display()))?;
        listener.set_nonblocking(true)?;
        Self::start(name, move |stop| {
            while !stop.is_told() {
                wait(&mut [PollFd::new(&listener, PollFlags::IN)], NAP);
                let accepted = listener.accept().and_then(|(stream, _)| {
                    stream.set_nonblocking(false)?;
                    Ok(stream)
                });
                // One that is gone before it is served needs nothing.
                if let Ok(stream) = accepted {
                    serve(stream, stop);
                }
            }
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _what_it_died_of_was_shown = thread.join();
        }
    }
}

/// Waits until one of these has something, or the time is over.
pub fn wait(fds: &mut [PollFd<'_>], most: Duration) {
    let most = Timespec { tv_sec: most.as_secs() as i64, tv_nsec: i64::from(most.subsec_nanos()) };
    // Whoever waits looks at all of them afterwards, so that an interrupted wait is only a short one.
    let _how_many = poll(fds, Some(&most));
}
