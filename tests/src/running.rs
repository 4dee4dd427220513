//! A build under way, to be killed at a moment of our choice.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// For anything that a build is waited for.
const DEADLINE: Duration = Duration::from_secs(300);
/// For what the kernel does when a process dies.
const AT_ONCE: Duration = Duration::from_secs(20);

/// `xbuild … --json`.
#[derive(Debug)]
pub struct Running {
    child: Child,
    events: Receiver<Value>,
}

impl Running {
    /// Starts it; standard error goes where the test's goes.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.arg("--json").stdout(Stdio::piped()).spawn().expect("xbuild starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (sender, events) = channel();
        thread::spawn(move || {
            let events = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            events.take_while(|event: &Value| sender.send(event.clone()).is_ok()).for_each(drop);
        });
        Self { child, events }
    }

    /// Waits for the start of a stage.
    pub fn wait_for_stage(&self, stage: &str) {
        self.wait_for_event(&format!("the start of {stage}"), |event| {
            event["event"] == "start" && event["stage"] == stage
        });
    }

    /// Waits until a program with `part` in its command line runs in the sandbox.
    pub fn wait_for_program(&self, stage: &str, part: &str) {
        let is_it = |event: &Value| {
            event["stage"] == stage && event["line"].as_str().is_some_and(|line| line.contains(part))
        };
        self.wait_for_event(&format!("`{part}` in {stage}"), is_it);
        self.wait_until(&format!("`{part}` in its sandbox"), || {
            self.family().values().any(|member| member.sandboxed)
        });
    }

    fn wait_for_event(&self, what: &str, is_it: impl Fn(&Value) -> bool) {
        let start = Instant::now();
        while let Ok(event) = self.events.recv_timeout(DEADLINE.saturating_sub(start.elapsed())) {
            if is_it(&event) {
                return;
            }
        }
        panic!("no sign of {what}");
    }

    /// Waits for what is to be seen from outside.
    pub fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        wait_until(what, DEADLINE, holds);
    }

    /// Kills xbuild alone, as the kernel's out-of-memory killer would; whatever it has started must end with it.
    pub fn kill(mut self) {
        let family = self.family();
        self.child.kill().expect("it runs");
        let status = self.child.wait().expect("it was ours");
        assert_eq!(status.code(), None, "it ended before it was killed");
        let alive = || {
            processes()
                .into_iter()
                .filter(|(pid, now)| family.get(pid).is_some_and(|then| then.born == now.born))
                .count()
        };
        wait_until("the end of everything that xbuild had started", AT_ONCE, || alive() == 0);
        let worlds: Vec<_> =
            family.values().filter(|member| member.sandboxed).map(|member| &member.world).collect();
        let left = || processes().values().filter(|process| worlds.contains(&&process.world)).count();
        wait_until("the end of everything in its sandboxes", AT_ONCE, || left() == 0);
    }

    /// All descendants.
    fn family(&self) -> BTreeMap<u32, Process> {
        let all = processes();
        let mut known = vec![self.child.id()];
        let mut family = BTreeMap::new();
        while let Some(parent) = known.pop() {
            for (pid, process) in all.iter().filter(|(_, process)| process.parent == parent) {
                known.push(*pid);
                family.insert(*pid, process.clone());
            }
        }
        family
    }
}

fn wait_until(what: &str, deadline: Duration, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < deadline, "no sign of {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A living process.
#[derive(Clone, Debug)]
struct Process {
    parent: u32,
    /// When it was started, which tells it from a later one with the same number.
    born: String,
    /// Its PID namespace.
    world: String,
    sandboxed: bool,
}

fn processes() -> BTreeMap<u32, Process> {
    let ours = world("self");
    let numbers = fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter_map(|pid: u32| Some((pid, process(pid, &ours)?))).collect()
}

fn process(pid: u32, ours: &str) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the last parenthesis may hold anything.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let world = world(&pid.to_string());
    let sandboxed = !world.is_empty() && world != ours;
    let process = Process {
        parent: fields.get(1)?.parse().ok()?,
        born: (*fields.get(19)?).to_owned(),
        world,
        sandboxed,
    };
    // A zombie is dead; only nobody has asked how it died.
    (fields[0] != "Z").then_some(process)
}

fn world(pid: &str) -> String {
    let link = fs::read_link(format!("/proc/{pid}/ns/pid"));
    link.map(|link| link.display().to_string()).unwrap_or_default()
}
