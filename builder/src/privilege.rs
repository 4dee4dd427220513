//! Becoming root over our own files: a mount namespace for root, a user namespace with subuids for everybody else.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};

use crate::failure::{Hinted as _, with_hint};

/// How many ids a Debian root needs: 0 to 65533 and `nobody` (65534).
const NEEDED_IDS: u64 = 65_536;

/// Puts this process where it is root over its own mounts and may give files any owner.
/// Must be called before any thread is started.
///
/// # Errors
/// When the kernel refuses the namespaces, or an ordinary user has no subuids; the hint says what to install or set.
pub fn become_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        unshare(CloneFlags::CLONE_NEWNS)
            .context("cannot make a mount namespace")
            .hint("run on a host or in a container that has CAP_SYS_ADMIN, or as an ordinary user")?;
    } else {
        enter_user_namespace()?;
    }
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("cannot make the mounts private")
}

/// The helper is started first: it must stay outside to be allowed to write our id maps.
fn enter_user_namespace() -> Result<()> {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let script = format!(
        "read go && newuidmap {pid} {} && newgidmap {pid} {}",
        id_map(uid, &subordinate("/etc/subuid", uid)?),
        id_map(gid, &subordinate("/etc/subgid", uid)?),
        pid = std::process::id(),
    );
    find_program("newuidmap")?;
    let mut helper = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start sh")?;
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .map_err(refusal)
        .context("cannot make a user namespace")
        .hint(
            "the kernel forbids user namespaces to ordinary users: set sysctl user.max_user_namespaces above 0 \
             (and kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0 where they exist), \
             or run as root",
        )?;
    helper.stdin.take().context("no pipe to the helper")?.write_all(b"go\n")?;
    let done = helper.wait_with_output()?;
    ensure!(
        done.status.success(),
        with_hint(
            format!(
                "cannot map ids into the user namespace: {}",
                String::from_utf8_lossy(&done.stderr).trim()
            ),
            "newuidmap and newgidmap must be setuid root or have file capabilities",
        )
    );
    Ok(())
}

/// The kernel says ENOSPC when a user may have no more namespaces, which reads like a full disk.
fn refusal(errno: Errno) -> anyhow::Error {
    match errno {
        Errno::ENOSPC => anyhow::anyhow!("the limit in sysctl user.max_user_namespaces is reached"),
        other => std::io::Error::from(other).into(),
    }
}

/// `inside outside count` triples: we are 0, the subordinate ids follow from 1.
fn id_map(own: u32, (start, count): &(u64, u64)) -> String {
    format!("0 {own} 1 1 {start} {}", (*count).min(NEEDED_IDS))
}

fn find_program(name: &str) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(name).exists());
    ensure!(
        found,
        with_hint(
            format!("`{name}` is not on this machine, so an ordinary user cannot get a range of user ids"),
            "install it (Debian, Ubuntu: apt install uidmap; Fedora, Arch: shadow-utils), or run as root",
        )
    );
    Ok(())
}

/// The first large enough range for the user in `/etc/subuid` or `/etc/subgid`.
fn subordinate(file: &str, uid: u32) -> Result<(u64, u64)> {
    let name = login_name(uid);
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {file}")),
    };
    subordinate_range(&text, &name, uid).ok_or_else(|| {
        with_hint(
            format!("{file} gives `{name}` no range of {NEEDED_IDS} ids"),
            format!("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"),
        )
    })
}

/// Lines are `user:first:count` (subuid(5)); the user is a name or a number.
fn subordinate_range(text: &str, name: &str, uid: u32) -> Option<(u64, u64)> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let user = fields.next()?;
        let range = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        ((user == name || user == uid.to_string()) && range.1 >= NEEDED_IDS - 1).then_some(range)
    })
}

fn login_name(uid: u32) -> String {
    let passwd = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
    let known = passwd.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields.get(2)? == &uid.to_string()).then(|| fields[0].to_owned())
    });
    known.unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use super::{id_map, subordinate_range};

    #[test]
    fn a_range_is_found_by_name_or_number() {
        let text = "alice:100000:65536\n1001:165536:65536\ntiny:1:10\n";
        assert_eq!(subordinate_range(text, "alice", 1000), Some((100_000, 65_536)));
        assert_eq!(subordinate_range(text, "bob", 1001), Some((165_536, 65_536)));
        assert_eq!(subordinate_range(text, "tiny", 1002), None);
    }

    #[test]
    fn the_caller_becomes_root_and_the_range_follows() {
        assert_eq!(id_map(1000, &(100_000, 65_536)), "0 1000 1 1 100000 65536");
    }
}
