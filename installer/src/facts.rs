//! What is there: the disks that a plan may use.

use serde::Serialize;

use crate::units::{Bytes, NotASize, SectorSize};

/// One disk of a machine, or of an image that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskFacts {
    /// How messages call it: `disk0` for an image, a device path on a machine.
    pub name: String,
    /// Its whole size.
    pub size: Bytes,
    /// Its logical sector size.
    pub sector_size: SectorSize,
}

/// More disks than any node has; keeps a slip of the finger (`8Gx2` for `2x8G`) from filling the memory.
const MOST_DISKS: usize = 256;

/// Why a text does not say which disks an image has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDisks {
    /// An empty list, or two commas in a row.
    #[error("`{0}` has an empty item: write the disks as `2x8G,1x4G`")]
    Empty(String),
    /// Not a size.
    #[error("in `{item}`: {reason}")]
    Size {
        /// The item.
        item: String,
        /// What is wrong with it.
        reason: NotASize,
    },
    /// The part before `x` is not a number of disks.
    #[error(
        "in `{item}`: `{count}` is not a number of disks from 1 to {MOST_DISKS}; write `2x8G` for two disks of 8G"
    )]
    Count {
        /// The item.
        item: String,
        /// The part before `x`.
        count: String,
    },
    /// The part after `@` is not a sector size.
    #[error("in `{item}`: `{sector}` is not a sector size: it is 512 or 4096")]
    Sector {
        /// The item.
        item: String,
        /// The part after `@`.
        sector: String,
    },
    /// The disk would end in the middle of a sector.
    #[error("in `{item}`: {size} is not a whole number of sectors of {sector} bytes")]
    Uneven {
        /// The item.
        item: String,
        /// The size.
        size: Bytes,
        /// The sector size.
        sector: u64,
    },
    /// Too many.
    #[error("{0} disks are more than the {MOST_DISKS} that a node may have")]
    TooMany(usize),
}

/// The disks of an image, from a list such as `2x8G,1x4G` or `8G,4T@4096`: they become `disk0`, `disk1`, ….
///
/// # Errors
/// The first item that does not say how many disks of which size.
pub fn parse_disks(text: &str) -> Result<Vec<DiskFacts>, NotDisks> {
    let mut disks = Vec::new();
    for item in text.split(',').map(str::trim) {
        if item.is_empty() {
            return Err(NotDisks::Empty(text.to_owned()));
        }
        let (count, size, sector_size) = parse_item(item)?;
        let wanted = disks.len() + count;
        if wanted > MOST_DISKS {
            return Err(NotDisks::TooMany(wanted));
        }
        disks.extend((disks.len()..wanted).map(|at| DiskFacts {
            name: format!("disk{at}"),
            size,
            sector_size,
        }));
    }
    Ok(disks)
}

fn parse_item(item: &str) -> Result<(usize, Bytes, SectorSize), NotDisks> {
    let (disks, sector_size) = match item.split_once('@') {
        Some((disks, sector)) => (disks, parse_sector_size(item, sector)?),
        None => (item, SectorSize::B512),
    };
    let (count, size) = match disks.split_once('x') {
        Some((count, size)) => (parse_count(item, count)?, size),
        None => (1, disks),
    };
    let size: Bytes = size.parse().map_err(|reason| NotDisks::Size { item: item.to_owned(), reason })?;
    let sector = sector_size.into();
    if !size.0.is_multiple_of(sector) {
        return Err(NotDisks::Uneven { item: item.to_owned(), size, sector });
    }
    Ok((count, size, sector_size))
}

fn parse_count(item: &str, count: &str) -> Result<usize, NotDisks> {
    let number = count.parse().ok().filter(|number| (1..=MOST_DISKS).contains(number));
    number.ok_or_else(|| NotDisks::Count { item: item.to_owned(), count: count.to_owned() })
}

fn parse_sector_size(item: &str, sector: &str) -> Result<SectorSize, NotDisks> {
    match sector {
        "512" => Ok(SectorSize::B512),
        "4096" => Ok(SectorSize::B4096),
        _ => Err(NotDisks::Sector { item: item.to_owned(), sector: sector.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskFacts, parse_disks};
    use crate::units::{Bytes, SectorSize};

    fn disk(number: usize, gib: u64, sector_size: SectorSize) -> DiskFacts {
        DiskFacts { name: format!("disk{number}"), size: Bytes::GIB * gib, sector_size }
    }

    #[test]
    fn disks_of_an_image() {
        use SectorSize::{B512, B4096};
        let table = [
            ("8G", vec![disk(0, 8, B512)]),
            ("2x8G,1x4G", vec![disk(0, 8, B512), disk(1, 8, B512), disk(2, 4, B512)]),
            ("4G, 2x1T@4096", vec![disk(0, 4, B512), disk(1, 1024, B4096), disk(2, 1024, B4096)]),
        ];
        for (text, expected) in table {
            assert_eq!(parse_disks(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_are_not_disks() {
        let table = [
            ("", "`` has an empty item: write the disks as `2x8G,1x4G`"),
            ("8G,,4G", "`8G,,4G` has an empty item: write the disks as `2x8G,1x4G`"),
            (
                "8Q",
                "in `8Q`: `8Q` is not a size: write a whole number with K, M, G or T behind it, such as `8G`",
            ),
            (
                "2x",
                "in `2x`: `` is not a size: write a whole number with K, M, G or T behind it, such as `8G`",
            ),
            (
                "8Gx2",
                "in `8Gx2`: `8G` is not a number of disks from 1 to 256; write `2x8G` for two disks of 8G",
            ),
            (
                "0x8G",
                "in `0x8G`: `0` is not a number of disks from 1 to 256; write `2x8G` for two disks of 8G",
            ),
            ("8G@520", "in `8G@520`: `520` is not a sector size: it is 512 or 4096"),
            ("5K@4096", "in `5K@4096`: 5K is not a whole number of sectors of 4096 bytes"),
            ("200x1G,100x1G", "300 disks are more than the 256 that a node may have"),
        ];
        for (text, message) in table {
            let refused = parse_disks(text).map_err(|error| error.to_string());
            assert_eq!(refused, Err(message.to_owned()), "{text}");
        }
    }
}
