//! Sizes: bytes as people write them, and rounding that never lies about its direction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A size or an offset in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One kibibyte.
    pub const KIB: Self = Self(1 << 10);
    /// One mebibyte: the alignment of every partition.
    pub const MIB: Self = Self(1 << 20);
    /// One gibibyte.
    pub const GIB: Self = Self(1 << 30);

    /// `n` mebibytes.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// The largest multiple of `unit` that is not above `self` (a floor).
    #[must_use]
    pub const fn align_down(self, unit: Self) -> Self {
        Self(self.0 / unit.0 * unit.0)
    }

    /// The smallest multiple of `unit` that is not below `self` (a ceiling).
    #[must_use]
    pub const fn align_up(self, unit: Self) -> Self {
        Self(self.0.div_ceil(unit.0) * unit.0)
    }

    /// `self - other`, or zero where `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::ops::Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for Bytes {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::Mul<u64> for Bytes {
    type Output = Self;
    fn mul(self, factor: u64) -> Self {
        Self(self.0 * factor)
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        Self(sizes.map(|size| size.0).sum())
    }
}

const SUFFIXES: [(char, u32); 5] = [('P', 50), ('T', 40), ('G', 30), ('M', 20), ('K', 10)];

/// Exact where the size is a whole number of a unit (`8G`, `512M`), else two decimals (`3.73G`).
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((suffix, shift)) = SUFFIXES.into_iter().find(|(_, shift)| self.0 >> shift > 0) else {
            return f.pad(&self.0.to_string());
        };
        let unit = 1_u64 << shift;
        if self.0.is_multiple_of(unit) {
            return f.pad(&format!("{}{suffix}", self.0 / unit));
        }
        let hundredths = u128::from(self.0) * 100 / u128::from(unit);
        f.pad(&format!("{}.{:02}{suffix}", hundredths / 100, hundredths % 100))
    }
}

/// Why a text is not a size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size: write a whole number with K, M, G or T behind it, such as `8G`")]
pub struct NotASize(String);

/// `8G`, `512M`, `2T`, `4096`; the units are powers of 1024.
impl FromStr for Bytes {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let wrong = || NotASize(text.to_owned());
        let (digits, shift) = match text.char_indices().last() {
            Some((at, last)) if last.is_ascii_alphabetic() => {
                let suffix = last.to_ascii_uppercase();
                let known = SUFFIXES.into_iter().find(|(letter, _)| *letter == suffix);
                (&text[..at], known.ok_or_else(wrong)?.1)
            }
            _ => (text, 0),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(wrong)
    }
}

/// The logical sector size of a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub enum SectorSize {
    /// 512 bytes: the disk boots by BIOS and by UEFI.
    #[default]
    B512,
    /// 4096 bytes: UEFI only, since BIOS firmware cannot read such a disk.
    B4096,
}

impl From<SectorSize> for u64 {
    fn from(size: SectorSize) -> Self {
        match size {
            SectorSize::B512 => 512,
            SectorSize::B4096 => 4096,
        }
    }
}

/// Why a number is not a sector size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a sector size: it is 512 or 4096")]
pub struct NotASectorSize(u64);

impl TryFrom<u64> for SectorSize {
    type Error = NotASectorSize;

    fn try_from(bytes: u64) -> Result<Self, NotASectorSize> {
        match bytes {
            512 => Ok(Self::B512),
            4096 => Ok(Self::B4096),
            other => Err(NotASectorSize(other)),
        }
    }
}

impl SectorSize {
    /// As a size in bytes.
    #[must_use]
    pub fn bytes(self) -> Bytes {
        Bytes(self.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, NotASize};

    #[test]
    fn sizes_are_read_and_shown_as_people_write_them() {
        for (text, bytes) in
            [("8G", 8 << 30), ("512M", 512 << 20), ("1k", 1024), ("4096", 4096), ("2T", 2 << 40)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
        }
        assert_eq!(Bytes::mib(1536).to_string(), "1.50G");
        assert_eq!(Bytes::mib(2048).to_string(), "2G");
        assert_eq!(Bytes(100).to_string(), "100");
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in ["", "G", "8Gi", "-1G", "1.5G", "8X", "99999999T"] {
            assert_eq!(text.parse::<Bytes>(), Err(NotASize(text.to_owned())));
        }
    }

    #[test]
    fn up_is_a_ceiling_and_down_a_floor() {
        let unit = Bytes(4096);
        assert_eq!((Bytes(4097).align_down(unit), Bytes(4097).align_up(unit)), (Bytes(4096), Bytes(8192)));
        assert_eq!((Bytes(8192).align_down(unit), Bytes(8192).align_up(unit)), (Bytes(8192), Bytes(8192)));
    }
}
