//! A node's initramfs: the role's, with the node's own files at its end, where they replace the role's.
//!
//! The slow part, what is in it and how that is packed, is made once for all nodes ([`open_ended`]). The kernel would also
//! take a second archive behind the first (Documentation/driver-api/early-userspace/buffer-format.rst), but
//! unmkinitramfs(8) stops reading at the first trailer, and fails where zstd is not done by then. So there is one archive
//! in one frame, and the node's files are blocks of that, which are not packed
//! ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1)).

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
/// zstd's, and a descriptor that promises neither a size nor a checksum of the whole.
const FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0];
/// Of such a frame: those, and the size of its window.
const FRAME_HEADER: usize = 6;
/// Of a block: bit 0 says that it is the last one, two bits its type, the other ones its size.
const BLOCK_HEADER: usize = 3;
const LAST: u8 = 1;
/// One byte, as often as its size says.
const REPEATED: u32 = 1;
/// An empty last block, which is not packed.
const END: [u8; BLOCK_HEADER] = [LAST, 0, 0];
/// No block may have more.
const LARGEST_BLOCK: usize = 128 << 10;
/// Of an entry.
const HEADER: usize = 110;
/// With its name, which ends on a multiple of 4.
const TRAILER_LENGTH: usize = 124;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// An initramfs as mkinitramfs(8) makes it, packed so that [`for_node`] can go on with it: its main archive has no trailer.
///
/// # Errors
/// When it is none.
pub fn open_ended(initramfs: &[u8]) -> Result<Vec<u8>> {
    let (early, packed) = split(initramfs)?;
    let mut archive = zstd::decode_all(packed)?;
    archive.truncate(trailer(&archive)?);
    let mut open = early.to_vec();
    open.extend(zstd::encode_all(archive.as_slice(), LEVEL)?);
    Ok(open)
}

/// The role's initramfs, which is [`open_ended`], with what `files` add to it.
///
/// # Errors
/// When it is something else.
pub fn for_node(role: &[u8], files: &[OverlayFile], epoch: u64) -> Result<Vec<u8>> {
    let (early, frame) = split(role).context("cannot read the role's initramfs")?;
    let last = last_block(frame).context("cannot read the role's initramfs")?;
    let mut node = role.to_vec();
    node[early.len() + last] &= !LAST;
    for block in own_entries(files, epoch)?.chunks(LARGEST_BLOCK) {
        node.extend(&(block.len() << 3).to_le_bytes()[..BLOCK_HEADER]);
        node.extend(block);
    }
    node.extend(END);
    Ok(node)
}

/// The end of the archive.
fn own_entries(files: &[OverlayFile], epoch: u64) -> Result<Vec<u8>> {
    let mut archive = entry(Vec::new(), "etc", DIRECTORY | 0o755, &[], epoch)?;
    for (from, to) in CARRIED {
        let Some(file) = files.iter().find(|file| file.path == Path::new(from)) else { continue };
        if let Content::File(bytes) = &file.content {
            let folder = Path::new(to).parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
            archive = entry(archive, &folder, DIRECTORY | 0o755, &[], epoch)?;
            archive = entry(archive, to, REGULAR | file.mode, bytes, epoch)?;
        }
    }
    cpio::newc::trailer(archive).context("cannot end the initramfs")
}

/// Where the last block begins, with which the frame ends.
fn last_block(frame: &[u8]) -> Result<usize> {
    ensure!(frame.starts_with(FRAME), "its main archive was packed by another program");
    let mut at = FRAME_HEADER;
    loop {
        let header = frame.get(at..at + BLOCK_HEADER).context("its main archive is cut off")?;
        let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let size = if header >> 1 & 3 == REPEATED { 1 } else { header as usize >> 3 };
        let end = at + BLOCK_HEADER + size;
        if header & u32::from(LAST) != 0 {
            ensure!(end == frame.len(), "its main archive does not end where its last block does");
            return Ok(at);
        }
        at = end;
    }
}

/// The archives with microcode, which are not compressed, and the compressed one behind them.
fn split(initramfs: &[u8]) -> Result<(&[u8], &[u8])> {
    let mut at = 0;
    while initramfs[at..].starts_with(MAGIC) {
        let end = trailer(&initramfs[at..])? + TRAILER_LENGTH;
        let padding = initramfs[at + end..].iter().take_while(|byte| **byte == 0).count();
        at += end + padding;
    }
    ensure!(initramfs[at..].starts_with(&FRAME[..4]), "its main archive is not compressed by zstd");
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
    use super::{LARGEST_BLOCK, entry, for_node, open_ended, split, trailer};
    use crate::overlay::{Content, OverlayFile};
    use std::io::Write as _;

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

    /// As mkinitramfs makes it: microcode, and a main archive that zstd(1) has packed, with a checksum.
    fn made() -> (Vec<u8>, usize) {
        let mut role = archive(&["kernel/x86/microcode/AuthenticAMD.bin"]);
        role.resize(role.len().next_multiple_of(512), 0);
        role.extend(archive(&["kernel/x86/microcode/GenuineIntel.bin"]));
        role.resize(role.len().next_multiple_of(512), 0);
        let early = role.len();
        let mut packed = zstd::Encoder::new(&mut role, 1).unwrap();
        packed.include_checksum(true).unwrap();
        packed.write_all(&archive(&["init", "etc/mdadm/mdadm.conf"])).unwrap();
        packed.finish().unwrap();
        (role, early)
    }

    fn own(bytes: &[u8]) -> OverlayFile {
        let content = Content::File(bytes.to_vec());
        OverlayFile { path: "etc/mdadm/mdadm.conf".into(), mode: 0o644, content }
    }

    #[test]
    fn a_nodes_files_come_last_in_the_one_archive() {
        let (made, early) = made();
        let large = vec![b'x'; 2 * LARGEST_BLOCK];
        let node = for_node(&open_ended(&made).unwrap(), &[own(&large)], 7).unwrap();
        let (microcode, packed) = split(&node).unwrap();
        assert_eq!(microcode, &made[..early]);
        let whole = zstd::decode_all(packed).unwrap();
        let size = large.len() as u32;
        let expected = [
            ("init", 6),
            ("etc/mdadm/mdadm.conf", 6),
            ("etc", 0),
            ("etc/mdadm", 0),
            ("etc/mdadm/mdadm.conf", size),
        ];
        assert_eq!(listing(&whole), expected.map(|(name, size)| (name.to_owned(), size)));
        assert!(whole.len() - trailer(&whole).unwrap() < 512);
    }

    #[test]
    fn what_is_no_initramfs_is_said() {
        let error = open_ended(b"070701 and nothing else").unwrap_err();
        assert_eq!(error.to_string(), "its archive is damaged");
        let error = open_ended(b"\x1f\x8b gzip").unwrap_err();
        assert_eq!(error.to_string(), "its main archive is not compressed by zstd");
    }

    #[test]
    fn what_is_not_open_ended_is_said() {
        let said = |role: &[u8]| format!("{:#}", for_node(role, &[], 7).unwrap_err());
        let (made, _) = made();
        let is = |because: &str| format!("cannot read the role's initramfs: its main archive {because}");
        assert_eq!(said(&made), is("was packed by another program"));
        let mut open = open_ended(&made).unwrap();
        open.push(0);
        assert_eq!(said(&open), is("does not end where its last block does"));
        open.truncate(open.len() - 8);
        assert_eq!(said(&open), is("does not end where its last block does"));
    }
}
