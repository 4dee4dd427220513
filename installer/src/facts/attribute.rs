//! Values as sysfs and procfs write them.

use crate::units::Bytes;

/// sysfs counts in these, whatever the disk's own sectors are.
const SECTOR: u64 = 512;

/// A text without what makers pad it with. What a terminal would obey is blotted out: it comes from a device.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// `0` or `1`.
#[must_use]
pub fn flag(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// A number of sectors of 512 bytes.
#[must_use]
pub fn sectors(text: &str) -> Option<Bytes> {
    text.parse::<u64>().ok()?.checked_mul(SECTOR).map(Bytes)
}

/// `MemTotal` of `/proc/meminfo`.
#[must_use]
pub fn memory(meminfo: &str) -> Option<Bytes> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(Bytes::KIB.0).map(Bytes)
}

/// Whether the variable `SecureBoot` of efivarfs says yes: four bytes of attributes, then one of value.
#[must_use]
pub fn secure_boot(variable: &[u8]) -> bool {
    matches!(variable, [_, _, _, _, 1])
}

#[cfg(test)]
mod tests {
    use super::{flag, memory, sectors, secure_boot, text};
    use crate::units::Bytes;

    #[test]
    fn values_are_read_or_not_there() {
        assert_eq!(text(b"  QEMU HARDDISK   \n"), "QEMU HARDDISK");
        assert_eq!(text(b"\0\0S1\x1b[2J\0"), "S1\u{fffd}[2J");
        assert_eq!([flag("0"), flag("1"), flag("")], [Some(false), Some(true), None]);
        assert_eq!(sectors("16"), Some(Bytes(8192)));
        assert_eq!([sectors("-1"), sectors("18446744073709551615")], [None, None]);
    }

    #[test]
    fn memory_is_all_of_it() {
        assert_eq!(memory("MemTotal:         501760 kB\nMemFree:  1 kB\n"), Some(Bytes::mib(490)));
        assert_eq!(memory("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn secure_boot_is_on_or_off() {
        assert!(secure_boot(&[6, 0, 0, 0, 1]));
        assert!(!secure_boot(&[6, 0, 0, 0, 0]));
        assert!(!secure_boot(&[]));
    }
}
