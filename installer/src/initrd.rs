//! A node's initramfs: the role's, with the node's own files at its end, where they replace the role's.
//!
//! The slow part, what is in it, is made once for all nodes. The kernel would also take a second archive behind the first
//! (Documentation/driver-api/early-userspace/buffer-format.rst), but unmkinitramfs(8) stops reading at the first trailer, and
//! fails where zstd is not done by then. So there is one archive, packed anew.

use std::io::Write as _;
use std::path::Path;

use crate::overlay::{Content, OverlayFile};
use anyhow::{Context as _, Result, ensure};
use cpio::NewcBuilder;

/// Overlay files that the initramfs carries as well, and where; the hooks of mdadm and lvm2 copy the same ones.
const CARRIED: [(&str, &str); 2] =
    [("etc/mdadm/mdadm.conf", "etc/mdadm/mdadm.conf"), ("etc/lvm/lvmlocal.conf", "etc/lvm/lvmlocal.conf")];
const LEVEL: i32 = 3;
const MAGIC: &[u8] = b"070701";
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Of an entry.
const HEADER: usize = 110;
/// With its name, which ends on a multiple of 4.
const TRAILER_LENGTH: usize = 124;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// The role's initramfs with what `files` add to it.
///
/// # Errors
/// When it is none.
pub fn for_node(role: &[u8], files: &[OverlayFile], epoch: u64) -> Result<Vec<u8>> {
    const WHAT: &str = "cannot read the role's initramfs";
    let (early, packed) = split(role).context(WHAT)?;
    let mut archive = zstd::decode_all(packed).context(WHAT)?;
    archive.truncate(trailer(&archive).context(WHAT)?);
    archive = entry(archive, "etc", DIRECTORY | 0o755, &[], epoch)?;
    for (from, to) in CARRIED {
        let Some(file) = files.iter().find(|file| file.path == Path::new(from)) else { continue };
        if let Content::File(bytes) = &file.content {
            let folder = Path::new(to).parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
            archive = entry(archive, &folder, DIRECTORY | 0o755, &[], epoch)?;
            archive = entry(archive, to, REGULAR | file.mode, bytes, epoch)?;
        }
    }
    let archive = cpio::newc::trailer(archive).context("cannot end the initramfs")?;
    let mut node = early.to_vec();
    node.extend(zstd::encode_all(archive.as_slice(), LEVEL).context("cannot compress the initramfs")?);
    Ok(node)
}

/// The archives with microcode, which are not compressed, and the compressed one behind them.
fn split(initramfs: &[u8]) -> Result<(&[u8], &[u8])> {
    let mut at = 0;
    while initramfs[at..].starts_with(MAGIC) {
        let end = trailer(&initramfs[at..])? + TRAILER_LENGTH;
        let padding = initramfs[at + end..].iter().take_while(|byte| **byte == 0).count();
        at += end + padding;
    }
    ensure!(initramfs[at..].starts_with(ZSTD_MAGIC), "its main archive is not compressed by zstd");
    Ok(initramfs.split_at(at))
}

/// Where the trailer of the first archive is. Headers are 110 characters; names and contents end on multiples of 4.
fn trailer(archive: &[u8]) -> Result<usize> {
    let mut at = 0;
    loop {
        let header = archive.get(at..at + HEADER).filter(|header| header.starts_with(MAGIC));
        let header = header.context("its archive is damaged")?;
        let field = |index: usize| -> Result<usize> {
            let digits = std::str::from_utf8(&header[6 + 8 * index..14 + 8 * index])?;
            Ok(usize::from_str_radix(digits, 16)?)
        };
        let (size, name) = (field(6)?, field(11)?);
        if archive[at + HEADER..].starts_with(b"TRAILER!!!\0") {
            return Ok(at);
        }
        at = (at + HEADER + name).next_multiple_of(4).saturating_add(size).next_multiple_of(4);
    }
}

fn entry(archive: Vec<u8>, name: &str, mode: u32, bytes: &[u8], epoch: u64) -> Result<Vec<u8>> {
    // The format has 32 bits for times (initramfs buffer format, c_mtime).
    let builder = NewcBuilder::new(name).mode(mode).nlink(1).mtime(epoch as u32);
    let mut writer = builder.write(archive, bytes.len() as u32);
    writer.write_all(bytes)?;
    writer.finish().with_context(|| format!("cannot add {name} to the initramfs"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{entry, for_node, split, trailer};
    use crate::overlay::{Content, OverlayFile};

    fn archive(names: &[&str]) -> Vec<u8> {
        let add = |archive, name: &&str| entry(archive, name, 0o100_644, b"role's", 7).unwrap();
        cpio::newc::trailer(names.iter().fold(Vec::new(), add)).unwrap()
    }

    fn listing(mut archive: &[u8]) -> Vec<(String, u32)> {
        let mut entries = Vec::new();
        loop {
            let reader = cpio::NewcReader::new(archive).unwrap();
            let (name, size) = (reader.entry().name().to_owned(), reader.entry().file_size());
            if reader.entry().is_trailer() {
                return entries;
            }
            entries.push((name, size));
            archive = reader.finish().unwrap();
        }
    }

    #[test]
    fn a_nodes_files_come_last_in_the_one_archive() {
        let mut role = archive(&["kernel/x86/microcode/AuthenticAMD.bin"]);
        role.resize(role.len().next_multiple_of(512), 0);
        role.extend(archive(&["kernel/x86/microcode/GenuineIntel.bin"]));
        role.resize(role.len().next_multiple_of(512), 0);
        let early = role.len();
        role.extend(zstd::encode_all(archive(&["init", "etc/mdadm/mdadm.conf"]).as_slice(), 3).unwrap());
        let content = Content::File(b"the node's".to_vec());
        let own = OverlayFile { path: "etc/mdadm/mdadm.conf".into(), mode: 0o644, content };
        let node = for_node(&role, &[own], 7).unwrap();
        let (microcode, packed) = split(&node).unwrap();
        assert_eq!(microcode, &role[..early]);
        let whole = zstd::decode_all(packed).unwrap();
        let expected = [
            ("init", 6),
            ("etc/mdadm/mdadm.conf", 6),
            ("etc", 0),
            ("etc/mdadm", 0),
            ("etc/mdadm/mdadm.conf", 10),
        ];
        assert_eq!(listing(&whole), expected.map(|(name, size)| (name.to_owned(), size)));
        assert!(whole.len() - trailer(&whole).unwrap() < 512);
    }

    #[test]
    fn what_is_no_initramfs_is_said() {
        let error = for_node(b"070701 and nothing else", &[], 7).unwrap_err();
        assert!(format!("{error:#}").ends_with("its archive is damaged"), "{error:#}");
        let error = for_node(b"\x1f\x8b gzip", &[], 7).unwrap_err();
        assert!(format!("{error:#}").ends_with("its main archive is not compressed by zstd"), "{error:#}");
    }
}
