//! `/init`: the first process of a machine that was started to be installed.
//!
//! It brings the machine up as far as an install needs it, installs, and restarts. When that fails it says why, leaves a
//! shell on every console, and restarts when the last one of them ends.

use std::fs;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};

use anyhow::{Context as _, Result, bail};
use rustix::system::{RebootCommand, reboot};

use crate::arguments::Arguments;
use crate::console::Console;
use crate::host::{Command, Host, Run};
use crate::install::{self, Ended};
use crate::medium::Medium;
use crate::network;
use crate::report;

/// What the kernel offers, and where: type, folder.
const MOUNTS: [(&str, &str); 5] =
    [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run"), ("tmpfs", "/tmp")];
const EFI_VARIABLES: &str = "/sys/firmware/efi/efivars";
/// The name of the log on a stick.
const LOG: &str = "xinstall.log";

/// Does it all; returns only if the machine cannot be restarted.
///
/// # Errors
/// When not even a console can be had, or the kernel does not restart.
pub fn run() -> Result<()> {
    let mut host = Host;
    mount_all(&mut host)?;
    let mut console = Console::all(Path::new("/run/xinstall.log")).context("cannot open a console")?;
    console.say(&format!("xinstall {}: {} s after the kernel", env!("CARGO_PKG_VERSION"), uptime()?));
    match install_here(&mut host, &mut console) {
        Ok(()) => console.say("restarting"),
        Err(error) => {
            console.say(&report::explain(&error));
            console.say("a shell on every console; the machine restarts when the last of them ends");
            shells(&console);
        }
    }
    rustix::fs::sync();
    reboot(RebootCommand::Restart).context("the kernel does not restart")
}

fn install_here(host: &mut Host, console: &mut Console) -> Result<()> {
    let arguments = Arguments::parse(&fs::read_to_string("/proc/cmdline")?);
    let medium = Medium::parse(arguments.source.as_deref().unwrap_or("stick"));
    if let Medium::Web(address) = &medium {
        console.say(&format!("payload: {address}"));
        network::bring_up(host, console, arguments.nic.as_deref())?;
    }
    let opened = medium.open(host)?;
    let ended = install::run(host, console, &opened, &arguments).and_then(|ended| match ended {
        Ended::Installed => Ok(()),
        Ended::Declined => bail!("not installed: nobody said yes"),
    });
    let why = ended.as_ref().err().map(|error| report::explain(error) + "\n");
    let log = console.log().unwrap_or_default() + &why.unwrap_or_default();
    if let Err(error) = opened.leave(host, LOG, &log) {
        console.say(&format!("note: {error:#}"));
    }
    ended
}

fn mount_all(host: &mut Host) -> Result<()> {
    for (kind, folder) in MOUNTS {
        fs::create_dir_all(folder)?;
        // With an initramfs the kernel does not mount /dev by itself; somebody who tries this by hand has all of them.
        if !is_mounted(folder) {
            host.run(&Command::new(["mount", "-t", kind, kind, folder]))?;
        }
    }
    if Path::new(EFI_VARIABLES).exists() {
        host.run(&Command::new(["mount", "-t", "efivarfs", "-o", "ro", "efivarfs", EFI_VARIABLES]))?;
    }
    Ok(())
}

fn is_mounted(folder: &str) -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(1) == Some(folder))
}

/// Seconds, with two digits behind the point.
fn uptime() -> Result<String> {
    let text = fs::read_to_string("/proc/uptime")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

/// One on each console, with job control; waits for all of them.
fn shells(console: &Console) {
    let names: Vec<String> = console.names().map(str::to_owned).collect();
    let mut running: Vec<Child> = names.iter().filter_map(|name| shell(name).ok()).collect();
    for child in &mut running {
        drop(child.wait());
    }
}

fn shell(console: &str) -> std::io::Result<Child> {
    let device = format!("/dev/{console}");
    let open = || fs::File::options().read(true).write(true).open(&device);
    let mut command = Process::new("setsid");
    command.args(["-c", "sh", "-l"]).env("PS1", "xinstall# ");
    command.stdin(Stdio::from(open()?)).stdout(open()?).stderr(open()?).spawn()
}
