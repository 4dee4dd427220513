//! Commands in a node whose images know nothing of it: systemd credentials in SMBIOS strings bring a unit, and the unit
//! listens on a virtio-serial port.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags};

use super::worker::{self, NAP, Stop, Worker};

/// The name of the port, which the node finds below `/dev/virtio-ports`.
pub const PORT: &str = "xbuild.agent";

/// The script, the unit that runs it, what starts that, and patience with disks: an emulated one under Xen may take longer
/// to show up than the minute and a half that it has otherwise.
pub const CREDENTIALS: [(&str, &str); 4] = [
    (PORT, include_str!("agent.sh")),
    ("systemd.extra-unit.xbuild-agent.service", UNIT),
    ("systemd.unit-dropin.multi-user.target", "[Unit]\nWants=xbuild-agent.service\n"),
    ("systemd.unit-dropin.dev-.device", "[Unit]\nJobRunningTimeoutSec=10min\n"),
];

/// It is there before what takes long, so that a node that hangs can be asked why.
const UNIT: &str = "[Unit]\nDescription=Rehearsal: commands from outside\n\n\
    [Service]\nType=exec\nRestart=always\nRestartSec=1\n\
    ExecStart=/bin/bash /run/credentials/@system/xbuild.agent\n";

/// A node takes in what it is asked at once, if it lives.
const WRITING: Duration = Duration::from_secs(10);

/// How a command in a node has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; 124 if the node had to end it.
    pub status: i32,
    /// What it said, on both of its outputs.
    pub text: String,
}

/// The rack's end of the port.
#[derive(Debug)]
pub struct Agent {
    shared: Arc<Shared>,
    _worker: Worker,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stream: Option<UnixStream>,
    /// The boot that has greeted.
    boot: Option<String>,
    asked: u64,
    answers: HashMap<u64, Output>,
}

/// What a node says.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Boot(String),
    Answer(u64, Output),
}

impl Agent {
    /// Waits for QEMU at this path.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(path: &Path) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let worker = Worker::listen("agent", path, move |stream, stop| {
            let _ended_with_qemu = serve(stream, &theirs, stop);
            let mut state = theirs.lock();
            (state.stream, state.boot) = (None, None);
        })?;
        Ok(Self { shared, _worker: worker })
    }

    /// Which boot of the node listens; none if none has greeted since it was started or [forgotten](Self::forget).
    #[must_use]
    pub fn boot(&self) -> Option<String> {
        self.shared.lock().boot.clone()
    }

    /// The node has lost its power, or was reset.
    pub fn forget(&self) {
        self.shared.lock().boot = None;
        self.shared.news.notify_all();
    }

    /// Runs a command in the node, by bash.
    ///
    /// # Errors
    /// When the node does not listen, does not answer in time, or starts anew meanwhile.
    pub fn run(&self, command: &str, deadline: Duration) -> Result<Output> {
        let end = Instant::now() + deadline;
        let mut state = self.shared.lock();
        let Some(boot) = state.boot.clone() else { bail!("it does not listen yet") };
        let number = state.ask(&boot, command, deadline)?;
        loop {
            if let Some(output) = state.answers.remove(&number) {
                return Ok(output);
            }
            if state.boot.as_ref() != Some(&boot) {
                bail!("it was started anew, or switched off, before it answered");
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("it did not answer within {} s", deadline.as_secs());
            }
            let waited = self.shared.news.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    /// Every change of the state is a whole one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, line: Line) {
        let mut state = self.lock();
        match line {
            Line::Boot(boot) => state.boot = Some(boot),
            Line::Answer(number, output) => {
                state.answers.insert(number, output);
            }
        }
        self.news.notify_all();
    }
}

impl State {
    fn ask(&mut self, boot: &str, command: &str, deadline: Duration) -> Result<u64> {
        self.asked += 1;
        let line = request(self.asked, boot, deadline, command);
        let stream = self.stream.as_mut().context("QEMU has closed its port")?;
        stream.write_all(line.as_bytes()).context("it does not read its port")?;
        Ok(self.asked)
    }
}

