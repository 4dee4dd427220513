//! How a build shows itself: one line for each stage, the commands with `-v`, events for machines with `--json`.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use crate::sandbox::{Finished, Sandbox};

/// How much of a failed command's words is shown.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 8192;

/// How to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Spinners and bars.
    Terminal,
    /// A line when a stage starts and one when it ends.
    Plain,
    /// One JSON object a line, on standard output.
    Json,
}

/// Tells the user what happens.
#[derive(Debug)]
pub struct Reporter {
    style: Style,
    verbose: bool,
    log: PathBuf,
    times: Mutex<Vec<Times>>,
}

/// What a stage took.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    /// The stage's name.
    pub stage: String,
    /// Nothing had to be done.
    pub cached: bool,
    /// Seconds by the clock.
    pub wall: f64,
    /// Seconds of processor time, of xbuild and of the programs it ran.
    pub cpu: f64,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Start { stage: &'a str },
    Command { stage: &'a str, line: String },
    Done(&'a Times),
}

impl Reporter {
    /// Tells in the style that fits standard error, or JSON. Program output is kept in `log`.
    #[must_use]
    pub fn new(json: bool, verbose: bool, log: PathBuf) -> Self {
        let style = match (json, std::io::stderr().is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Terminal,
            (false, false) => Style::Plain,
        };
        Self { style, verbose, log, times: Mutex::new(Vec::new()) }
    }

    /// Starts a stage.
    ///
    /// # Errors
    /// When its log cannot be opened.
    pub fn stage(&self, name: &str) -> Result<Stage<'_>> {
        let log = open_log(&self.log)?;
        match self.style {
            Style::Json => emit(&Event::Start { stage: name }),
            Style::Plain => eprintln!("{name:<18} ..."),
            Style::Terminal => {}
        }
        let bar = self.bar(name);
        Ok(Stage { reporter: self, name: name.to_owned(), bar, log, start: Instant::now(), cpu: cpu_time() })
    }

    /// A stage that shows nothing: for work that the cache makes instant.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub fn silent(&self) -> Result<Stage<'_>> {
        let log = open_log(&self.log)?;
        Ok(Stage {
            reporter: self,
            name: String::new(),
            bar: ProgressBar::hidden(),
            log,
            start: Instant::now(),
            cpu: cpu_time(),
        })
    }

    /// Notes a stage whose result was in the cache.
    pub fn cached(&self, name: &str) {
        self.finish(Times { stage: name.to_owned(), cached: true, wall: 0.0, cpu: 0.0 });
    }

    /// What the stages took, in order.
    #[must_use]
    pub fn times(&self) -> Vec<Times> {
        self.times.lock().map(|times| times.clone()).unwrap_or_default()
    }

    fn bar(&self, name: &str) -> ProgressBar {
        if self.style != Style::Terminal {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_style(spinner()).with_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn finish(&self, times: Times) {
        match self.style {
            Style::Json => emit(&Event::Done(&times)),
            Style::Plain | Style::Terminal if times.cached => eprintln!("{:<18} cached", times.stage),
            Style::Plain | Style::Terminal => {
                eprintln!("{:<18} {:>7.1} s   cpu {:>7.1} s", times.stage, times.wall, times.cpu);
            }
        }
        if let Ok(mut all) = self.times.lock() {
            all.push(times);
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:<18} {spinner} {elapsed} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn meter() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:<18} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::options()
        .create(true)
        .append(true)
        .read(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn emit(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        println!("{line}");
    }
}

/// Processor time of this process and of all the children it has waited for.
fn cpu_time() -> f64 {
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .filter_map(|who| getrusage(who).ok())
        .flat_map(|usage| [usage.user_time(), usage.system_time()])
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .sum()
}

/// A stage that is under way.
#[derive(Debug)]
pub struct Stage<'a> {
    reporter: &'a Reporter,
    name: String,
    bar: ProgressBar,
    log: File,
    start: Instant,
    cpu: f64,
}

impl Stage<'_> {
    /// Says what is being done right now.
    pub fn note(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// From here on a bar of `total` bytes; move it with [`Stage::advance`].
    pub fn expect_bytes(&self, total: u64) {
        self.bar.set_style(meter());
        self.bar.set_length(total);
    }

    /// `count` more bytes are done.
    pub fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    /// The file that takes what programs say.
    #[must_use]
    pub fn log(&self) -> &File {
        &self.log
    }

    /// Shows a command (with `-v`) and writes it to the log.
    pub fn show(&self, sandbox: &Sandbox) {
        let short = sandbox.short();
        self.note(short.chars().take(70).collect::<String>());
        let line = sandbox.shell_line();
        // A log that cannot be written must not stop a build that works.
        let _best_effort = writeln!(&self.log, "+ {line}");
        match self.reporter.style {
            Style::Json => emit(&Event::Command { stage: &self.name, line }),
            Style::Plain | Style::Terminal if self.reporter.verbose => {
                self.bar.suspend(|| eprintln!("+ {line}"))
            }
            Style::Plain | Style::Terminal => {}
        }
    }

    /// Runs a program; its words go to the log.
    ///
    /// # Errors
    /// When it fails: the command ready to paste, and the end of what it said.
    pub fn run(&self, sandbox: &Sandbox) -> Result<()> {
        self.show(sandbox);
        let from = self.log.metadata()?.len();
        let status = sandbox.status(&self.log)?;
        if status.success() {
            return Ok(());
        }
        bail!(failed(sandbox, &status.to_string(), &self.said_since(from)?))
    }

    /// Runs a program and returns what it wrote to standard output.
    ///
    /// # Errors
    /// As [`Stage::run`].
    pub fn capture(&self, sandbox: &Sandbox) -> Result<String> {
        self.show(sandbox);
        let Finished { status, stdout, stderr } = sandbox.output()?;
        if !status.success() {
            bail!(failed(sandbox, &status.to_string(), &stderr));
        }
        String::from_utf8(stdout).with_context(|| format!("`{}` did not write text", sandbox.short()))
    }

    /// Runs a program and writes its standard input from `feed`.
    ///
    /// # Errors
    /// As [`Stage::run`], or what `feed` fails with.
    pub fn run_fed(
        &self,
        sandbox: &Sandbox,
        feed: impl FnOnce(&mut dyn std::io::Write) -> Result<()>,
    ) -> Result<()> {
        self.show(sandbox);
        let from = self.log.metadata()?.len();
        let mut child = sandbox.spawn(&self.log)?;
        let mut stdin =
            std::io::BufWriter::with_capacity(1 << 20, child.stdin.take().context("no pipe to the program")?);
        let fed = feed(&mut stdin).and_then(|()| Ok(stdin.flush()?));
        drop(stdin);
        let status = child.wait()?;
        if !status.success() {
            bail!(failed(sandbox, &status.to_string(), &self.said_since(from)?));
        }
        fed
    }

    /// The stage is done.
    pub fn done(self) {
        self.bar.finish_and_clear();
        let times = Times {
            stage: self.name.clone(),
            cached: false,
            wall: self.start.elapsed().as_secs_f64(),
            cpu: cpu_time() - self.cpu,
        };
        self.reporter.finish(times);
    }

    fn said_since(&self, from: u64) -> Result<String> {
        let mut log = &self.log;
        let end = log.metadata()?.len();
        log.seek(SeekFrom::Start(from.max(end.saturating_sub(TAIL_BYTES))))?;
        let mut said = Vec::new();
        log.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

fn failed(sandbox: &Sandbox, status: &str, said: &str) -> String {
    let lines: Vec<_> = said.trim_end().lines().collect();
    let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    format!(
        "`{}` failed ({status})\n{}\nto run it again (what it works on stays until the next build):\n{}",
        sandbox.short(),
        tail.join("\n"),
        sandbox.shell_line()
    )
}
