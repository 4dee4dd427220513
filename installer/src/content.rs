//! The content of a file system: the part of the root that lies on it, with a node's own files in it, as a tar.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use crate::overlay::{Content, OverlayFile};
use anyhow::{Context, Result};
use tar::{Archive, Builder, Entry, EntryType, Header};

use crate::format::Epoch;

/// What is laid over the root, and how single files of the root are changed.
#[derive(Clone, Debug)]
pub struct Additions {
    files: BTreeMap<PathBuf, OverlayFile>,
    /// Root's password, put into the root's own `/etc/shadow`.
    pub root_password_hash: Option<String>,
}

impl Additions {
    /// These files over the root; of two with one path the later one counts.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = OverlayFile>, root_password_hash: Option<String>) -> Self {
        Self { files: files.into_iter().map(|file| (file.path.clone(), file)).collect(), root_password_hash }
    }

    /// Folders of the root keep their owners and modes; everything else is replaced.
    fn replaces(&self, path: &Path, kind: EntryType) -> bool {
        self.files
            .get(path)
            .is_some_and(|file| file.content != Content::Directory || kind != EntryType::Directory)
    }
}

/// Which part of the root lies on one file system.
#[derive(Clone, Debug)]
pub struct Part {
    mount: PathBuf,
    others: Vec<PathBuf>,
}

impl Part {
    /// The part at `mount` of a node that has file systems at `mounts` (absolute paths).
    #[must_use]
    pub fn new(mount: &str, mounts: &[&str]) -> Self {
        let relative = |mount: &str| PathBuf::from(mount.trim_start_matches('/'));
        let own = relative(mount);
        let others = mounts
            .iter()
            .map(|mount| relative(mount))
            .filter(|other| *other != own && other.starts_with(&own))
            .collect();
        Self { mount: own, others }
    }

    /// The path on this file system, empty for its root; none if it lies on another one. A mount point lies on both.
    fn path<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        let inside = path.strip_prefix(&self.mount).ok()?;
        let hidden = self.others.iter().any(|other| path.starts_with(other) && path != other);
        (!hidden).then_some(inside)
    }
}

/// Writes the tar of `part`, from the root's tar.
///
/// # Errors
/// A malformed tar, or what `out` fails with.
pub fn write(
    rootfs: impl Read,
    part: &Part,
    additions: &Additions,
    epoch: Epoch,
    out: impl Write,
) -> Result<()> {
    let mut writer = Writer { builder: Builder::new(out), seen: BTreeSet::new(), part, epoch };
    for entry in Archive::new(rootfs).entries()? {
        let entry = entry.context("the root's tar is damaged")?;
        let path = plain(&entry.path()?);
        let inside = part.path(&path).map(Path::to_owned);
        if let Some(inside) = inside.filter(|_| !additions.replaces(&path, entry.header().entry_type())) {
            writer.pass_on(entry, &path, &inside, additions)?;
        }
    }
    for file in additions.files.values() {
        if let Some(inside) = part.path(&file.path).map(Path::to_owned) {
            writer.add(file, &inside)?;
        }
    }
    writer.builder.finish().context("cannot end the tar")
}

/// `./etc/passwd` → `etc/passwd`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

struct Writer<'a, W: Write> {
    builder: Builder<W>,
    seen: BTreeSet<PathBuf>,
    part: &'a Part,
    epoch: Epoch,
}

impl<W: Write> Writer<'_, W> {
    /// With its extended attributes, which the plain header does not hold.
    fn pass_on(
        &mut self,
        mut entry: Entry<impl Read>,
        path: &Path,
        inside: &Path,
        additions: &Additions,
    ) -> Result<()> {
        let attributes = attributes(&mut entry)?;
        let mut header = entry.header().clone();
        self.seen.insert(inside.to_owned());
        self.builder
            .append_pax_extensions(attributes.iter().map(|(key, value)| (key.as_str(), value.as_slice())))?;
        if header.entry_type() == EntryType::Link {
            let target = plain(&entry.link_name()?.context("a hard link to nothing")?);
            let target = self
                .part
                .path(&target)
                .with_context(|| format!("{} is a hard link to another file system", path.display()))?;
            return Ok(self.builder.append_link(&mut header, dotted(inside), dotted(target))?);
        }
        if header.entry_type() == EntryType::Symlink {
            let target = entry.link_name()?.context("a symbolic link to nothing")?.into_owned();
            return Ok(self.builder.append_link(&mut header, dotted(inside), target)?);
        }
        match &additions.root_password_hash {
            Some(hash) if path == Path::new("etc/shadow") => {
                let mut shadow = String::new();
                entry.read_to_string(&mut shadow)?;
                let shadow = crate::identity::with_root_password(&shadow, hash);
                header.set_size(shadow.len() as u64);
                Ok(self.builder.append_data(&mut header, dotted(inside), shadow.as_bytes())?)
            }
            _ => Ok(self.builder.append_data(&mut header, dotted(inside), entry)?),
        }
    }

    fn add(&mut self, file: &OverlayFile, inside: &Path) -> Result<()> {
        for folder in inside
            .ancestors()
            .skip(1)
            .filter(|folder| !folder.as_os_str().is_empty())
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            self.add_folder(folder, 0o755)?;
        }
        match &file.content {
            Content::Directory => self.add_folder(inside, file.mode),
            Content::Symlink(target) => {
                let mut header = self.header(EntryType::Symlink, 0o777, 0);
                Ok(self.builder.append_link(&mut header, dotted(inside), target)?)
            }
            Content::File(bytes) => {
                let mut header = self.header(EntryType::Regular, file.mode, bytes.len());
                Ok(self.builder.append_data(&mut header, dotted(inside), bytes.as_slice())?)
            }
        }
    }

    fn add_folder(&mut self, folder: &Path, mode: u32) -> Result<()> {
        if !self.seen.insert(folder.to_owned()) {
            return Ok(());
        }
        let mut header = self.header(EntryType::Directory, mode, 0);
        Ok(self.builder.append_data(&mut header, dotted(folder), std::io::empty())?)
    }

    fn header(&self, kind: EntryType, mode: u32, size: usize) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.epoch.0);
        header.set_size(size as u64);
        header
    }
}

