//! The installer's initramfs: this very program under the name of `xinstall`, the tools that it runs, and their libraries.
//!
//! The tools come from the tools tree. This program was linked on the host, whose C library may be newer; it brings its own
//! loader and libraries, in a folder of their own.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cpio::NewcBuilder;

use crate::session::Session;
use crate::stage::Stage;

/// What the installer runs, and what a person needs on its console when something went wrong.
const PROGRAMS: [&str; 11] = [
    "/usr/bin/busybox",
    "/usr/sbin/mdadm",
    "/usr/sbin/lvm",
    "/usr/sbin/mke2fs",
    "/usr/sbin/mkswap",
    "/usr/sbin/mkfs.vfat",
    "/usr/bin/mtools",
    "/usr/bin/tar",
    "/usr/sbin/wipefs",
    "/usr/sbin/sfdisk",
    "/usr/sbin/blockdev",
];

/// What mtools asks the C library for, to name files in the code page of FAT.
const CODE_PAGE: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/gconv/IBM850.so",
    "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
    "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.d/gconv-modules-extra.conf",
];

/// Other names of programs.
const NAMES: [(&str, &str); 9] = [
    ("usr/bin/mmd", "mtools"),
    ("usr/bin/mcopy", "mtools"),
    ("usr/bin/mren", "mtools"),
    ("usr/sbin/vgchange", "lvm"),
    ("usr/sbin/vgs", "lvm"),
    ("usr/sbin/lvs", "lvm"),
    ("usr/sbin/mkfs.ext4", "mke2fs"),
    ("usr/sbin/xinstall", "../lib/xbuild/run"),
    ("init", "usr/lib/xbuild/run"),
];

/// Where this program lies with what it needs.
const OWN: &str = "usr/lib/xbuild";
/// `/init` and `xinstall`; which of them it is called by does not matter.
const RUN: &str = "#!/bin/sh\n\
    exec /usr/lib/xbuild/ld.so --library-path /usr/lib/xbuild /usr/lib/xbuild/xinstall \"$@\"\n";
/// Configures a card as busybox's DHCP client asks it to.
const DHCP_SCRIPT: &str = include_str!("dhcp.sh");
const LEVEL: i32 = 9;

const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// Makes the initramfs; `keys` are the public keys that payloads may be signed with, as minisign writes them.
///
/// # Errors
/// When a tool is missing, or this program cannot be copied.
pub fn make(session: &Session, stage: &Stage, keys: &[String]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for link in ["bin", "sbin", "lib", "lib64"] {
        archive.symlink(link, &format!("usr/{link}"))?;
    }
    // Until /dev is mounted this is all that the kernel has to give to `/init`.
    archive.console()?;
    add_tools(&mut archive, session, stage)?;
    add_own(&mut archive, session, stage)?;
    for (name, target) in NAMES {
        archive.symlink(name, target)?;
    }
    archive.file("etc/udhcpc.sh", 0o755, DHCP_SCRIPT.as_bytes())?;
    archive.file("etc/mke2fs.conf", 0o644, installer::format::ext::CONFIG.as_bytes())?;
    for (index, key) in keys.iter().enumerate() {
        archive.file(&format!("etc/xbuild/{index}.pub"), 0o644, key.as_bytes())?;
    }
    archive.compress()
}

fn add_tools(archive: &mut Archive, session: &Session, stage: &Stage) -> Result<()> {
    let ldd = ["ldd"].into_iter().chain(PROGRAMS);
    let libraries = libraries(&stage.capture(&session.tools.run(ldd))?);
    let files = PROGRAMS.into_iter().chain(CODE_PAGE).map(PathBuf::from).chain(libraries);
    for path in files {
        let inside = path.strip_prefix("/").context("BUG: a tool without an absolute path")?;
        let bytes = fs::read(session.tools.root().join(inside))
            .with_context(|| format!("the tools tree has no {}", path.display()))?;
        archive.file(&merged(inside), 0o755, &bytes)?;
    }
    for applet in stage.capture(&session.tools.run(["busybox", "--list"]))?.lines() {
        let name = format!("usr/bin/{applet}");
        let taken = PROGRAMS.iter().any(|program| program.ends_with(&format!("/{applet}")));
        if !taken && !archive.has(&name) {
            archive.symlink(&name, "busybox")?;
        }
    }
    Ok(())
}

