//! RAID levels: what they are called, how large they are, and what they can do without.

use std::fmt;

use installer::units::Bytes;
use serde::{Serialize, Serializer};

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Members one behind the other.
    Linear,
    /// Stripes.
    Raid0,
    /// Mirrors.
    Raid1,
    /// Stripes with one parity, on a member of its own.
    Raid4,
    /// Stripes with one parity.
    Raid5,
    /// Stripes with two parities.
    Raid6,
    /// Striped mirrors.
    Raid10,
    /// One that md may know and we do not.
    Other(i32),
}

impl Level {
    pub(super) const fn of(number: i32) -> Self {
        match number {
            -1 => Self::Linear,
            0 => Self::Raid0,
            1 => Self::Raid1,
            4 => Self::Raid4,
            5 => Self::Raid5,
            6 => Self::Raid6,
            10 => Self::Raid10,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear => f.write_str("linear"),
            Self::Raid0 => f.write_str("RAID0"),
            Self::Raid1 => f.write_str("RAID1"),
            Self::Raid4 => f.write_str("RAID4"),
            Self::Raid5 => f.write_str("RAID5"),
            Self::Raid6 => f.write_str("RAID6"),
            Self::Raid10 => f.write_str("RAID10"),
            Self::Other(number) => write!(f, "level {number}"),
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How many copies RAID10 keeps, and where: its layout number (`setup_geo` in the kernel's `drivers/md/raid10.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// On neighbouring members.
    pub near: u32,
    /// Elsewhere.
    pub far: u32,
}

impl Copies {
    /// From a layout number.
    #[must_use]
    pub const fn of(layout: u32) -> Self {
        Self { near: layout & 0xff, far: layout >> 8 & 0xff }
    }

    /// All of them; 0 is a layout that makes no sense.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.near * self.far
    }
}

/// The layout of a level in words, as mdadm calls it; nothing where there is no choice.
#[must_use]
pub fn layout(level: Level, layout: u32) -> Option<String> {
    const PARITY: [&str; 4] = ["left-asymmetric", "right-asymmetric", "left-symmetric", "right-symmetric"];
    match level {
        Level::Raid5 | Level::Raid6 => {
            let known = usize::try_from(layout).ok().and_then(|index| PARITY.get(index));
            Some(known.map_or_else(|| format!("layout {layout:#x}"), |text| (*text).to_owned()))
        }
        Level::Raid10 => {
            let Copies { near, far } = Copies::of(layout);
            Some(match (near, far, layout >> 16) {
                (near, 1, 0) => format!("near {near}"),
                (1, far, 0) => format!("far {far}"),
                (1, far, 1) => format!("offset {far}"),
                _ => format!("layout {layout:#x}"),
            })
        }
        _ => None,
    }
}

/// How large an array is of which each of `slots` members gives `member` bytes; nothing where the members need not be
/// equal, or the level is not known.
#[must_use]
pub fn size(level: Level, layout: u32, slots: u32, member: Bytes, chunk: Bytes) -> Option<Bytes> {
    let slots = u64::from(slots);
    let times = |count: u64| Some(Bytes(member.0.saturating_mul(count)));
    match level {
        Level::Raid1 => Some(member),
        Level::Raid4 | Level::Raid5 => times(slots.checked_sub(1)?),
        Level::Raid6 => times(slots.checked_sub(2)?),
        Level::Raid10 => {
            let Copies { near, far } = Copies::of(layout);
            // In the kernel's order (`raid10_size`), for each division rounds down.
            let chunks = member.0.checked_div(chunk.0)?.checked_div(far.into())?.saturating_mul(slots);
            Some(Bytes(chunks.checked_div(near.into())?.saturating_mul(chunk.0)))
        }
        Level::Linear | Level::Raid0 | Level::Other(_) => None,
    }
}

/// Whether an array of which only these members are there has all its data.
#[must_use]
pub fn suffices(level: Level, layout: u32, present: &[bool]) -> bool {
    let missing = present.iter().filter(|present| !**present).count();
    match level {
        Level::Raid1 => present.contains(&true),
        Level::Raid4 | Level::Raid5 => missing <= 1,
        Level::Raid6 => missing <= 2,
        Level::Raid10 => every_copy_set(Copies::of(layout), present),
        Level::Linear | Level::Raid0 | Level::Other(_) => missing == 0,
    }
}

/// One of each set of neighbours that hold the same chunks is enough (`_enough` in `drivers/md/raid10.c`).
fn every_copy_set(copies: Copies, present: &[bool]) -> bool {
    let (Ok(all), Ok(near)) = (usize::try_from(copies.all()), usize::try_from(copies.near)) else {
        return false;
    };
    if all == 0 || all > present.len() {
        return false;
    }
    let set = |first: usize| (0..all).any(|copy| present[(first + copy) % present.len()]);
    (0..present.len()).map(|index| index * near % present.len()).all(set)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use installer::units::Bytes;

    use super::{Level, layout, size, suffices};

    #[test]
    fn layouts_are_called_as_mdadm_calls_them() {
        let table = [
            (Level::Raid1, 0, None),
            (Level::Raid5, 2, Some("left-symmetric")),
            (Level::Raid6, 77, Some("layout 0x4d")),
            (Level::Raid10, 0x102, Some("near 2")),
            (Level::Raid10, 0x201, Some("far 2")),
            (Level::Raid10, 0x10201, Some("offset 2")),
            (Level::Raid10, 0, Some("layout 0x0")),
        ];
        for (level, number, text) in table {
            assert_eq!(layout(level, number).as_deref(), text, "{level} {number:#x}");
        }
    }

    #[test]
    fn sizes_follow_the_level() {
        let of =
            |level, number, slots| size(level, number, slots, Bytes(1024), Bytes(512)).map(|size| size.0);
        assert_eq!(of(Level::Raid1, 0, 3), Some(1024));
        assert_eq!(of(Level::Raid5, 2, 4), Some(3072));
        assert_eq!(of(Level::Raid6, 2, 1), None);
        assert_eq!(of(Level::Raid10, 0x102, 4), Some(2048));
        assert_eq!(of(Level::Raid10, 0x102, 3), Some(1536));
        assert_eq!(of(Level::Raid10, 0, 4), None);
        assert_eq!(of(Level::Raid0, 0, 4), None);
    }

    #[test]
    fn an_array_needs_what_its_level_needs() {
        let table = [
            (Level::Raid0, 0, "11", true),
            (Level::Raid0, 0, "10", false),
            (Level::Raid1, 0, "01", true),
            (Level::Raid1, 0, "00", false),
            (Level::Raid5, 2, "101", true),
            (Level::Raid5, 2, "100", false),
            (Level::Raid6, 2, "1001", true),
            (Level::Raid10, 0x102, "1001", true),
            (Level::Raid10, 0x102, "0011", false),
            (Level::Raid10, 0x102, "101", true),
            (Level::Raid10, 0x102, "100", false),
            (Level::Raid10, 0x201, "0101", true),
            (Level::Raid10, 0x201, "0011", false),
            (Level::Raid10, 0, "1111", false),
            (Level::Raid10, 0xffff, "1", false),
        ];
        for (level, number, members, enough) in table {
            let present: Vec<bool> = members.chars().map(|member| member == '1').collect();
            assert_eq!(suffices(level, number, &present), enough, "{level} {number:#x} {members}");
        }
    }
}
