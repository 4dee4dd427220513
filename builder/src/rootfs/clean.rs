//! What a fresh root must not carry: identity, and traces of how it was made.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Keeps daemons from starting while packages are installed.
pub const POLICY: &str = "usr/sbin/policy-rc.d";

/// Removed where they exist. A machine's identity is born on the machine.
const FILES: [&str; 25] = [
    POLICY,
    "etc/hostname",
    "etc/resolv.conf",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/subuid-",
    "etc/subgid-",
    "etc/.pwd.lock",
    // A secret that Pacemaker's package makes up; the cluster's own comes with its configuration.
    "etc/pacemaker/authkey",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/statoverride-old",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/dpkg/available-old",
    "var/cache/ldconfig/aux-cache",
    "var/cache/debconf/passwords.dat",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/templates.dat-old",
    "var/lib/apt/daily_lock",
];

/// Emptied; the folders stay.
const FOLDERS: [&str; 8] =
    ["var/cache/apt", "var/lib/apt/lists", "var/backups", "var/tmp", "tmp", "run", "dev", "proc"];

/// Cleans `root`.
///
/// # Errors
/// When something cannot be removed.
pub fn clean(root: &Path) -> Result<()> {
    for file in FILES {
        let path = root.join(file);
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    FOLDERS.iter().try_for_each(|folder| empty(&root.join(folder)))?;
    remove_host_keys(&root.join("etc/ssh"))?;
    empty_logs(&root.join("var/log"))?;
    // Empty, not absent: systemd fills it at the first boot, and it is no "first boot" that presets all units anew.
    fs::write(root.join("etc/machine-id"), "").context("cannot empty the machine id")
}

fn empty(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        let removed = if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
        removed.with_context(|| format!("cannot remove {}", entry.path().display()))?;
    }
    Ok(())
}

fn remove_host_keys(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Logs of the build are removed; folders that daemons expect stay.
fn empty_logs(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            empty_logs(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