/// Debian's `/lib` is a link into `/usr`.
fn merged(path: &Path) -> String {
    let path = path.display();
    let text = path.to_string();
    if text.starts_with("lib") { format!("usr/{text}") } else { text }
}

/// This program without its debug information, its loader and its libraries.
fn add_own(archive: &mut Archive, session: &Session, stage: &Stage) -> Result<()> {
    let own = std::env::current_exe().context("this program has no path")?;
    let traced = Command::new(&own).env("LD_TRACE_LOADED_OBJECTS", "1").output();
    let traced = traced.with_context(|| format!("cannot start {}", own.display()))?;
    for library in libraries(&String::from_utf8_lossy(&traced.stdout)) {
        let name = library.file_name().context("BUG: a library without a name")?.to_string_lossy();
        let name = if name.starts_with("ld-linux") { "ld.so" } else { &*name };
        let bytes = fs::read(&library).with_context(|| format!("cannot read {}", library.display()))?;
        archive.file(&format!("{OWN}/{name}"), 0o755, &bytes)?;
    }
    ensure!(archive.has(&format!("{OWN}/ld.so")), "{} has no loader", own.display());
    archive.file(&format!("{OWN}/xinstall"), 0o755, &stripped(&own, session, stage)?)?;
    archive.file(&format!("{OWN}/run"), 0o755, RUN.as_bytes())
}

fn stripped(own: &Path, session: &Session, stage: &Stage) -> Result<Vec<u8>> {
    let work = session.cache.scratch("xinstall")?;
    fs::copy(own, work.path().join("xinstall"))?;
    stage.run(&session.tools.run(["strip", "/work/xinstall"]).bind(work.path(), "/work"))?;
    let bytes = fs::read(work.path().join("xinstall"))?;
    work.remove()?;
    Ok(bytes)
}

/// Paths in what ldd(1) says: `NAME => PATH (ADDRESS)` or `PATH (ADDRESS)`; the kernel's own object has none.
fn libraries(said: &str) -> BTreeSet<PathBuf> {
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    said.lines().filter(|line| line.contains("(0x")).filter_map(path).map(PathBuf::from).collect()
}

/// A newc archive, folders before what they hold.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    names: BTreeSet<String>,
}

impl Archive {
    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn file(&mut self, name: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        self.entry(name, NewcBuilder::new(name).mode(REGULAR | mode), bytes)
    }

    fn symlink(&mut self, name: &str, target: &str) -> Result<()> {
        self.entry(name, NewcBuilder::new(name).mode(SYMLINK | 0o777), target.as_bytes())
    }

    fn console(&mut self) -> Result<()> {
        let node = NewcBuilder::new("dev/console").mode(CHARACTER | 0o600).rdev_major(5).rdev_minor(1);
        self.entry("dev/console", node, &[])
    }

    fn entry(&mut self, name: &str, entry: NewcBuilder, bytes: &[u8]) -> Result<()> {
        if let Some((folder, _)) = name.rsplit_once('/').filter(|(folder, _)| !self.has(folder)) {
            self.entry(folder, NewcBuilder::new(folder).mode(DIRECTORY | 0o755), &[])?;
        }
        self.names.insert(name.to_owned());
        let what = || format!("cannot add {name} to the initramfs");
        let size = u32::try_from(bytes.len()).with_context(what)?;
        let mut writer = entry.nlink(1).write(std::mem::take(&mut self.bytes), size);
        writer.write_all(bytes).with_context(what)?;
        self.bytes = writer.finish().with_context(what)?;
        Ok(())
    }

    fn compress(self) -> Result<Vec<u8>> {
        let archive = cpio::newc::trailer(self.bytes).context("cannot end the initramfs")?;
        zstd::encode_all(archive.as_slice(), LEVEL).context("cannot compress the initramfs")
    }
}

#[cfg(test)]
mod tests {
    use super::libraries;
    use std::path::PathBuf;

    #[test]
    fn libraries_are_what_has_a_path_and_an_address() {
        let said = "/usr/sbin/mdadm:\n\tlinux-vdso.so.1 (0x00007ffd)\n\
            \tlibudev.so.1 => /lib/x86_64-linux-gnu/libudev.so.1 (0x00007f1)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f2)\n/usr/bin/x:\n\tstatically linked\n";
        let paths = ["/lib/x86_64-linux-gnu/libudev.so.1", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(said), paths.map(PathBuf::from).into());
    }
}
