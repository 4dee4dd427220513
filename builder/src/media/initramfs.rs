//! The installer's initramfs: this very program under the name of `xinstall` ([`own`]), and the tools that it runs, which come
//! from the tools tree with their libraries.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cpio::NewcBuilder;
use installer::overlay::Content;

use crate::own;
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
const NAMES: [(&str, &str); 7] = [
    ("usr/bin/mmd", "mtools"),
    ("usr/bin/mcopy", "mtools"),
    ("usr/bin/mren", "mtools"),
    ("usr/sbin/vgchange", "lvm"),
    ("usr/sbin/vgs", "lvm"),
    ("usr/sbin/lvs", "lvm"),
    ("usr/sbin/mkfs.ext4", "mke2fs"),
];

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
    add_own(&mut archive)?;
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
    let libraries = own::libraries(&stage.capture(&session.tools.run(ldd))?);
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

/// Process 1 is the same, whatever it is called.
fn add_own(archive: &mut Archive) -> Result<()> {
    for file in own::files()? {
        let Content::File(bytes) = &file.content else { continue };
        archive.file(&file.path.to_string_lossy(), file.mode, bytes)?;
    }
    archive.symlink("init", own::COMMAND)
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
