//! The EFI system partition: an empty FAT32, made by `mkfs.vfat`.
//!
//! Not by `fatfs`: 0.3.6 writes directories that `fsck.vfat` wants to repair.

use installer::plan::Partition;
use installer::units::SectorSize;
use uuid::Uuid;

use super::ToolCall;

/// The FAT volume id of an ESP: the first field of its PARTUUID, so that no two ESPs of a node share one.
#[must_use]
pub fn volume_id(guid: Uuid) -> u32 {
    guid.as_fields().0
}

/// Makes the file system in `file`, which has the size of the partition already. Its sectors are the disk's: firmware
/// reads no other.
#[must_use]
pub fn mkfs(partition: &Partition, sector_size: SectorSize, file: &str) -> ToolCall {
    let id = format!("{:08x}", volume_id(partition.guid));
    let sector = u64::from(sector_size).to_string();
    ToolCall::new(["mkfs.vfat", "-F", "32", "--invariant", "-i", &id, "-n", "ESP", "-S", &sector, file])
}

#[cfg(test)]
mod tests {
    use installer::units::SectorSize;

    use super::mkfs;
    use crate::compose::fixture;

    #[test]
    fn the_volume_id_comes_from_the_partition() {
        let plan = fixture::raid1();
        let esp = &plan.disks[1].partitions[1];
        assert_eq!(
            mkfs(esp, SectorSize::B4096, "esp.img").argv.join(" "),
            "mkfs.vfat -F 32 --invariant -i 0000010f -n ESP -S 4096 esp.img"
        );
    }
}
