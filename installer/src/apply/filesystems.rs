//! File systems, swap and EFI system partitions, made by the tools that know them best.

use super::WORK;
use super::device;
use super::step::{Action, Step};
use crate::format::esp::{self, esps};
use crate::format::{Epoch, Piece, ext, swap};
use crate::model::storage::FilesystemKind;
use crate::plan::{Filesystem, Partition, PartitionRef, Plan};
use crate::units::Bytes;

pub(super) fn make(plan: &Plan, epoch: Epoch) -> Vec<Step> {
    let config = format!("{WORK}/mke2fs.conf");
    let bytes = ext::CONFIG.as_bytes().to_vec();
    let put = Step::new("configuring mke2fs", Action::Put { path: config.clone(), bytes });
    let filesystems = plan.filesystems.iter().map(|filesystem| make_one(plan, filesystem, &config, epoch));
    let esps = esps(plan).flat_map(|(at, partition)| make_esp(plan, at, partition));
    [put].into_iter().chain(filesystems).chain(esps).collect()
}

fn make_one(plan: &Plan, filesystem: &Filesystem, config: &str, epoch: Epoch) -> Step {
    let node = device::node(plan, &filesystem.on);
    let call = match filesystem.kind {
        FilesystemKind::Ext4 => ext::mke2fs_on_device(filesystem, &node, config, epoch),
        FilesystemKind::Swap => swap::mkswap(filesystem, &node),
    };
    let what = format!("making the file system {} on {node}", filesystem.label);
    Step::run(what, call).on(device::disks(plan, &filesystem.on))
}

/// Emptied first, and synced: an earlier life had its EFI system partition in the same place and of the same shape. Of what
/// `mkfs.vfat` writes a power cut may leave the boot sector alone, and with it all that was there would be back.
pub(super) fn make_esp(plan: &Plan, at: PartitionRef, partition: &Partition) -> [Step; 2] {
    let node = device::partition_of(plan, at);
    let sector_size = at.disk(plan).map(|disk| disk.sector_size).unwrap_or_default();
    let empty = Piece::zeros(Bytes::ZERO, esp::index_size(partition, sector_size));
    let empty = Action::Write { device: node.clone(), pieces: vec![empty] };
    let make = esp::mkfs(partition, sector_size, &node);
    [
        Step::new(format!("emptying the EFI system partition {node}"), empty),
        Step::run(format!("making the EFI system partition {node}"), make),
    ]
    .map(|step| step.on(at.disk(plan).map(|disk| &disk.name)))
}
