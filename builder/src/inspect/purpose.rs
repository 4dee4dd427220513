//! What partitions say that they are for, in words.
//!
//! Type GUIDs: the UAPI group's Discoverable Partitions Specification, and what `sfdisk --list-types` knows; types of an MBR:
//! the same list.

use installer::plan::PartitionKind;
use uuid::{Uuid, uuid};

/// What a partition must hold to be of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A member of an array.
    Raid,
    /// A physical volume.
    Lvm,
    /// Swap space.
    Swap,
    /// The EFI system partition.
    Esp,
    /// Anything.
    Other,
}

const GUIDS: [(Uuid, Purpose, &str); 16] = [
    (PartitionKind::BiosBoot.type_guid(), Purpose::Other, "BIOS boot"),
    (PartitionKind::Esp.type_guid(), Purpose::Esp, "EFI system"),
    (PartitionKind::Raid.type_guid(), Purpose::Raid, "Linux RAID"),
    (PartitionKind::Lvm.type_guid(), Purpose::Lvm, "Linux LVM"),
    (PartitionKind::Swap.type_guid(), Purpose::Swap, "Linux swap"),
    (PartitionKind::Linux.type_guid(), Purpose::Other, "Linux file system"),
    (PartitionKind::Drbd.type_guid(), Purpose::Other, "Linux reserved"),
    (uuid!("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"), Purpose::Other, "Linux root (x86-64)"),
    (uuid!("933ac7e1-2eb4-4f13-b844-0e14e2aef915"), Purpose::Other, "Linux home"),
    (uuid!("3b8f8425-20e0-4f3b-907f-1a25a76f98e8"), Purpose::Other, "Linux server data"),
    (uuid!("4d21b016-b534-45c2-a9fb-5c16e091fd2d"), Purpose::Other, "Linux variable data"),
    (uuid!("bc13c2ff-59e6-4262-a352-b275fd6f7172"), Purpose::Other, "Linux extended boot"),
    (uuid!("ca7d7ccb-63ed-4c53-861c-1742536059cc"), Purpose::Other, "LUKS"),
    (uuid!("e3c9e316-0b5c-4db8-817d-f92df00215ae"), Purpose::Other, "Microsoft reserved"),
    (uuid!("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"), Purpose::Other, "Microsoft basic data"),
    (uuid!("de94bba4-06d1-4d40-a16a-bfd50179d6ac"), Purpose::Other, "Windows recovery"),
];

const BYTES: [(u8, Purpose, &str); 10] = [
    (0x07, Purpose::Other, "NTFS or exFAT"),
    (0x06, Purpose::Other, "FAT16"),
    (0x0b, Purpose::Other, "FAT32"),
    (0x0c, Purpose::Other, "FAT32"),
    (0x0e, Purpose::Other, "FAT16"),
    (0x82, Purpose::Swap, "Linux swap"),
    (0x83, Purpose::Other, "Linux"),
    (0x8e, Purpose::Lvm, "Linux LVM"),
    (0xef, Purpose::Esp, "EFI system"),
    (0xfd, Purpose::Raid, "Linux RAID"),
];

/// What a type GUID means; one that nobody knows is shown as it is.
#[must_use]
pub fn of_guid(guid: Uuid) -> (Purpose, String) {
    let found = GUIDS.iter().find(|(known, ..)| *known == guid);
    found.map_or_else(
        || (Purpose::Other, format!("type {guid}")),
        |(_, purpose, text)| (*purpose, (*text).to_owned()),
    )
}

/// What a type of an MBR means.
#[must_use]
pub fn of_byte(byte: u8) -> (Purpose, String) {
    let found = BYTES.iter().find(|(known, ..)| *known == byte);
    let unknown = || (Purpose::Other, format!("type {byte:02x}"));
    found.map_or_else(unknown, |(_, purpose, text)| (*purpose, (*text).to_owned()))
}

/// Attributes of a GPT partition that change how it is treated (UEFI specification 2.10, table 5.8).
#[must_use]
pub fn attributes(bits: u64) -> Vec<&'static str> {
    let known = [(0, "required"), (1, "hidden from firmware"), (2, "legacy BIOS bootable")];
    known.into_iter().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, text)| text).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use uuid::{Uuid, uuid};

    use super::{Purpose, attributes, of_byte, of_guid};

    #[test]
    fn what_is_not_known_is_shown_as_it_is() {
        let esp = uuid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        assert_eq!(of_guid(esp), (Purpose::Esp, "EFI system".to_owned()));
        assert_eq!(of_guid(Uuid::max()).1, "type ffffffff-ffff-ffff-ffff-ffffffffffff");
        assert_eq!((of_byte(0x8e).0, of_byte(0x42).1), (Purpose::Lvm, "type 42".to_owned()));
        assert_eq!(attributes(0b101), ["required", "legacy BIOS bootable"]);
    }
}
