//! The door to the machine: programs that are run, as values with a text that a shell takes.

use std::fmt;
use std::io::Write as _;
use std::process::{Command as Process, Stdio};
use std::thread;

/// A program with its arguments, found through `PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The program, then its arguments.
    pub argv: Vec<String>,
    /// What it reads from its standard input.
    pub input: Vec<u8>,
    /// What is set in its environment besides what it inherits.
    pub env: Vec<(String, String)>,
}

impl Command {
    /// `argv`, with nothing to read.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives it something to read.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }
}

/// Ready to paste.
impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.env.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = set.chain(self.argv.iter().map(|word| quoted(word)));
        out.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

/// As a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,=@+%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a program has left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; none if a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// It ended with status 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status == Some(0)
    }
}

/// A program that could not be started, or ended with another status than 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` {because}")]
pub struct CommandFailed {
    /// As it can be pasted.
    pub command: String,
    /// Its status and the end of what it said, or why it did not start.
    pub because: String,
}

/// Lines of standard error that a message shows.
const LAST_LINES: usize = 8;

/// Runs programs; a machine, or a recording of one.
pub trait Run {
    /// Runs `command` to its end, whatever its status is.
    ///
    /// # Errors
    /// When it cannot be started.
    fn output(&mut self, command: &Command) -> Result<Output, CommandFailed>;

    /// Runs `command`, which has to succeed; the result is its standard output.
    ///
    /// # Errors
    /// When it cannot be started, or fails.
    fn run(&mut self, command: &Command) -> Result<String, CommandFailed> {
        let output = self.output(command)?;
        if output.succeeded() { Ok(output.stdout) } else { Err(failed(command, &output)) }
    }
}

/// The error of a command that ended with this.
#[must_use]
pub fn failed(command: &Command, output: &Output) -> CommandFailed {
    let status = output
        .status
        .map_or_else(|| "was ended by a signal".to_owned(), |status| format!("failed with status {status}"));
    let lines: Vec<&str> = output.stderr.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    let because = if last.is_empty() { status } else { format!("{status}: {last}") };
    CommandFailed { command: command.to_string(), because }
}

/// This machine.
#[derive(Debug)]
pub struct Host;

impl Run for Host {
    fn output(&mut self, command: &Command) -> Result<Output, CommandFailed> {
        run_here(command).map_err(|error| CommandFailed {
            command: command.to_string(),
            because: format!("did not start: {error}"),
        })
    }
}

fn run_here(command: &Command) -> std::io::Result<Output> {
    let [program, arguments @ ..] = command.argv.as_slice() else {
        return Err(std::io::Error::other("BUG: a command without a program"));
    };
    let mut child = Process::new(program)
        .args(arguments)
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take();
    let input = command.input.clone();
    // A program that stops reading says why by its status.
    let feeder = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    let output = child.wait_with_output()?;
    drop(feeder.join());
    Ok(Output {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Command, Host, Run};

    #[test]
    fn a_command_can_be_pasted() {
        let command = Command::new(["mdadm", "--create", "/dev/md/root", "it's"]).env("MDADM_NO_UDEV", "1");
        assert_eq!(command.to_string(), r"MDADM_NO_UDEV=1 mdadm --create /dev/md/root 'it'\''s'");
    }

    #[test]
    fn a_command_that_fails_says_why() {
        let failing = Command::new(["sh", "-c", "cat >&2; exit 3"]).input("no disk\n");
        let error = Host.run(&failing).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c 'cat >&2; exit 3'` failed with status 3: no disk");
        let error = Host.run(&Command::new(["no-such-program"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`no-such-program` did not start: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_large_input_and_output_do_not_block_each_other() {
        let bytes = "x".repeat(1 << 20);
        let copied = Host.run(&Command::new(["cat"]).input(bytes.clone())).unwrap();
        assert_eq!(copied, bytes);
    }
}
