//! The partition table of a disk, as `sfdisk` tells it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::host::Command;
use crate::units::Bytes;

/// What older versions of sfdisk, which do not say it, count in.
const SECTOR: u64 = 512;

/// A partition table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// `gpt`, `dos`, ….
    pub label: String,
    /// The id of the disk: a GUID, or the number in an MBR.
    pub id: String,
    /// Its entries.
    pub partitions: Vec<Piece>,
}

/// A part of a disk: a partition of a table, or of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Its device, such as `/dev/sda1`.
    pub device: String,
    /// Where it begins on the disk.
    pub start: Bytes,
    /// How long it is.
    pub size: Bytes,
}

impl Piece {
    /// Where it ends.
    #[must_use]
    pub const fn end(&self) -> Bytes {
        Bytes(self.start.0.saturating_add(self.size.0))
    }
}

impl Table {
    /// The disk GUID, if it is a GPT.
    #[must_use]
    pub fn guid(&self) -> Option<Uuid> {
        if self.label == "gpt" { self.id.parse().ok() } else { None }
    }
}

/// The command that shows the table of a disk.
#[must_use]
pub fn show(disk: &str) -> Command {
    Command::new(["sfdisk", "--json", disk])
}

#[derive(Deserialize)]
struct Report {
    partitiontable: Described,
}

#[derive(Deserialize)]
struct Described {
    label: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    sectorsize: Option<u64>,
    #[serde(default)]
    partitions: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    node: String,
    start: u64,
    size: u64,
}

/// What [`show`] has written.
///
/// # Errors
/// What is wrong with the text.
pub fn parse(report: &str) -> Result<Table, String> {
    let report: Report = serde_json::from_str(report).map_err(|error| error.to_string())?;
    let Described { label, id, sectorsize, partitions } = report.partitiontable;
    let bytes = |sectors: u64| {
        let bytes = sectors.checked_mul(sectorsize.unwrap_or(SECTOR));
        bytes.map(Bytes).ok_or_else(|| format!("{sectors} sectors are more than any disk has"))
    };
    let piece = |entry: Entry| {
        Ok::<_, String>(Piece { start: bytes(entry.start)?, size: bytes(entry.size)?, device: entry.node })
    };
    let partitions = partitions.into_iter().map(piece).collect::<Result<_, _>>()?;
    Ok(Table { label, id, partitions })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Piece, parse};
    use crate::units::Bytes;

    #[test]
    fn a_gpt() {
        let table = parse(
            r#"{
               "partitiontable": {
                  "label": "gpt",
                  "id": "46B2F49F-626B-5371-AA63-1D529D961C8F",
                  "device": "/dev/sda",
                  "unit": "sectors",
                  "firstlba": 256,
                  "lastlba": 2097146,
                  "sectorsize": 4096,
                  "partitions": [
                     {
                        "node": "/dev/sda1",
                        "start": 256,
                        "size": 512,
                        "type": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
                        "uuid": "61A6B1FA-DC2D-4A3A-9DFB-3E4B22F8B6B3",
                        "name": "root"
                     }
                  ]
               }
            }"#,
        )
        .unwrap();
        assert_eq!(table.guid().unwrap().to_string(), "46b2f49f-626b-5371-aa63-1d529d961c8f");
        let piece = Piece { device: "/dev/sda1".to_owned(), start: Bytes::mib(1), size: Bytes::mib(2) };
        assert_eq!((piece.end(), table.partitions), (Bytes::mib(3), vec![piece]));
    }

    #[test]
    fn an_mbr_has_a_number_and_no_guid() {
        let text = r#"{"partitiontable": {"label": "dos", "id": "0x39e5896d", "device": "/dev/sda",
            "unit": "sectors", "partitions": [{"node": "/dev/sda1", "start": 2048, "size": 2048, "type": "83",
            "bootable": true}]}}"#;
        let table = parse(text).unwrap();
        assert_eq!((table.guid(), table.partitions[0].start), (None, Bytes::mib(1)));
    }

    #[test]
    fn empty_tables_and_nonsense() {
        let empty = r#"{"partitiontable": {"label": "gpt", "id": "x", "sectorsize": 512}}"#;
        assert_eq!(parse(empty).unwrap().partitions, []);
        let large = r#"{"partitiontable": {"label": "dos", "partitions":
            [{"node": "/dev/sda1", "start": 1, "size": 18446744073709551615}]}}"#;
        assert_eq!(parse(large), Err("18446744073709551615 sectors are more than any disk has".to_owned()));
        assert!(parse("").is_err());
    }
}
