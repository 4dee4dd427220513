//! The header of a metadata area: `struct mda_header` in lvm2 `lib/format_text/layout.h`. Behind it lies text, in a ring.

use installer::units::Bytes;

use crate::inspect::checksum;
use crate::inspect::fields::Fields;

/// Bytes of the header.
pub const LENGTH: usize = 512;
/// Text longer than this is not read.
pub const MOST_TEXT: usize = 4 << 20;
const MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether its checksum is right.
    pub is_whole: bool,
    /// Where it says that the area lies.
    pub own: Bytes,
    /// How long the area is.
    pub size: Bytes,
    /// The text; none if the physical volume belongs to no group.
    pub text: Option<Text>,
}

/// Where text lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Offset in the area.
    pub at: Bytes,
    /// Length.
    pub size: Bytes,
    /// Its checksum.
    pub checksum: u32,
    /// This area is not kept up to date.
    pub is_ignored: bool,
}

impl Header {
    /// Reads a header; nothing if the bytes are none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        if !fields.has(4, MAGIC) {
            return None;
        }
        let text = Text {
            at: Bytes(fields.u64(40)?),
            size: Bytes(fields.u64(48)?),
            checksum: fields.u32(56)?,
            is_ignored: fields.u32(60)? & 1 == 1,
        };
        Some(Self {
            is_whole: Some(checksum::lvm(fields.slice(4, LENGTH - 4)?)) == fields.u32(0),
            own: Bytes(fields.u64(24)?),
            size: Bytes(fields.u64(32)?),
            text: Some(text).filter(|text| text.at != Bytes::ZERO),
        })
    }

    /// The parts of the area in which the text lies: two if it goes over the end of the ring. Nothing if it cannot lie in the
    /// area, or is longer than [`MOST_TEXT`].
    #[must_use]
    pub fn parts(&self, text: &Text) -> Option<[(Bytes, usize); 2]> {
        let ring = LENGTH as u64;
        let is_inside = text.at.0 >= ring && text.at.0 < self.size.0;
        let length = usize::try_from(text.size.0).ok().filter(|length| *length <= MOST_TEXT)?;
        let first = usize::try_from(self.size.0.checked_sub(text.at.0)?).unwrap_or(usize::MAX).min(length);
        let second = length - first;
        let fits = is_inside && ring.checked_add(second as u64)? <= text.at.0;
        fits.then_some([(text.at, first), (Bytes(ring), second)])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use installer::units::Bytes;

    use super::{Header, MOST_TEXT, Text};

    fn parts(size: u64, at: u64, length: u64) -> Option<[(u64, usize); 2]> {
        let text = Text { at: Bytes(at), size: Bytes(length), checksum: 0, is_ignored: false };
        let header = Header { is_whole: true, own: Bytes(4096), size: Bytes(size), text: Some(text) };
        header.parts(&text).map(|parts| parts.map(|(at, length)| (at.0, length)))
    }

    #[test]
    fn text_goes_over_the_end_of_the_ring() {
        assert_eq!(parts(4096, 512, 1000), Some([(512, 1000), (512, 0)]));
        assert_eq!(parts(4096, 4000, 1000), Some([(4000, 96), (512, 904)]));
    }

    #[test]
    fn text_that_cannot_be_there_is_not_read() {
        for (size, at, length) in [
            (4096, 0, 10),
            (4096, 4096, 10),
            (4096, 1024, 4000),
            (u64::MAX, 512, MOST_TEXT as u64 + 1),
            (4096, u64::MAX, u64::MAX),
            (0, 512, 0),
        ] {
            assert_eq!(parts(size, at, length), None, "{size} {at} {length}");
        }
    }

    #[test]
    fn what_is_short_is_no_header() {
        assert_eq!(Header::read(b"\0\0\0\0 LVM2 x[5A%r0N*>"), None);
        assert_eq!(Header::read(&[0; 512]), None);
    }
}
