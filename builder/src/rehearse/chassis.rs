//! The program that a BMC asks for its chassis, and who answers it: two named pipes lead out of the sandbox.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use super::ipmi::{Order, SCRIPT};
use super::worker::{self, NAP, Stop, Worker};

/// Where requests arrive, and where answers are read: the names that [`SCRIPT`] has for them.
const PIPES: [&str; 2] = ["ask", "answer"];

/// Does what a BMC wants of a machine; the result is whether that has power then.
pub trait Power: Send + Sync {
    /// Does it, and returns when it is done.
    ///
    /// # Errors
    /// When it cannot be done.
    fn order(&self, order: Order) -> Result<bool>;
}

/// A chassis that listens.
#[derive(Debug)]
pub struct Chassis(#[expect(dead_code, reason = "it ends when it is dropped")] Worker);

impl Chassis {
    /// The program of a chassis in that folder.
    #[must_use]
    pub fn program(folder: &Path) -> PathBuf {
        folder.join("chassis")
    }

    /// Makes program and pipes in `folder`, and answers from now on.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn start(folder: &Path, power: impl Power + 'static) -> Result<Self> {
        let program = Self::program(folder);
        fs::write(&program, SCRIPT).with_context(|| format!("cannot write {}", program.display()))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700))?;
        let [ask, answer] = PIPES.map(|name| pipe(&folder.join(name)));
        let (ask, mut answer) = (ask?, answer?);
        let worker = Worker::start("chassis", move |stop| listen(ask, &mut answer, &power, stop))?;
        Ok(Self(worker))
    }
}

/// Open at both ends, so that it is there as long as we are, and nobody waits for anybody to open it.
fn pipe(path: &Path) -> Result<File> {
    let made = mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
    made.with_context(|| format!("cannot make the pipe {}", path.display()))?;
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
    file.with_context(|| format!("cannot open the pipe {}", path.display()))
}

/// A simulator asks one thing at a time, and waits for its answer.
fn listen(ask: File, answer: &mut File, power: &dyn Power, stop: &Stop) {
    let mut ask = BufReader::new(ask);
    let mut line = String::new();
    while !stop.is_told() {
        worker::wait(&mut [PollFd::new(ask.get_ref(), PollFlags::IN)], NAP);
        // What has come of a line stays in `line` when the pipe is empty.
        if ask.read_line(&mut line).is_ok() {
            let said = reply(&line, power);
            let _whoever_asked_is_gone = writeln!(answer, "{said}");
            line.clear();
        }
    }
}

/// Status and text for [`SCRIPT`].
fn reply(line: &str, power: &dyn Power) -> String {
    match Order::parse(line).map(|order| power.order(order)) {
        Some(Ok(on)) => format!("0 power:{}", u8::from(on)),
        Some(Err(error)) => format!("1 {error:#}").replace('\n', " "),
        None => "1 unknown".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Chassis, Order, Power};
    use anyhow::Result;
    use std::process::Command;
    use std::sync::Mutex;

    struct Lamp(Mutex<bool>);

    impl Power for Lamp {
        fn order(&self, order: Order) -> Result<bool> {
            let mut on = self.0.lock().unwrap();
            *on = match order {
                Order::Ask => *on,
                Order::Off => false,
                Order::On => true,
                Order::Reset => anyhow::bail!("a lamp cannot\nbe reset"),
            };
            Ok(*on)
        }
    }

    #[test]
    fn the_program_asks_and_tells() {
        let folder = tempfile::tempdir().unwrap();
        let chassis = Chassis::start(folder.path(), Lamp(Mutex::new(true))).unwrap();
        let ask = |words: &[&str]| {
            let output = Command::new(Chassis::program(folder.path())).args(words).output().unwrap();
            (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(ask(&["get", "power"]), (0, "power:1\n".into()));
        assert_eq!(ask(&["set", "power", "0"]), (0, "power:0\n".into()));
        assert_eq!(ask(&["get", "power"]), (0, "power:0\n".into()));
        assert_eq!(ask(&["set", "reset", "1"]), (1, "a lamp cannot be reset\n".into()));
        assert_eq!(ask(&["set", "boot", "pxe"]), (1, "unknown\n".into()));
        drop(chassis);
    }
}
