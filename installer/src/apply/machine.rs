//! This machine, as the door.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::fs::{FlockOperation, flock, ioctl_blksszget};
use rustix::io::Errno;

use super::door::Door;
use super::step::described;
use crate::format::Piece;
use crate::host::{Command, CommandFailed, Host, Output, Run, failed};
use crate::units::{Bytes, SectorSize};

/// How often a device that is waited for is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How often an array that is copied is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// So long nothing is copied before it counts as stopped: a thread of the kernel begins it, in its own time.
const STOPPED: Duration = Duration::from_secs(60);
/// Of the pipe to a program that is fed.
const BUFFER: usize = 1 << 20;

/// This machine, with the disks that it has locked. Dropped, it gives them free.
#[derive(Debug, Default)]
pub struct Machine {
    locked: BTreeMap<String, File>,
}

impl Run for Machine {
    fn output(&mut self, command: &Command) -> Result<Output, CommandFailed> {
        Host.output(command)
    }
}

impl Door for Machine {
    fn lock(&mut self, disk: &str, size: Bytes, sector_size: SectorSize) -> Result<()> {
        let file = File::open(disk).with_context(|| format!("cannot open {disk}"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => bail!("{disk} is in use: another program has locked it"),
            result => result.with_context(|| format!("cannot lock {disk}"))?,
        }
        check_size(disk, &file, size)?;
        check_sectors(disk, &file, sector_size)?;
        self.locked.insert(disk.to_owned(), file);
        Ok(())
    }

    fn unlock(&mut self, disk: &str) -> Result<()> {
        self.locked.remove(disk);
        Ok(())
    }

    fn write(&mut self, device: &str, pieces: &[Piece]) -> Result<()> {
        let file =
            File::options().write(true).open(device).with_context(|| format!("cannot open {device}"))?;
        for piece in pieces {
            let what = || format!("cannot write to {device}: {}", described(piece));
            file.write_all_at(&piece.bytes, piece.at.0).with_context(what)?;
        }
        file.sync_all().with_context(|| format!("cannot sync {device}"))
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(path, bytes).with_context(|| format!("cannot write {path}"))
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>> {
        fs::read(path).with_context(|| format!("cannot read {path}"))
    }

    fn wait_for(&mut self, device: &str, size: Bytes, deadline: Duration) -> Result<()> {
        let end = Instant::now() + deadline;
        loop {
            let is_there =
                File::open(device).context("cannot open it").and_then(|file| check_size(device, &file, size));
            match is_there {
                Err(because) if Instant::now() >= end => {
                    return Err(because.context(format!("waited {} s for {device}", deadline.as_secs())));
                }
                Err(_) => thread::sleep(POLL),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn wait_for_copy(&mut self, array: &str, member: &str) -> Result<()> {
        let md = format!("/sys/class/block/{}/md", kernel_name(array)?);
        let state = format!("{md}/dev-{}/state", kernel_name(member)?);
        let mut last_seen = Instant::now();
        loop {
            let read = |path: &str| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
            // Words of Documentation/admin-guide/md.rst.
            let state = read(&state).with_context(|| format!("{member} has left {array}"))?;
            if state.trim().split(',').any(|word| word == "in_sync") {
                return Ok(());
            }
            if read(&format!("{md}/sync_action"))?.trim() != "idle" {
                last_seen = Instant::now();
            }
            ensure!(
                last_seen.elapsed() < STOPPED,
                "the kernel does not copy {array} to {member}, which is {}: `dmesg` says why",
                state.trim()
            );
            thread::sleep(LOOK);
        }
    }

    fn feed(
        &mut self,
        command: &Command,
        content: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        let mut child = spawn(command)?;
        let stderr = child.stderr.take();
        let said = thread::spawn(move || {
            let mut text = Vec::new();
            // What cannot be read is not said: the status decides.
            drop(stderr.map(|mut stderr| stderr.read_to_end(&mut text)));
            String::from_utf8_lossy(&text).into_owned()
        });
        let fed = feed_child(&mut child, content);
        let status = child.wait().with_context(|| format!("cannot wait for `{command}`"))?.code();
        let stderr = said.join().unwrap_or_default();
        // A program that has gone is the reason why it could not be fed.
        fed.or_else(|error| if is_broken_pipe(&error) { Ok(()) } else { Err(error) })?;
        let output = Output { status, stdout: String::new(), stderr };
        if output.succeeded() { Ok(()) } else { Err(failed(command, &output).into()) }
    }
}

/// `md127` of `/dev/md/root`.
fn kernel_name(device: &str) -> Result<String> {
    let path = fs::canonicalize(device).with_context(|| format!("{device} is not there"))?;
    let name = path.strip_prefix("/dev").with_context(|| format!("{device} is no device"))?;
    Ok(name.to_string_lossy().replace('/', "!"))
}

/// Disks may have changed their names since they were looked at.
fn check_size(device: &str, mut file: &File, size: Bytes) -> Result<()> {
    let found = file.seek(SeekFrom::End(0)).with_context(|| format!("cannot tell the size of {device}"))?;
    ensure!(found == size.0, "{device} has {found} bytes, and the plan is for one of {}", size.0);
    Ok(())
}

fn check_sectors(disk: &str, file: &File, expected: SectorSize) -> Result<()> {
    if !file.metadata()?.file_type().is_block_device() {
        return Ok(());
    }
    let found = ioctl_blksszget(file).with_context(|| format!("cannot tell the sector size of {disk}"))?;
    let expected = u64::from(expected);
    ensure!(
        u64::from(found) == expected,
        "{disk} has sectors of {found} bytes, and the plan is for {expected}"
    );
    Ok(())
}

fn spawn(command: &Command) -> Result<Child> {
    let [program, arguments @ ..] = command.argv.as_slice() else {
        bail!("BUG: a command without a program")
    };
    let child = Process::new(program)
        .args(arguments)
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    child.map_err(|error| {
        let because = format!("did not start: {error}");
        CommandFailed { command: command.to_string(), because }.into()
    })
}

/// Its standard input is closed afterwards.
fn feed_child(child: &mut Child, content: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> Result<()> {
    let stdin = child.stdin.take().ok_or_else(|| anyhow!("BUG: a program without a standard input"))?;
    let mut out = BufWriter::with_capacity(BUFFER, stdin);
    content(&mut out)?;
    Ok(out.flush()?)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| Some(cause.downcast_ref::<io::Error>()?.kind());
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "machine_tests.rs"]
mod tests;