/// Extended attributes and ACLs; paths and sizes are written anew.
fn attributes(entry: &mut Entry<impl Read>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut kept = Vec::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        let key = extension.key()?;
        if key.starts_with("SCHILY.") {
            kept.push((key.to_owned(), extension.value_bytes().to_vec()));
        }
    }
    Ok(kept)
}

/// The file system's root is `./`; in all other paths the tar crate drops the dot.
fn dotted(path: &Path) -> PathBuf {
    Path::new("./").join(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Additions, Part, write};
    use crate::format::Epoch;
    use crate::overlay::{Content, OverlayFile};
    use std::io::Read as _;
    use std::path::Path;

    fn rootfs() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut put = |path: &str, kind, text: &str| {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(kind);
            header.set_mode(0o640);
            header.set_uid(7);
            header.set_size(text.len() as u64);
            builder.append_pax_extensions([("SCHILY.xattr.user.x", b"y".as_slice())]).unwrap();
            builder.append_data(&mut header, path, text.as_bytes()).unwrap();
        };
        put("./etc", tar::EntryType::Directory, "");
        put("./etc/motd", tar::EntryType::Regular, "old");
        put("./etc/shadow", tar::EntryType::Regular, "root:*:1::::::\n");
        put("./var", tar::EntryType::Directory, "");
        put("./var/lib", tar::EntryType::Directory, "");
        builder.into_inner().unwrap()
    }

    fn listing(mount: &str) -> Vec<String> {
        let file =
            OverlayFile { path: "etc/motd".into(), mode: 0o644, content: Content::File(b"new".to_vec()) };
        let deep = OverlayFile { path: "var/a/b".into(), mode: 0o600, content: Content::File(b"x".to_vec()) };
        let additions = Additions::new([file, deep], Some("HASH".into()));
        let mut out = Vec::new();
        write(rootfs().as_slice(), &Part::new(mount, &["/", "/var"]), &additions, Epoch(9), &mut out)
            .unwrap();
        let mut archive = tar::Archive::new(out.as_slice());
        let line = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let attributes = entry.pax_extensions().unwrap().map_or(0, Iterator::count);
            let header = entry.header();
            format!(
                "{} {:o} {} {attributes} {text:?}",
                entry.path().unwrap().display(),
                header.mode().unwrap(),
                header.uid().unwrap()
            )
        };
        archive.entries().unwrap().map(line).collect()
    }

    #[test]
    fn each_file_system_gets_its_part_with_the_additions_in_it() {
        let root = listing("/");
        assert_eq!(
            root,
            [
                "etc 640 7 1 \"\"",
                "etc/shadow 640 7 1 \"root:HASH:1::::::\\n\"",
                "var 640 7 1 \"\"",
                "etc/motd 644 0 0 \"new\""
            ]
        );
        assert_eq!(
            listing("/var"),
            ["./ 640 7 1 \"\"", "lib 640 7 1 \"\"", "a 755 0 0 \"\"", "a/b 600 0 0 \"x\""]
        );
    }

    #[test]
    fn a_mount_point_lies_on_both_file_systems() {
        let part = Part::new("/", &["/", "/var"]);
        assert_eq!(part.path(Path::new("var")), Some(Path::new("var")));
        assert_eq!(part.path(Path::new("var/lib")), None);
        assert_eq!(Part::new("/var", &["/", "/var"]).path(Path::new("var")), Some(Path::new("")));
    }
}
