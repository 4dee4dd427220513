//! The EFI system partition: FAT32 with GRUB where every firmware looks for it, made by `mkfs.vfat` and mtools.
//!
//! Not by `fatfs`: 0.3.6 writes directories that `fsck.vfat` wants to repair.

use crate::plan::{Partition, PartitionKind, PartitionRef, Plan};
use crate::units::{Bytes, SectorSize};
use uuid::Uuid;

use super::{Epoch, ToolCall};

/// Where a machine without boot entries looks (UEFI 2.10, 3.5.1.1): disks can move from one machine to the next.
const FALLBACK: [&str; 2] = ["::/EFI", "::/EFI/BOOT"];
const APPLICATION: &str = "::/EFI/BOOT/BOOTX64.EFI";
/// Where a finished node carries its mark.
const MARKED: [&str; 2] = ["::/EFI", "::/EFI/xbuild"];
/// Sectors before the first table, as `mkfs.vfat` has them on FAT32.
const RESERVED: u64 = 32;
const LARGEST_CLUSTER: u64 = 64 << 10;
/// Where no machine looks.
const WITHHELD: &str = "::/EFI/BOOT/XBUILD.NEW";

/// The FAT volume id of an ESP: the first field of its PARTUUID, so that no two ESPs of a node share one.
#[must_use]
pub fn volume_id(guid: Uuid) -> u32 {
    guid.as_fields().0
}

/// The ESPs of a plan.
pub fn esps(plan: &Plan) -> impl Iterator<Item = (PartitionRef, &Partition)> {
    plan.partitions().filter(|(_, partition)| partition.kind == PartitionKind::Esp)
}

/// Makes the file system in `file`, which has the size of the partition already. Its sectors are the disk's: firmware
/// reads no other. The geometry, which nobody reads, is fixed: on a device it would be another one than in a file.
#[must_use]
pub fn mkfs(partition: &Partition, sector_size: SectorSize, file: &str) -> ToolCall {
    let id = format!("{:08x}", volume_id(partition.guid));
    let sector = u64::from(sector_size).to_string();
    let head = ["mkfs.vfat", "-F", "32", "--invariant", "-g", "255/63", "-h", "0"];
    ToolCall::new(head.into_iter().chain(["-i", &id, "-n", "ESP", "-S", &sector, file]))
}

/// How far into the partition [`mkfs`] may put what says which files there are: reserved sectors, two tables of four bytes
/// for each cluster, and the cluster of the root folder. A cluster has a sector at least.
#[must_use]
pub fn index_size(partition: &Partition, sector_size: SectorSize) -> Bytes {
    let sector = u64::from(sector_size);
    let tables = 2 * 4 * (partition.size.0 / sector);
    Bytes(RESERVED * sector + tables + LARGEST_CLUSTER)
}

/// Puts `application` into the file system in `file`, where firmware starts it.
#[must_use]
pub fn fill(file: &str, application: &str, epoch: Epoch) -> [ToolCall; 2] {
    copy(file, application, APPLICATION, epoch)
}

/// As [`fill`], but firmware does not find it before [`release`].
#[must_use]
pub fn withhold(file: &str, application: &str, epoch: Epoch) -> [ToolCall; 2] {
    copy(file, application, WITHHELD, epoch)
}

/// Lets firmware find what was put there by [`withhold`]: one sector of a folder changes.
#[must_use]
pub fn release(file: &str, epoch: Epoch) -> ToolCall {
    rename(file, WITHHELD, APPLICATION, epoch)
}

/// The opposite of [`release`].
#[must_use]
pub fn retract(file: &str, epoch: Epoch) -> ToolCall {
    rename(file, APPLICATION, WITHHELD, epoch)
}

/// Puts a mark beside it, of what has made the node; `filled` says whether [`fill`] has been there.
#[must_use]
pub fn mark(file: &str, (from, name): (&str, &str), filled: bool, epoch: Epoch) -> [ToolCall; 2] {
    let folders = if filled { &MARKED[1..] } else { &MARKED };
    let folders = ToolCall::new(["mmd", "-i", file].into_iter().chain(folders.iter().copied()));
    let to = format!("{}/{name}", MARKED[1]);
    let copy = ToolCall::new(["mcopy", "-i", file, from, &to]);
    [folders, copy].map(|call| call.with_env("SOURCE_DATE_EPOCH", epoch.0))
}

fn copy(file: &str, application: &str, to: &str, epoch: Epoch) -> [ToolCall; 2] {
    let folders = ToolCall::new(["mmd", "-i", file].into_iter().chain(FALLBACK));
    let copy = ToolCall::new(["mcopy", "-i", file, application, to]);
    [folders, copy].map(|call| call.with_env("SOURCE_DATE_EPOCH", epoch.0))
}

fn rename(file: &str, from: &str, to: &str, epoch: Epoch) -> ToolCall {
    ToolCall::new(["mren", "-i", file, from, to]).with_env("SOURCE_DATE_EPOCH", epoch.0)
}

#[cfg(test)]
mod tests {
    use crate::units::{Bytes, SectorSize};

    use super::{esps, fill, index_size, mkfs, release, withhold};
    use crate::format::{Epoch, fixture};

    #[test]
    fn firmware_finds_grub_without_an_entry() {
        assert_eq!(
            fill("esp.img", "grub.efi", Epoch(1)).map(|call| call.argv.join(" ")),
            ["mmd -i esp.img ::/EFI ::/EFI/BOOT", "mcopy -i esp.img grub.efi ::/EFI/BOOT/BOOTX64.EFI"]
        );
    }

    #[test]
    fn firmware_finds_nothing_before_it_may() {
        let [_, copy] = withhold("/dev/sda15", "grub.efi", Epoch(1));
        assert_eq!(copy.argv.join(" "), "mcopy -i /dev/sda15 grub.efi ::/EFI/BOOT/XBUILD.NEW");
        assert_eq!(
            release("/dev/sda15", Epoch(1)).argv.join(" "),
            "mren -i /dev/sda15 ::/EFI/BOOT/XBUILD.NEW ::/EFI/BOOT/BOOTX64.EFI"
        );
    }

    #[test]
    fn every_system_disk_has_an_esp() {
        let plan = fixture::raid10();
        let found: Vec<_> = esps(&plan).map(|(at, _)| (at.disk, at.number)).collect();
        assert_eq!(found, [(0, 15), (1, 15), (2, 15), (3, 15)]);
    }

    /// `mkfs.vfat` makes clusters of 8 sectors of 512 bytes there, or of one of 4096: tables of 512 KiB.
    #[test]
    fn the_index_of_512_mib_is_far_smaller_than_they_are() {
        let mut esp = fixture::raid1().disks[0].partitions[1].clone();
        esp.size = Bytes::mib(512);
        assert_eq!(index_size(&esp, SectorSize::B512), Bytes::mib(8) + Bytes::KIB * (16 + 64));
        assert_eq!(index_size(&esp, SectorSize::B4096), Bytes::mib(1) + Bytes::KIB * (128 + 64));
    }

    #[test]
    fn the_volume_id_comes_from_the_partition() {
        let plan = fixture::raid1();
        let esp = &plan.disks[1].partitions[1];
        assert_eq!(
            mkfs(esp, SectorSize::B4096, "esp.img").argv.join(" "),
            "mkfs.vfat -F 32 --invariant -g 255/63 -h 0 -i 0000010f -n ESP -S 4096 esp.img"
        );
    }
}
