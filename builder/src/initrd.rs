//! A node's initramfs: the role's, with the node's own files behind it.
//!
//! The kernel unpacks concatenated archives one after the other, and later files replace earlier ones
//! (Documentation/driver-api/early-userspace/buffer-format.rst); so the slow part is made once for all nodes. Both parts
//! are zstd frames without anything between them: unmkinitramfs(8) hands all that follows the microcode to one zstd.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use cpio::NewcBuilder;
use installer::overlay::{Content, OverlayFile};

/// Overlay files that the initramfs carries as well, and where; the hooks of mdadm and lvm2 copy the same ones.
const CARRIED: [(&str, &str); 2] =
    [("etc/mdadm/mdadm.conf", "etc/mdadm/mdadm.conf"), ("etc/lvm/lvmlocal.conf", "etc/lvm/lvmlocal.conf")];
const LEVEL: i32 = 3;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// The role's initramfs at `role` with what `files` add to it.
///
/// # Errors
/// When it cannot be read.
pub fn for_node(role: &Path, files: &[OverlayFile], epoch: u64) -> Result<Vec<u8>> {
    let mut initramfs = fs::read(role).with_context(|| format!("cannot read {}", role.display()))?;
    let mut archive = entry(Vec::new(), "etc", DIRECTORY | 0o755, &[], epoch)?;
    for (from, to) in CARRIED {
        let Some(file) = files.iter().find(|file| file.path == Path::new(from)) else { continue };
        if let Content::File(bytes) = &file.content {
            let folder = Path::new(to).parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
            archive = entry(archive, &folder, DIRECTORY | 0o755, &[], epoch)?;
            archive = entry(archive, to, REGULAR | file.mode, bytes, epoch)?;
        }
    }
    let archive = cpio::newc::trailer(archive).context("cannot end the initramfs")?;
    initramfs.extend(zstd::encode_all(archive.as_slice(), LEVEL).context("cannot compress the initramfs")?);
    Ok(initramfs)
}

fn entry(archive: Vec<u8>, name: &str, mode: u32, bytes: &[u8], epoch: u64) -> Result<Vec<u8>> {
    // The format has 32 bits for times (initramfs buffer format, c_mtime).
    let builder = NewcBuilder::new(name).mode(mode).nlink(1).mtime(epoch as u32);
    let mut writer = builder.write(archive, bytes.len() as u32);
    writer.write_all(bytes)?;
    writer.finish().with_context(|| format!("cannot add {name} to the initramfs"))
}