fn request(number: u64, boot: &str, deadline: Duration, command: &str) -> String {
    format!("{number} {boot} {} {}\n", deadline.as_secs().max(1), STANDARD.encode(command))
}

fn serve(mut stream: UnixStream, shared: &Shared, stop: &Stop) -> Result<()> {
    stream.set_write_timeout(Some(WRITING))?;
    shared.lock().stream = Some(stream.try_clone()?);
    let (mut text, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while !stop.is_told() {
        let mut fds = [PollFd::new(&stream, PollFlags::IN)];
        worker::wait(&mut fds, NAP);
        if fds[0].revents().is_empty() {
            continue;
        }
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        text.extend_from_slice(&buffer[..length]);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            parse(&String::from_utf8_lossy(&line)).into_iter().for_each(|line| shared.take(line));
        }
    }
    Ok(())
}

/// None if it is nothing whole: a node may lose its power in the middle of a line.
fn parse(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["boot", boot] => Some(Line::Boot((*boot).to_owned())),
        [number, status, rest @ ..] if rest.len() < 2 => {
            let text = STANDARD.decode(rest.first().copied().unwrap_or_default()).ok()?;
            let text = String::from_utf8_lossy(&text).into_owned();
            Some(Line::Answer(number.parse().ok()?, Output { status: status.parse().ok()?, text }))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Agent, Line, Output, parse, request};
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    fn output(status: i32, text: &str) -> Output {
        Output { status, text: text.to_owned() }
    }

    #[test]
    fn a_request_is_one_line() {
        let line = request(7, "b007", Duration::from_secs(90), "echo 'a\nb'");
        assert_eq!(line, "7 b007 90 ZWNobyAnYQpiJw==\n");
    }

    #[test]
    fn what_a_node_says_is_a_boot_an_answer_or_nothing() {
        assert_eq!(parse("boot b007\n"), Some(Line::Boot("b007".into())));
        assert_eq!(parse("3 0 YQpi\n"), Some(Line::Answer(3, output(0, "a\nb"))));
        assert_eq!(parse("3 1\n"), Some(Line::Answer(3, output(1, ""))), "it said nothing");
        for torn in ["\n", "3 0 YQp\n", "x 0 YQpi\n", "3 0 YQpi more\n", "boot\n"] {
            assert_eq!(parse(torn), None, "{torn:?}");
        }
    }

    #[test]
    fn a_command_is_answered_and_a_reset_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::listen(&folder.path().join("a")).unwrap();
        let second = Duration::from_secs(10);
        assert_eq!(agent.run("true", second).unwrap_err().to_string(), "it does not listen yet");
        let node = UnixStream::connect(folder.path().join("a")).unwrap();
        (&node).write_all(b"\nboot one\n").unwrap();
        while agent.boot().is_none() {
            std::thread::yield_now();
        }
        let mut lines = BufReader::new(node.try_clone().unwrap()).lines();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| agent.run("true", second));
            assert_eq!(lines.next().unwrap().unwrap(), "1 one 10 dHJ1ZQ==");
            (&node).write_all(b"1 5 YQ==\n").unwrap();
            assert_eq!(asked.join().unwrap().unwrap(), output(5, "a"));
            let asked = scope.spawn(|| agent.run("false", second));
            lines.next().unwrap().unwrap();
            (&node).write_all(b"2 0 Y\nboot two\n").unwrap();
            let error = asked.join().unwrap().unwrap_err().to_string();
            assert_eq!(error, "it was started anew, or switched off, before it answered");
        });
        assert_eq!(agent.boot().as_deref(), Some("two"));
        let late = agent.run("sleep", Duration::from_millis(10)).unwrap_err().to_string();
        assert_eq!(late, "it did not answer within 0 s");
    }
}
