//! Fields at fixed offsets in bytes that come from a disk. Nothing about them is believed: what would lie beyond the
//! end of the bytes is not there.

use uuid::Uuid;

/// Stands for a character that must not reach a terminal.
const HIDDEN: char = '\u{fffd}';

/// Bytes from a disk.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// So many bytes.
    #[must_use]
    pub fn slice(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }

    /// Whether exactly these bytes lie there.
    #[must_use]
    pub fn has(self, at: usize, magic: &[u8]) -> bool {
        self.slice(at, magic.len()) == Some(magic)
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.slice(at, N)?.try_into().ok()
    }

    /// A byte.
    #[must_use]
    pub fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    /// A little-endian number of 16 bits.
    #[must_use]
    pub fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// A little-endian number of 32 bits.
    #[must_use]
    pub fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// A little-endian number of 32 bits with a sign.
    #[must_use]
    pub fn i32(self, at: usize) -> Option<i32> {
        self.array(at).map(i32::from_le_bytes)
    }

    /// A little-endian number of 64 bits.
    #[must_use]
    pub fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// A UUID as md and file systems write it: in the order of its text.
    #[must_use]
    pub fn uuid(self, at: usize) -> Option<Uuid> {
        self.array(at).map(Uuid::from_bytes)
    }

    /// A UUID as a GPT writes it: its first three fields little-endian.
    #[must_use]
    pub fn guid(self, at: usize) -> Option<Uuid> {
        self.array(at).map(Uuid::from_bytes_le)
    }

    /// Text that ends with a NUL or with the field.
    #[must_use]
    pub fn text(self, at: usize, length: usize) -> Option<String> {
        let bytes = self.slice(at, length)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(length);
        Some(printable(&String::from_utf8_lossy(&bytes[..end])))
    }

    /// Text in UTF-16, as in a GPT.
    #[must_use]
    pub fn wide_text(self, at: usize, length: usize) -> Option<String> {
        let units =
            self.slice(at, length)?.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let units = units.take_while(|unit| *unit != 0);
        Some(printable(&char::decode_utf16(units).map(|unit| unit.unwrap_or(HIDDEN)).collect::<String>()))
    }
}

/// The text without anything that a terminal would obey: control characters, and marks that turn the direction.
#[must_use]
pub fn printable(text: &str) -> String {
    let obeyed = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if obeyed(letter) { HIDDEN } else { letter }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Fields, printable};

    #[test]
    fn what_lies_beyond_the_end_is_not_there() {
        let fields = Fields(&[1, 2, 3, 4]);
        assert_eq!((fields.u16(2), fields.u16(3), fields.u32(0)), (Some(0x0403), None, Some(0x0403_0201)));
        assert_eq!((fields.u8(usize::MAX), fields.u64(usize::MAX)), (None, None));
        assert!(fields.has(1, &[2, 3]) && !fields.has(3, &[4, 5]));
    }

    #[test]
    fn text_ends_at_a_nul_and_cannot_move_the_cursor() {
        assert_eq!(Fields(b"root\0rest").text(0, 9).as_deref(), Some("root"));
        assert_eq!(Fields(b"full").text(0, 4).as_deref(), Some("full"));
        assert_eq!(Fields(b"a\0b\0\0\0x\0").wide_text(0, 8).as_deref(), Some("ab"));
        assert_eq!(printable("\u{1b}[2Jx\u{202e}"), "\u{fffd}[2Jx\u{fffd}");
    }
}
