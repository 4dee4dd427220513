//! The mounts of a sandbox.

use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_remount, move_mount, open_tree,
    unmount,
};
use rustix::process::{chdir, pivot_root};

use super::Sandbox;

/// Where the new root is put together; whatever the host has here is hidden in our namespace only.
const STAGING: &str = "/tmp";
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Folders of a root tree that every sandbox makes anew.
const OURS: [&str; 5] = ["proc", "dev", "sys", "tmp", "run"];

/// A mount taken from the host before its own tree is hidden.
struct Taken {
    tree: OwnedFd,
    inside: PathBuf,
    folder: bool,
    read_only: bool,
}

/// Replaces this process's root by the one that `sandbox` describes.
///
/// # Errors
/// When a mount is refused or something to bind does not exist.
pub fn change(sandbox: &Sandbox) -> Result<()> {
    // Everything is taken from the host first: staging may hide where it comes from.
    let root = take_root(sandbox)?;
    let mut devices = take_devices(Path::new("/dev"))?;
    if let Some(chroot) = &sandbox.chroot {
        devices.extend(take_devices(&chroot.join("dev"))?);
    }
    let binds = take_binds(sandbox)?;
    let links = if sandbox.writable { Vec::new() } else { top_level_links(&sandbox.root)? };

    let staging = Path::new(STAGING);
    if !sandbox.writable {
        mount_fs("tmpfs", staging, "mode=755")?;
        links.iter().try_for_each(|(name, target)| symlink(target, staging.join(name)))?;
    }
    place_all(&root, staging)?;
    // Binds may lie in /tmp or /run, and a program's chroot in a bind.
    mount_special(staging)?;
    place_all(&binds, staging)?;
    if let Some(chroot) = &sandbox.chroot {
        mount_special(&join(staging, chroot))?;
    }
    place_all(&devices, staging)?;
    chdir(staging)?;
    pivot_root(".", ".").context("cannot change the root")?;
    unmount(".", UnmountFlags::DETACH).context("cannot leave the old root")
}

/// A writable root as a whole; of a read-only one each real folder at its top.
fn take_root(sandbox: &Sandbox) -> Result<Vec<Taken>> {
    if sandbox.writable {
        return Ok(vec![take(&sandbox.root, "/".into(), false)?]);
    }
    let mut taken = Vec::new();
    for entry in
        fs::read_dir(&sandbox.root).with_context(|| format!("cannot read {}", sandbox.root.display()))?
    {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() && !OURS.iter().any(|ours| name == *ours) {
            taken.push(take(&entry.path(), Path::new("/").join(name), true)?);
        }
    }
    Ok(taken)
}

fn take_devices(inside: &Path) -> Result<Vec<Taken>> {
    DEVICES.iter().map(|name| take(&Path::new("/dev").join(name), inside.join(name), false)).collect()
}

fn take_binds(sandbox: &Sandbox) -> Result<Vec<Taken>> {
    let writable = sandbox.binds.iter().map(|bind| (bind, false));
    let read_only = sandbox.read_only_binds.iter().map(|bind| (bind, true));
    let taken: Result<Vec<_>> = writable
        .chain(read_only)
        .map(|(bind, read_only)| {
            let (outside, inside) =
                bind.rsplit_once(':').with_context(|| format!("`{bind}` is not OUTSIDE:INSIDE"))?;
            take(Path::new(outside), inside.into(), read_only)
        })
        .collect();
    // A bind may lie inside another: the outer one comes first.
    taken.map(|mut binds| {
        binds.sort_by_key(|bind| bind.inside.components().count());
        binds
    })
}

fn take(outside: &Path, inside: PathBuf, read_only: bool) -> Result<Taken> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree =
        open_tree(CWD, outside, flags).with_context(|| format!("cannot bind {}", outside.display()))?;
    Ok(Taken { tree, inside, folder: outside.is_dir(), read_only })
}

/// `/bin -> usr/bin` and its kind.
fn top_level_links(root: &Path) -> Result<Vec<(OsString, PathBuf)>> {
    let mut links = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_symlink() {
            links.push((entry.file_name(), fs::read_link(entry.path())?));
        }
    }
    Ok(links)
}

fn place_all(taken: &[Taken], staging: &Path) -> Result<()> {
    taken.iter().try_for_each(|one| {
        let target = join(staging, &one.inside);
        place(one, &target).with_context(|| format!("cannot mount {}", one.inside.display()))
    })
}

fn place(one: &Taken, target: &Path) -> Result<()> {
    if one.folder {
        fs::create_dir_all(target)?;
    } else {
        fs::create_dir_all(target.parent().unwrap_or(target))?;
        if !target.exists() {
            fs::write(target, "")?;
        }
    }
    move_mount(&one.tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    if one.read_only {
        make_read_only(target)?;
    }
    Ok(())
}

/// Flags that the host has set on the mount are locked in a user namespace and must be named again.
fn make_read_only(target: &Path) -> Result<()> {
    let now = statvfs(target)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    for (has, keep) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if now.contains(has) {
            flags |= keep;
        }
    }
    Ok(mount_remount(target, flags, "")?)
}

/// `/proc`, `/dev` with its standard links, `/tmp`, `/run`.
fn mount_special(root: &Path) -> Result<()> {
    for name in OURS {
        fs::create_dir_all(root.join(name))?;
    }
    mount_proc(&root.join("proc"))?;
    mount_fs("tmpfs", &root.join("dev"), "mode=755")?;
    fs::create_dir(root.join("dev/shm"))?;
    fs::create_dir(root.join("dev/pts"))?;
    mount_fs("tmpfs", &root.join("dev/shm"), "mode=1777")?;
    mount_fs("devpts", &root.join("dev/pts"), "newinstance,ptmxmode=0666,mode=620")?;
    for (name, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, root.join("dev").join(name))?;
    }
    mount_fs("tmpfs", &root.join("tmp"), "mode=1777")?;
    mount_fs("tmpfs", &root.join("run"), "mode=755")?;
    // `/var/lock` leads here; packages that ship it as a folder unpack only where it is one.
    fs::create_dir(root.join("run/lock")).context("cannot make /run/lock")
}

/// A container whose own /proc is partly hidden may not mount a new one; its view then has to do.
fn mount_proc(target: &Path) -> Result<()> {
    match mount_fs("proc", target, "") {
        Ok(()) => Ok(()),
        Err(_) => {
            let host = take(Path::new("/proc"), PathBuf::new(), false)?;
            move_mount(&host.tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
                .context("cannot mount /proc")
        }
    }
}

fn mount_fs(kind: &str, target: &Path, options: &str) -> Result<()> {
    let options = std::ffi::CString::new(options)?;
    mount(kind, target, kind, MountFlags::NOSUID, options.as_c_str())
        .with_context(|| format!("cannot mount {kind} on {}", target.display()))
}

fn join(root: &Path, inside: &Path) -> PathBuf {
    root.join(inside.strip_prefix("/").unwrap_or(inside))
}
