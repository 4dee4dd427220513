//! What is there: the disks that a plan may use, and the machine that they are in.
//!
//! The rooms: `machine` and `found` are what a probe finds, `probe` looks. The others read one kind of text each:
//! `attribute`, `vpd` and `by_path` what sysfs has, `content` and `table` what programs say, `usage` who uses a
//! device, `boot_code` the first sector.

pub mod attribute;
pub mod boot_code;
pub mod by_path;
pub mod content;
pub mod found;
pub mod machine;
pub mod probe;
pub mod table;
pub mod usage;
pub mod vpd;

use serde::Serialize;

pub use self::content::Content;
pub use self::found::Found;
pub use self::machine::{Firmware, Machine, Nic};
pub use self::table::{Piece, Table};

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
    /// What tells it from others of its size.
    pub label: DiskLabel,
}

impl DiskFacts {
    /// A disk of which nothing else is known.
    #[must_use]
    pub fn new(name: impl Into<String>, size: Bytes, sector_size: SectorSize) -> Self {
        Self { name: name.into(), size, sector_size, label: DiskLabel::default() }
    }
}

/// What stands on a disk. Texts are empty where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiskLabel {
    /// Serial number.
    pub serial: String,
    /// World wide name.
    pub wwn: String,
    /// Model.
    pub model: String,
    /// Name below `/dev/disk/by-path`.
    pub path: String,
    /// Whether it turns; none where that is unknown.
    pub rotational: Option<bool>,
}

/// More disks than any node has; keeps a slip of the finger (`8Gx2` for `2x8G`) from filling the memory.
pub(crate) const MOST_DISKS: usize = 256;

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
    /// What follows a `:` says nothing about a disk.
    #[error(
        "in `{item}`: `{trait_}` says nothing about a disk: write `:serial=`, `:wwn=`, `:model=`, `:path=` or `:rotational=yes|no`"
    )]
    Trait {
        /// The item.
        item: String,
        /// What follows the `:`.
        trait_: String,
    },
    /// Too many.
    #[error("{0} disks are more than the {MOST_DISKS} that a node may have")]
    TooMany(usize),
}

/// The disks of an image, from a list such as `2x8G,1x4G` or `8G:serial=S1,4T@4096:rotational=yes`: they become `disk0`,
/// `disk1`, ….
///
/// # Errors
/// The first item that does not say how many disks of which size.
pub fn parse_disks(text: &str) -> Result<Vec<DiskFacts>, NotDisks> {
    let mut disks = Vec::new();
    for item in text.split(',').map(str::trim) {
        if item.is_empty() {
            return Err(NotDisks::Empty(text.to_owned()));
        }
        let (count, disk) = parse_item(item)?;
        let wanted = disks.len() + count;
        if wanted > MOST_DISKS {
            return Err(NotDisks::TooMany(wanted));
        }
        disks.extend((disks.len()..wanted).map(|at| DiskFacts { name: format!("disk{at}"), ..disk.clone() }));
    }
    Ok(disks)
}

/// Disks of these sizes of which nothing else is known: `disk0`, `disk1`, …
#[must_use]
pub fn of_sizes(sizes: &[Bytes]) -> Vec<DiskFacts> {
    let facts = |(at, size): (usize, &Bytes)| DiskFacts::new(format!("disk{at}"), *size, SectorSize::B512);
    sizes.iter().enumerate().map(facts).collect()
}

/// How many disks, and what each is; it has no name yet.
fn parse_item(item: &str) -> Result<(usize, DiskFacts), NotDisks> {
    let mut traits = item.split(':');
    let geometry = traits.next().unwrap_or_default();
    let (disks, sector_size) = match geometry.split_once('@') {
        Some((disks, sector)) => (disks, parse_sector_size(item, sector)?),
        None => (geometry, SectorSize::B512),
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
    let mut disk = DiskFacts::new("", size, sector_size);
    traits.try_for_each(|text| parse_trait(item, text, &mut disk.label))?;
    Ok((count, disk))
}

fn parse_trait(item: &str, text: &str, label: &mut DiskLabel) -> Result<(), NotDisks> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    match (key, value) {
        ("serial", _) => value.clone_into(&mut label.serial),
        ("wwn", _) => value.clone_into(&mut label.wwn),
        ("model", _) => value.clone_into(&mut label.model),
        ("path", _) => value.clone_into(&mut label.path),
        ("rotational", "yes" | "no") => label.rotational = Some(value == "yes"),
        _ => return Err(NotDisks::Trait { item: item.to_owned(), trait_: text.to_owned() }),
    }
    Ok(())
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{DiskFacts, DiskLabel, parse_disks};
    use crate::units::{Bytes, SectorSize};

    fn disk(number: usize, gib: u64, sector_size: SectorSize) -> DiskFacts {
        DiskFacts::new(format!("disk{number}"), Bytes::GIB * gib, sector_size)
    }

    #[test]
    fn what_stands_on_a_disk() {
        let disks = parse_disks("8G:serial=S1:model=Any Disk:wwn=0x5:path=pci-1:rotational=no").unwrap();
        let label = DiskLabel {
            serial: "S1".to_owned(),
            wwn: "0x5".to_owned(),
            model: "Any Disk".to_owned(),
            path: "pci-1".to_owned(),
            rotational: Some(false),
        };
        assert_eq!(disks, [DiskFacts { label, ..disk(0, 8, SectorSize::B512) }]);
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
            (
                "8G:rotational=maybe",
                "in `8G:rotational=maybe`: `rotational=maybe` says nothing about a disk: write `:serial=`, `:wwn=`, \
                 `:model=`, `:path=` or `:rotational=yes|no`",
            ),
            ("200x1G,100x1G", "300 disks are more than the 256 that a node may have"),
        ];
        for (text, message) in table {
            let refused = parse_disks(text).map_err(|error| error.to_string());
            assert_eq!(refused, Err(message.to_owned()), "{text}");
        }
    }
}
