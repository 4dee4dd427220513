//! A program that runs as long as the rack does.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, bail};

use super::worker::{NAP, Stop, Worker};
use crate::sandbox::Sandbox;

/// Bytes of what a program has said that an error shows.
const TAIL: usize = 2000;
/// Who fails so often does not fail by chance.
const RESTARTS: usize = 3;

/// A program in the sandbox of the tools tree. It has a thread of its own: the kernel ends a sandbox together with the thread
/// that has started it.
#[derive(Debug)]
pub struct Keeper {
    name: String,
    log: PathBuf,
    ended: Arc<OnceLock<ExitStatus>>,
    _worker: Worker,
}

impl Keeper {
    /// Starts it; what it says goes to `log`. If it ends and `forgives` what it has said, it is started again.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, sandbox: Sandbox, log: &Path, forgives: fn(&str) -> bool) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let ended = Arc::new(OnceLock::new());
        let (told, (started, starts), path) = (ended.clone(), channel(), log.to_owned());
        let work = move |stop: &Stop| {
            for round in 0..=RESTARTS {
                let before = read(&path).len();
                let status = keep(&sandbox, &file, &started, stop);
                let again = round < RESTARTS && forgives(&read(&path)[before..]);
                if let Some(status) = status.filter(|_| !again) {
                    let _the_first_time = told.set(status);
                    return;
                }
                if stop.is_told() {
                    return;
                }
            }
        };
        let worker = Worker::start(name, work)?;
        starts.recv().context("BUG: a keeper that says nothing")??;
        Ok(Self { name: name.to_owned(), log: log.to_owned(), ended, _worker: worker })
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// How it has ended, and what it said last.
    pub fn check(&self) -> Result<()> {
        let Some(status) = self.ended.get() else { return Ok(()) };
        bail!("{} has ended ({status}):\n{}", self.name, tail(&read(&self.log), TAIL))
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
}

/// Until it ends, or is told to.
fn keep(sandbox: &Sandbox, log: &File, started: &Sender<Result<()>>, stop: &Stop) -> Option<ExitStatus> {
    let child = sandbox.spawn(log);
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let _nobody_waits = started.send(Err(error));
            return None;
        }
    };
    let _nobody_waits = started.send(Ok(()));
    while !stop.is_told() {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(NAP);
    }
    end(&mut child);
    None
}

/// The kernel ends what runs in the sandbox with the sandbox.
fn end(child: &mut Child) {
    let _it_may_have_ended = child.kill();
    let _it_may_have_ended = child.wait();
}

/// The end of a text, from the start of a line where that is near.
#[must_use]
pub fn tail(text: &str, most: usize) -> &str {
    let end = &text[text.ceil_char_boundary(text.len().saturating_sub(most))..];
    if end.len() == text.len() { end } else { end.split_once('\n').map_or(end, |(_, rest)| rest) }
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn a_tail_begins_with_a_line() {
        assert_eq!(tail("one\ntwo\nthree", 7), "three");
        assert_eq!(tail("one\ntwo", 7), "one\ntwo");
        assert_eq!(tail("äöü", 3), "ü");
    }
}
