//! The checksums that the formats carry.
//!
//! Written anew here, not shared with what writes the formats: a mistake of one must not hide in the other.

/// CRC-32 as in a GPT (UEFI specification 2.10, 5.3.2): the usual one, inverted before and after.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !reflected(0xedb8_8320, u32::MAX, bytes)
}

/// CRC-32C as ext4 uses it: Castagnoli's polynomial, never inverted at the end.
#[must_use]
pub fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    reflected(0x82f6_3b78, seed, bytes)
}

/// LVM's CRC-32 (lvm2 `lib/misc/crc.c`): the usual polynomial, an initial value of its own, no inversion.
#[must_use]
pub fn lvm(bytes: &[u8]) -> u32 {
    reflected(0xedb8_8320, 0xf597_a6cf, bytes)
}

/// The sum of all 32-bit words, carries folded in once (`calc_sb_1_csum` in the kernel's `drivers/md/md.c`).
#[must_use]
pub fn folded_sum(bytes: &[u8]) -> u32 {
    let word = |part: &[u8]| part.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let sum: u64 = bytes.chunks(4).map(word).fold(0, u64::wrapping_add);
    let folded = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
    u32::try_from(folded & 0xffff_ffff).unwrap_or_default()
}

fn reflected(polynomial: u32, initial: u32, bytes: &[u8]) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
    bytes.iter().fold(initial, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{crc32, crc32c, folded_sum};

    /// The check values of both are those of every catalogue of CRCs.
    #[test]
    fn check_values_are_those_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(!crc32c(u32::MAX, b"123456789"), 0xe306_9283);
    }

    #[test]
    fn carries_are_folded_in_and_a_half_word_counts() {
        assert_eq!(folded_sum(&[0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0]), 2);
        assert_eq!(folded_sum(&[1, 0, 0, 0, 2, 1]), 0x103);
    }
}
