//! Running one program in namespaces: its own root, processes, host name and (unless asked) no network.
//!
//! A [`Sandbox`] is a value; [`Sandbox::argv`] is the `xbuild sandbox …` command line that runs it again by hand.
//! That command line is also how it runs: one process makes the namespaces, a second one, process 1 of the new PID
//! namespace, arranges the mounts and starts the program. When xbuild dies, the kernel ends both.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use nix::sched::{CloneFlags, unshare};
use rustix::fs::Mode;
use rustix::process::{Signal, set_parent_process_death_signal, umask};

mod root;
mod sync;

/// A program and the world it sees. Paths in `argv` are those inside.
#[derive(Args, Clone, Debug, Default)]
pub struct Sandbox {
    /// The folder that becomes `/`.
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Let the program write to the root; otherwise only binds and /tmp are writable.
    #[arg(long)]
    writable: bool,
    /// Show OUTSIDE at INSIDE, writable.
    #[arg(long = "bind", value_name = "OUTSIDE:INSIDE")]
    binds: Vec<String>,
    /// Show OUTSIDE at INSIDE, read-only.
    #[arg(long = "ro-bind", value_name = "OUTSIDE:INSIDE")]
    read_only_binds: Vec<String>,
    /// Also make /proc and /dev below this folder (for programs that chroot).
    #[arg(long, value_name = "INSIDE")]
    chroot: Option<PathBuf>,
    /// Set an environment variable; only PATH, HOME, LANG, LC_ALL and TZ are set without it.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Start in this folder.
    #[arg(long, value_name = "INSIDE")]
    chdir: Option<PathBuf>,
    /// Keep the host's network.
    #[arg(long)]
    network: bool,
    /// Turn fsync and its kind into nothing: for roots that are thrown away when the build dies.
    #[arg(long)]
    no_sync: bool,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    argv: Vec<String>,
}

const ENVIRONMENT: [(&str, &str); 5] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC"),
];

