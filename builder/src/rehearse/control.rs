//! How a machine is told things, even if its QEMU has to be started again.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::qmp::Qmp;
use super::worker::Worker;

/// For QEMU to start, on a host that has much to do.
const START: Duration = Duration::from_secs(60);

/// The connection to the QEMU of a machine, whichever it is at the moment.
#[derive(Debug)]
pub struct Control {
    shared: Arc<Shared>,
    _worker: Worker,
}

#[derive(Debug, Default)]
struct Shared {
    current: Mutex<Option<Arc<Qmp>>>,
    /// The machine has been switched on, and a QEMU that is started again goes on with that.
    on: AtomicBool,
}

impl Control {
    /// Waits for QEMU at this path.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(path: &Path) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let worker = Worker::listen("qmp", path, move |stream, _| {
            // If it fails, QEMU ends, which its keeper tells.
            let _told = theirs.take(stream);
        })?;
        Ok(Self { shared, _worker: worker })
    }

    /// Waits for the first QEMU, as long as `lives` finds that it lives.
    ///
    /// # Errors
    /// When it does not start.
    pub fn wait(&self, lives: impl Fn() -> Result<()>) -> Result<()> {
        let end = Instant::now() + START;
        while self.shared.current().is_none() {
            lives()?;
            ensure!(Instant::now() < end, "QEMU does not start within {} s", START.as_secs());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Says whether the machine is to have power, whichever QEMU it is in.
    pub fn want(&self, on: bool) {
        self.shared.on.store(on, Ordering::Relaxed);
    }

    /// Lets QEMU do something; the result is what it answers.
    ///
    /// # Errors
    /// When QEMU refuses, or is not there.
    pub fn execute(&self, command: &str, arguments: Value) -> Result<Value> {
        self.shared.current().context("QEMU is not there")?.execute(command, arguments)
    }
}

impl Shared {
    fn current(&self) -> Option<Arc<Qmp>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, stream: UnixStream) -> Result<()> {
        let qmp = Qmp::open(stream)?;
        if self.on.load(Ordering::Relaxed) {
            qmp.execute("cont", json!({}))?;
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(qmp));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Control;
    use serde_json::json;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    /// A QEMU that agrees to everything; the result is what it was told.
    fn qemu(path: &Path, answers: usize) -> std::thread::JoinHandle<Vec<String>> {
        let stream = UnixStream::connect(path).unwrap();
        std::thread::spawn(move || {
            (&stream).write_all(b"{\"QMP\": {}}\n").unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let told = lines.take(answers).map(|line| {
                (&stream).write_all(b"{\"return\": {}}\n").unwrap();
                line.unwrap()
            });
            told.collect()
        })
    }

    #[test]
    fn a_machine_that_was_on_is_on_again_in_another_qemu() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q");
        let control = Control::listen(&path).unwrap();
        assert_eq!(control.execute("stop", json!({})).unwrap_err().to_string(), "QEMU is not there");
        let first = qemu(&path, 2);
        control.wait(|| Ok(())).unwrap();
        control.want(true);
        control.execute("cont", json!({})).unwrap();
        assert!(first.join().unwrap()[1].contains("cont"));
        let second = qemu(&path, 2).join().unwrap();
        assert!(second[0].contains("qmp_capabilities") && second[1].contains("cont"), "{second:?}");
    }
}
