//! A physical volume with any text for metadata, and checksums that are right: no guess would get past them.

use crate::inspect::checksum;

const AREA: usize = 4096;
const TEXT: usize = AREA + 512;

/// The bytes of a physical volume whose only copy of the metadata is `text`.
#[must_use]
pub fn with_text(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; TEXT + text.len()];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    put(512, b"LABELONE\x01");
    put(512 + 20, b"\x20\0\0\0LVM2 001");
    put(512 + 32, &[b'A'; 32]);
    put(512 + 72, &(1_u64 << 20).to_le_bytes());
    put(512 + 104, &(AREA as u64).to_le_bytes());
    put(512 + 112, &(1_u64 << 20).to_le_bytes());
    put(AREA + 4, b" LVM2 x[5A%r0N*>\x01");
    put(AREA + 24, &(AREA as u64).to_le_bytes());
    put(AREA + 32, &(1_u64 << 20).to_le_bytes());
    put(AREA + 40, &512_u64.to_le_bytes());
    put(AREA + 48, &(text.len() as u64).to_le_bytes());
    put(AREA + 56, &checksum::lvm(text).to_le_bytes());
    put(TEXT, text);
    for (at, from, to) in [(512 + 16, 512 + 20, 1024), (AREA, AREA + 4, TEXT)] {
        let sum = checksum::lvm(&bytes[from..to]);
        bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    }
    bytes
}