/// What a program that was waited for has left.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Sandbox {
    /// `argv` over `root`, which stays read-only.
    pub fn new<S: Into<String>>(root: &Path, argv: impl IntoIterator<Item = S>) -> Self {
        Self { root: root.to_owned(), argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The program may write to the root.
    #[must_use]
    pub fn writable(mut self) -> Self {
        self.writable = true;
        self
    }

    /// Shows `outside` at `inside`, writable.
    #[must_use]
    pub fn bind(mut self, outside: &Path, inside: &str) -> Self {
        self.binds.push(format!("{}:{inside}", outside.display()));
        self
    }

    /// Shows `outside` at `inside`, read-only.
    #[must_use]
    pub fn bind_read_only(mut self, outside: &Path, inside: &str) -> Self {
        self.read_only_binds.push(format!("{}:{inside}", outside.display()));
        self
    }

    /// Makes `/proc` and `/dev` below `inside` too.
    #[must_use]
    pub fn chroot(mut self, inside: &str) -> Self {
        self.chroot = Some(inside.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// Starts in `inside`.
    #[must_use]
    pub fn chdir(mut self, inside: &str) -> Self {
        self.chdir = Some(inside.into());
        self
    }

    /// Keeps the host's network.
    #[must_use]
    pub fn network(mut self) -> Self {
        self.network = true;
        self
    }

    /// Turns fsync and its kind into nothing.
    #[must_use]
    pub fn no_sync(mut self) -> Self {
        self.no_sync = true;
        self
    }

    /// The arguments of `xbuild` that run this.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let mut argv = vec!["sandbox".to_owned(), format!("--root={}", self.root.display())];
        let flags = [("--writable", self.writable), ("--network", self.network), ("--no-sync", self.no_sync)];
        argv.extend(flags.iter().filter(|flag| flag.1).map(|flag| flag.0.to_owned()));
        argv.extend(self.binds.iter().map(|bind| format!("--bind={bind}")));
        argv.extend(self.read_only_binds.iter().map(|bind| format!("--ro-bind={bind}")));
        argv.extend(self.chroot.iter().map(|inside| format!("--chroot={}", inside.display())));
        argv.extend(self.env.iter().map(|variable| format!("--env={variable}")));
        argv.extend(self.chdir.iter().map(|inside| format!("--chdir={}", inside.display())));
        argv.push("--".to_owned());
        argv.extend(self.argv.iter().cloned());
        argv
    }

    /// Ready to paste into a shell.
    #[must_use]
    pub fn shell_line(&self) -> String {
        std::iter::once(program())
            .chain(self.argv().iter().map(|word| quote(word)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// What runs, without the world around it.
    #[must_use]
    pub fn short(&self) -> String {
        self.argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }

    fn command(&self) -> Command {
        let mut command = match RUNNER.get() {
            None => Command::new("/proc/self/exe"),
            Some(program) => Command::new(program),
        };
        if RUNNER.get().is_none() {
            command.env(INSIDE, std::process::id().to_string());
        }
        command.args(self.argv()).stdin(Stdio::null());
        command
    }

    /// Runs to the end with everything captured.
    ///
    /// # Errors
    /// Only when it could not be started; a failing program is a [`Finished`] with its status.
    pub fn output(&self) -> Result<Finished> {
        let output = self.command().output().with_context(|| format!("cannot start {}", self.short()))?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Finished { status: output.status, stdout: output.stdout, stderr })
    }

    /// Runs to the end; what it says goes to `log`.
    ///
    /// # Errors
    /// When it could not be started.
    pub fn status(&self, log: &File) -> Result<ExitStatus> {
        let mut command = self.command();
        command.stdout(log.try_clone()?).stderr(log.try_clone()?);
        command.status().with_context(|| format!("cannot start {}", self.short()))
    }

    /// Runs to the end on the caller's terminal.
    ///
    /// # Errors
    /// When it could not be started.
    pub fn interactive(&self) -> Result<ExitStatus> {
        self.command()
            .stdin(Stdio::inherit())
            .status()
            .with_context(|| format!("cannot start {}", self.short()))
    }

    /// Starts it with a pipe to its standard input; what it says goes to `log`.
    ///
    /// # Errors
    /// When it could not be started.
    pub fn spawn(&self, log: &File) -> Result<Child> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        command.spawn().with_context(|| format!("cannot start {}", self.short()))
    }
}

/// The `xbuild` that runs sandboxes, where this process is another program with our library in it.
static RUNNER: OnceLock<PathBuf> = OnceLock::new();

/// Lets this `xbuild` run all sandboxes of this process. Each of them then becomes root by itself. The first call counts.
pub fn run_by(program: &Path) {
    RUNNER.get_or_init(|| program.to_owned());
}

/// Set where [`crate::privilege::become_root`] has already happened, to the process that did it.
pub const INSIDE: &str = "XBUILD_INSIDE";

/// `xbuild sandbox`: makes the namespaces and waits for [`init`] in them. Returns the exit code to end with.
///
/// # Errors
/// When the namespaces are refused.
pub fn enter(sandbox: &Sandbox) -> Result<i32> {
    die_with_parent()?;
    ensure!(!is_orphan(), "xbuild has died meanwhile");
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if !sandbox.network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    unshare(flags).context("cannot make the sandbox's namespaces")?;
    let mut argv: Vec<OsString> = sandbox.argv().into_iter().map(Into::into).collect();
    argv[0] = "sandbox-init".into();
    let status = Command::new("/proc/self/exe").args(argv).status().context("cannot start the sandbox")?;
    Ok(exit_code(status))
}

/// `xbuild sandbox-init`: process 1 of the sandbox. Returns the exit code to end with.
///
/// # Errors
/// When the root cannot be arranged or the program cannot be started.
pub fn init(sandbox: &Sandbox) -> Result<i32> {
    die_with_parent()?;
    rustix::system::sethostname(b"xbuild").context("cannot set the host name")?;
    // The caller's would get into images, as the modes of folders that programs make.
    umask(Mode::from_raw_mode(0o022));
    root::change(sandbox)?;
    if sandbox.no_sync {
        sync::suppress()?;
    }
    let mut command = Command::new(&sandbox.argv[0]);
    command.args(&sandbox.argv[1..]).env_clear().envs(ENVIRONMENT);
    command.envs(sandbox.env.iter().filter_map(|variable| variable.split_once('=')));
    command.current_dir(sandbox.chdir.as_deref().unwrap_or(Path::new("/")));
    let status = command.status().with_context(|| format!("cannot run `{}`", sandbox.argv[0]))?;
    Ok(exit_code(status))
}

fn die_with_parent() -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot tie the sandbox to its parent")
}

/// Whether the parent died before we were tied to it.
fn is_orphan() -> bool {
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().to_string());
    std::env::var(INSIDE).is_ok_and(|expected| Some(expected) != parent)
}

/// As a shell reports it: 128 + n for signal n.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// How xbuild was called: what is shown must run when it is pasted.
#[must_use]
pub fn program() -> String {
    std::env::args().next().map_or_else(|| "xbuild".to_owned(), |name| quote(&name))
}

/// `word`, quoted for a POSIX shell where it needs to be.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Sandbox, quote};
    use std::path::Path;

    #[test]
    fn the_command_line_says_everything() {
        let sandbox = Sandbox::new(Path::new("/tools"), ["mke2fs", "-L", "my root"])
            .bind(Path::new("/work"), "/w")
            .env("A", "b c")
            .no_sync();
        assert_eq!(
            sandbox.shell_line().split_once(' ').map(|line| line.1),
            Some("sandbox --root=/tools --no-sync --bind=/work:/w '--env=A=b c' -- mke2fs -L 'my root'")
        );
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a/b=c"), "a/b=c");
    }
}
