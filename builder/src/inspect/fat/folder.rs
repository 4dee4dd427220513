//! Entries of a folder: 32 bytes each, long names in entries of their own before the short one.

use crate::inspect::fields::{Fields, printable};

/// Bytes of an entry.
pub const ENTRY: usize = 32;
const LONG_NAME: u8 = 0x0f;
const IS_LABEL: u8 = 0x08;
const IS_FOLDER: u8 = 0x10;
const DELETED: u8 = 0xe5;
/// Where a long name's letters are in an entry.
const LETTERS: [(usize, usize); 3] = [(1, 10), (14, 12), (28, 4)];
/// A name has no more entries.
const MOST_PARTS: usize = 20;

/// A file or a folder in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its first cluster.
    pub cluster: u32,
    /// Its length in bytes; 0 for a folder.
    pub size: u32,
}

/// The entries of a folder, without labels and the links to itself and its parent.
#[must_use]
pub fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut long: Vec<String> = Vec::new();
    for fields in bytes.chunks_exact(ENTRY).map(Fields).take_while(|fields| fields.u8(0) != Some(0)) {
        match fields.u8(11) {
            _ if fields.u8(0) == Some(DELETED) => long.clear(),
            Some(LONG_NAME) if long.len() < MOST_PARTS => long.push(letters(fields)),
            Some(LONG_NAME) => long.clear(),
            Some(attributes) if attributes & IS_LABEL == 0 => {
                // The last part comes first.
                let name: String = long.drain(..).rev().collect();
                found.extend(entry(fields, attributes, name));
            }
            _ => long.clear(),
        }
    }
    found
}

fn entry(fields: Fields<'_>, attributes: u8, long: String) -> Option<Entry> {
    let name = if long.is_empty() { short(fields)? } else { long };
    let cluster = u32::from(fields.u16(20)?) << 16 | u32::from(fields.u16(26)?);
    let entry = Entry { name, is_folder: attributes & IS_FOLDER != 0, cluster, size: fields.u32(28)? };
    (entry.name != "." && entry.name != "..").then_some(entry)
}

fn letters(fields: Fields<'_>) -> String {
    LETTERS
        .iter()
        .filter_map(|(at, length)| fields.wide_text(*at, *length))
        .collect::<String>()
        .replace('\u{ffff}', "")
}

/// Eight letters and three, filled up with spaces.
fn short(fields: Fields<'_>) -> Option<String> {
    let part = |at, length| Some(printable(String::from_utf8_lossy(fields.slice(at, length)?).trim_end()));
    let (name, ending) = (part(0, 8)?, part(8, 3)?);
    Some(if ending.is_empty() { name } else { format!("{name}.{ending}") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Entry, entries};

    fn short(name: &[u8; 11], attributes: u8, cluster: u8) -> Vec<u8> {
        let mut entry = vec![0; 32];
        entry[..11].copy_from_slice(name);
        (entry[11], entry[26], entry[28]) = (attributes, cluster, 9);
        entry
    }

    fn long(order: u8, letters: &str) -> Vec<u8> {
        let mut units: Vec<u16> = letters.encode_utf16().collect();
        units.push(0);
        units.resize(13, 0xffff);
        let mut entry = vec![0; 32];
        (entry[0], entry[11]) = (order, 0x0f);
        for (unit, at) in units.iter().zip([1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]) {
            entry[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        entry
    }

    #[test]
    fn short_and_long_names_are_read() {
        let folder = [
            short(b"ESP        ", 0x08, 0),
            short(b".          ", 0x10, 2),
            short(b"..         ", 0x10, 0),
            short(b"EFI        ", 0x10, 3),
            short(b"BOOTX64 EFI", 0x20, 4),
            short(b"\xe5OTX64 EFI ", 0x20, 4),
            long(0x42, "64.efi"),
            long(1, "Long name of "),
            short(b"LONGNA~1EFI", 0x20, 5),
            vec![0; 32],
            short(b"NOT    SEEN", 0x20, 6),
        ];
        let is =
            |name: &str, is_folder, cluster| Entry { name: name.to_owned(), is_folder, cluster, size: 9 };
        assert_eq!(
            entries(&folder.concat()),
            [is("EFI", true, 3), is("BOOTX64.EFI", false, 4), is("Long name of 64.efi", false, 5)]
        );
    }

    #[test]
    fn names_without_end_are_dropped() {
        let folder: Vec<u8> = (0..1000).flat_map(|_| long(1, "xxxxxxxxxxxxx")).collect();
        assert_eq!(entries(&folder), []);
        assert_eq!(entries(&[1; 31]), []);
    }
}
