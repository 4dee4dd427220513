//! The write-intent bitmap of a member: `bitmap_super_t` in the kernel's `drivers/md/md-bitmap.h`, and behind it one bit for
//! each chunk that may differ between members.

use installer::units::Bytes;
use serde::Serialize;
use uuid::Uuid;

use crate::inspect::fields::Fields;

/// Bytes before the bits.
pub const HEADER: usize = 256;
/// Bits of more than this are not counted: 8 million chunks.
pub const MOST: usize = 1 << 20;
const IS_STALE: u32 = 2;
const HAS_WRITE_ERROR: u32 = 4;

/// A bitmap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bitmap {
    /// The array that it belongs to.
    #[serde(skip)]
    pub array: Uuid,
    /// 3 and 4; 5 if several nodes share the array.
    #[serde(skip)]
    pub version: u32,
    /// Of the last change that it knows of.
    pub events: u64,
    /// What it covers.
    pub covers: Bytes,
    /// Bytes for each bit.
    pub chunk: Bytes,
    /// It missed changes, or could not be written.
    #[serde(skip)]
    pub is_useless: bool,
    /// Chunks that may differ; none if they were not counted.
    pub dirty: Option<u64>,
}

impl Bitmap {
    /// Reads the header; nothing if there is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        let bitmap = Self {
            array: fields.uuid(8)?,
            version: fields.u32(4)?,
            events: fields.u64(24)?,
            covers: Bytes(fields.u64(40)?.saturating_mul(512)),
            chunk: Bytes(fields.u32(52)?.into()),
            is_useless: fields.u32(48)? & (IS_STALE | HAS_WRITE_ERROR) != 0,
            dirty: None,
        };
        fields.has(0, b"bitm").then_some(bitmap)
    }

    /// How many bits there are.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.covers.0.div_ceil(self.chunk.0.max(1))
    }

    /// Bytes of the bits, if they can be counted: the nodes of a cluster have a bitmap each.
    #[must_use]
    pub fn length(&self) -> Option<usize> {
        let length = usize::try_from(self.chunks().div_ceil(8)).ok()?;
        (self.chunk.0.is_power_of_two() && self.version < 5 && length <= MOST).then_some(length)
    }

    /// The bitmap with its bits counted, if `bits` has them all.
    #[must_use]
    pub fn counted(mut self, bits: &[u8]) -> Self {
        if self.length() == Some(bits.len()) {
            // What is behind the last chunk does not count.
            let beyond = (bits.len() as u64).saturating_mul(8).saturating_sub(self.chunks());
            let used = |(index, byte): (usize, &u8)| {
                if index + 1 == bits.len() { byte & 0xff >> beyond } else { *byte }
            };
            self.dirty = Some(bits.iter().enumerate().map(|byte| u64::from(used(byte).count_ones())).sum());
        }
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Bitmap;

    fn header(sectors: u64, chunk: u32) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        bytes[..8].copy_from_slice(b"bitm\x04\0\0\0");
        bytes[40..48].copy_from_slice(&sectors.to_le_bytes());
        bytes[52..56].copy_from_slice(&chunk.to_le_bytes());
        bytes
    }

    #[test]
    fn only_bits_of_chunks_are_counted() {
        let bitmap = Bitmap::read(&header(20, 1024)).unwrap();
        assert_eq!((bitmap.chunks(), bitmap.length()), (10, Some(2)));
        assert_eq!(bitmap.clone().counted(&[0xff, 0xff]).dirty, Some(10));
        assert_eq!(bitmap.clone().counted(&[0, 4]).dirty, Some(0));
        assert_eq!(bitmap.counted(&[0]).dirty, None);
    }

    #[test]
    fn more_bits_than_anybody_has_are_not_counted() {
        for (sectors, chunk) in [(u64::MAX, 1), (u64::MAX, 0), (1 << 40, 512), (9, 3)] {
            assert_eq!(Bitmap::read(&header(sectors, chunk)).unwrap().length(), None, "{sectors} {chunk}");
        }
        assert_eq!(Bitmap::read(b"bitm"), None);
        assert_eq!(Bitmap::read(&[0; 256]), None);
    }
}
