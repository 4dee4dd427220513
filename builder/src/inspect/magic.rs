//! What is known by its magic number only (offsets and numbers: libblkid's `superblocks/`).

/// Name, offset, magic number.
const HEAD: [(&str, usize, &[u8]); 21] = [
    ("LUKS", 0, b"LUKS\xba\xbe"),
    ("XFS", 0, b"XFSB"),
    ("NTFS", 3, b"NTFS    "),
    ("exFAT", 3, b"EXFAT   "),
    ("BitLocker", 3, b"-FVE-FS-"),
    ("squashfs", 0, b"hsqs"),
    ("VMDK image", 0, b"KDMV"),
    ("VHDX image", 0, b"vhdxfile"),
    ("EROFS", 1024, &[0xe2, 0xe1, 0xf5, 0xe0]),
    ("F2FS", 1024, &[0x10, 0x20, 0xf5, 0xf2]),
    ("OCFS2", 1024, b"OCFSV2"),
    ("OCFS2", 2048, b"OCFSV2"),
    ("OCFS2", 4096, b"OCFSV2"),
    ("OCFS2", 8192, b"OCFSV2"),
    ("OCFS", 8192, b"OracleCFS"),
    (
        "bcache",
        4120,
        &[0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81],
    ),
    ("ISO 9660", 32769, b"CD001"),
    ("UDF", 32769, b"BEA01"),
    ("GFS2", 65536, &[0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1]),
    ("ReiserFS", 65588, b"ReIsEr"),
    ("btrfs", 65600, b"_BHRfS_M"),
];
/// Boot sectors of these look like an MBR.
const BOOT_SECTORS: [&str; 3] = ["NTFS", "exFAT", "BitLocker"];

/// Bytes from the start of a device that hold all magic numbers.
pub const HEAD_LENGTH: usize = 68 << 10;
/// Bytes from its end that do.
pub const TAIL_LENGTH: usize = 128 << 10;

/// What the start of a device is known by.
#[must_use]
pub fn of_head(head: &[u8]) -> Option<&'static str> {
    let has = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
    HEAD.iter().find(|(_, at, magic)| has(*at, magic)).map(|(name, ..)| *name)
}

/// A boot sector that must not be taken for an MBR.
#[must_use]
pub fn of_boot_sector(head: &[u8]) -> Option<&'static str> {
    of_head(head).filter(|name| BOOT_SECTORS.contains(name))
}

/// What the end of a device of `size` bytes is known by; `tail` ends with the device.
#[must_use]
pub fn of_tail(tail: &[u8], size: u64) -> Option<&'static str> {
    let has = |before_end: u64, magic: &[u8]| {
        let start = usize::try_from(before_end).ok().and_then(|length| tail.len().checked_sub(length));
        start.and_then(|at| tail.get(at..)).is_some_and(|rest| rest.starts_with(magic))
    };
    // At a multiple of 64 KiB, 64 KiB or more before the end (`MD_NEW_SIZE_SECTORS` in `md_p.h`).
    let old_md = size - (size & !0xffff) + 0x10000;
    if has(old_md, &[0xfc, 0x4e, 0x2b, 0xa9, 0, 0, 0, 0]) {
        return Some("md metadata 0.90");
    }
    let known: [(&str, u64, &[u8]); 3] = [
        ("Intel RAID", 1024, b"Intel Raid ISM Cfg Sig. "),
        ("DDF RAID", 512, &[0xde, 0x11, 0xde, 0x11]),
        ("DDF RAID", 512, &[0x11, 0xde, 0x11, 0xde]),
    ];
    known.into_iter().find(|(_, at, magic)| has(*at, magic)).map(|(name, ..)| name)
}

/// The version of DRBD whose internal metadata lie at the end of a device (`drbd.c` in libblkid).
#[must_use]
pub fn drbd(tail: &[u8]) -> Option<&'static str> {
    let start = tail.len().checked_sub(4096)?;
    match tail.get(start + 60..start + 64)? {
        [0x83, 0x74, 0x02, 0x6b | 0x6c] => Some("8"),
        [0x83, 0x74, 0x02, 0x6d] => Some("9"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{HEAD, HEAD_LENGTH, TAIL_LENGTH, drbd, of_boot_sector, of_head, of_tail};

    #[test]
    fn every_magic_number_lies_in_the_head() {
        for (name, at, magic) in HEAD {
            let mut head = vec![0; HEAD_LENGTH];
            head[at..at + magic.len()].copy_from_slice(magic);
            assert_eq!(of_head(&head), Some(name));
            assert_eq!(of_head(&head[..at + magic.len() - 1]), None, "{name}, cut off");
        }
        assert_eq!(of_boot_sector(b"\0\0\0NTFS    "), Some("NTFS"));
        assert_eq!(of_boot_sector(b"LUKS\xba\xbe"), None);
    }

    #[test]
    fn the_end_is_looked_at_too() {
        let size = (1 << 20) + 512;
        let mut tail = vec![0; TAIL_LENGTH];
        tail[TAIL_LENGTH - 4096 + 60..][..4].copy_from_slice(&[0x83, 0x74, 0x02, 0x6d]);
        assert_eq!((drbd(&tail), of_tail(&tail, size)), (Some("9"), None));
        tail[TAIL_LENGTH - 512 - 0x10000..][..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
        assert_eq!(of_tail(&tail, size), Some("md metadata 0.90"));
        assert_eq!((drbd(&[]), of_tail(&[], 0), of_tail(&[1], 1)), (None, None, None));
    }
}
