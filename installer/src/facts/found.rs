//! A disk, with all that stands in the way of using it.

use serde::Serialize;

use super::content::Content;
use super::table::{Piece, Table};
use super::{DiskFacts, DiskLabel};

/// A disk of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// What a plan is made of; the name is the device, such as `/dev/sda`.
    pub facts: DiskFacts,
    /// It cannot be written.
    pub read_only: bool,
    /// Why it, or a partition of it, could not be looked at; nobody knows then what is on it.
    pub unreadable: Option<String>,
    /// Who uses it or a partition of it: `/dev/sda1 is mounted at /mnt`.
    pub in_use: Option<String>,
    /// Its MBR holds GRUB's boot code.
    pub our_boot_code: bool,
    /// Its partition table, if it has one that can be read.
    pub table: Option<Table>,
    /// The partitions that the kernel has made of it, in the order of their numbers.
    pub partitions: Vec<Piece>,
    /// What lies on it and on its partitions.
    pub contents: Vec<Content>,
}

impl Found {
    /// A disk with nothing on it.
    #[must_use]
    pub fn blank(facts: DiskFacts) -> Self {
        Self {
            facts,
            read_only: false,
            unreadable: None,
            in_use: None,
            our_boot_code: false,
            table: None,
            partitions: Vec::new(),
            contents: Vec::new(),
        }
    }

    /// Whether nothing but an empty partition table is on it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let only_tables =
            self.contents.iter().all(|content| content.is_table() && content.device == self.facts.name);
        let has_no_parts = match &self.table {
            Some(table) => table.partitions.is_empty(),
            None => self.contents.is_empty(),
        };
        only_tables && has_no_parts && self.partitions.is_empty()
    }

    /// As a person knows it: `/dev/sda (Any Disk, serial S1, 8G)`.
    #[must_use]
    pub fn describe(&self) -> String {
        let DiskLabel { serial, model, .. } = &self.facts.label;
        let serial =
            if serial.is_empty() { "no serial number".to_owned() } else { format!("serial {serial}") };
        let model = if model.is_empty() { "unknown model" } else { model };
        format!("{} ({model}, {serial}, {})", self.facts.name, self.facts.size)
    }

    /// The place of its connector, else its name. Ids of a node follow this order: the kernel's names change with the
    /// order in which disks answer.
    pub(super) fn order(&self) -> (bool, Words, Words) {
        let (path, name) = (&self.facts.label.path, &self.facts.name);
        (path.is_empty(), natural(path), natural(name))
    }
}

/// Words with their lengths in front, to be compared.
pub(super) type Words = Vec<(usize, String)>;

/// The words of a text, shorter ones first: `eth2` before `eth10`, `ata-2` before `ata-10`, also where numbers are
/// hexadecimal.
pub(super) fn natural(text: &str) -> Words {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.map(|word| (word.len(), word.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Found, natural};
    use crate::facts::content::Content;
    use crate::facts::table::{Piece, Table};
    use crate::facts::{DiskFacts, DiskLabel};
    use crate::units::{Bytes, SectorSize};

    fn disk(name: &str, path: &str) -> Found {
        let label = DiskLabel { path: path.to_owned(), ..DiskLabel::default() };
        Found::blank(DiskFacts { label, ..DiskFacts::new(name, Bytes::GIB * 8, SectorSize::B512) })
    }

    #[test]
    fn disks_are_ordered_by_their_connectors() {
        let mut disks = [
            disk("/dev/sdaa", ""),
            disk("/dev/sdb", ""),
            disk("/dev/sda", "pci-0000:00:1f.2-ata-10.0"),
            disk("/dev/sdc", "pci-0000:00:1f.2-ata-2.0"),
        ];
        disks.sort_by_key(Found::order);
        let names = disks.iter().map(|disk| disk.facts.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["/dev/sdc", "/dev/sda", "/dev/sdb", "/dev/sdaa"]);
        assert!(natural("eth9") < natural("eth10"));
    }

    #[test]
    fn an_empty_table_is_blank_and_an_unreadable_one_is_not() {
        let mut found = disk("/dev/sda", "");
        assert!(found.is_blank());
        let gpt = |device: &str| Content {
            device: device.to_owned(),
            kind: "gpt".to_owned(),
            label: String::new(),
            uuid: String::new(),
            offset: Bytes(512),
        };
        found.contents = vec![gpt("/dev/sda")];
        assert!(!found.is_blank());
        let table = Table { label: "gpt".to_owned(), id: String::new(), partitions: vec![] };
        found.table = Some(table.clone());
        assert!(found.is_blank());
        let piece = Piece { device: "/dev/sda1".to_owned(), start: Bytes::MIB, size: Bytes::MIB };
        found.table = Some(Table { partitions: vec![piece], ..table });
        assert!(!found.is_blank());
    }

    #[test]
    fn a_disk_is_told_by_what_stands_on_it() {
        let mut found = disk("/dev/sda", "");
        assert_eq!(found.describe(), "/dev/sda (unknown model, no serial number, 8G)");
        (found.facts.label.model, found.facts.label.serial) = ("Any Disk".to_owned(), "S1".to_owned());
        assert_eq!(found.describe(), "/dev/sda (Any Disk, serial S1, 8G)");
    }
}
