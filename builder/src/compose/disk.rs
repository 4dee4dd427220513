//! The disks of a plan as files: metadata first, then volumes, boot code last, and a final name only when complete.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use installer::format::{Epoch, Piece, gpt, grub, lvm, mbr};
use installer::plan::{Array, Device, Disk, Partition, PartitionKind, Plan};
use installer::units::{Bytes, SectorSize};

use super::md;
use super::volume::Volume;
use crate::partial::{Partial, Readers};

/// The images of a plan's disks while they are written, as `disk0.img.partial` and so on.
///
/// Only [`DiskImages::finish`] gives them their final names; dropped before that, they are removed.
#[derive(Debug)]
pub struct DiskImages<'plan> {
    plan: &'plan Plan,
    dir: PathBuf,
    epoch: Epoch,
    images: Vec<Partial>,
}

impl<'plan> DiskImages<'plan> {
    /// Makes one sparse file per disk in `dir`, of the disk's size and all zeros.
    ///
    /// # Errors
    /// A plan that breaks its own rules, another process that is writing images there, or an I/O error.
    pub fn create(plan: &'plan Plan, dir: &Path, epoch: Epoch) -> Result<Self> {
        Self::create_for(Readers::Anybody, plan, dir, epoch)
    }

    /// The same, for whoever may read them.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn create_for(readers: Readers, plan: &'plan Plan, dir: &Path, epoch: Epoch) -> Result<Self> {
        plan.verify().map_err(|mistakes| anyhow!("BUG: {}", mistakes.join("; ")))?;
        let images = plan.disks.iter().enumerate().map(|(index, disk)| {
            let path = dir.join(format!("disk{index}.img"));
            Partial::create(path, disk.size, readers)
        });
        Ok(Self { plan, dir: dir.to_owned(), epoch, images: images.collect::<Result<_>>()? })
    }

    /// Writes partition tables, array and volume group metadata. Nothing of it makes a disk bootable.
    ///
    /// # Errors
    /// A name or a number that has no room in a format, or an I/O error.
    pub fn write_metadata(&self) -> Result<()> {
        for (disk, image) in self.plan.disks.iter().zip(&self.images) {
            gpt::write(disk, image.file())?;
            let none = mbr::no_boot_code();
            image.file().write_all_at(&none.bytes, none.at.0).context("writing the boot sector")?;
        }
        for array in &self.plan.arrays {
            self.write_array(array)
                .with_context(|| format!("writing the metadata of array `{}`", array.name))?;
        }
        for group in &self.plan.volume_groups {
            let pieces = lvm::physical_volume(group, &self.plan.device_path(&group.on), self.epoch)?;
            self.write_pieces(&group.on, &pieces)
                .with_context(|| format!("writing the PV of `{}`", group.name))?;
        }
        Ok(())
    }

    fn write_array(&self, array: &Array) -> Result<()> {
        for (role, member) in array.members.iter().enumerate() {
            let device = Device::Partition(member.partition);
            let pieces = md::member(array, role, Volume::of(self.plan, &device)?.size(), self.epoch)?;
            self.write_pieces(&device, &pieces)?;
        }
        Ok(())
    }

    fn write_pieces(&self, device: &Device, pieces: &[Piece]) -> Result<()> {
        let volume = Volume::of(self.plan, device)?;
        let disks = self.files();
        pieces.iter().try_for_each(|piece| volume.write(&disks, piece.at, &piece.bytes))
    }

    /// The unfinished image and the offset in it at which a tool can make a device's content; none where the device does
    /// not lie in one piece. [`Self::mirror`] must follow.
    ///
    /// # Errors
    /// When the plan has no such device.
    pub fn place(&self, device: &Device) -> Result<Option<(PathBuf, Bytes)>> {
        let place = Volume::of(self.plan, device)?.in_one_piece();
        Ok(place.map(|place| (self.images[place.disk].partial_path(), place.offset)))
    }

    /// Copies what a tool has made at [`Self::place`] to the other disks of a mirror.
    ///
    /// # Errors
    /// An I/O error.
    pub fn mirror(&self, device: &Device) -> Result<()> {
        Volume::of(self.plan, device)?.mirror(&self.files())
    }

    /// Copies what was made in `content` to a device, once, and to every mirror of it.
    ///
    /// # Errors
    /// Content larger than the device, or an I/O error.
    pub fn write_volume(&self, device: &Device, content: &File) -> Result<()> {
        Volume::of(self.plan, device)?.copy_sparse_from(content, &self.files())
    }

    /// Writes GRUB to every disk that BIOS can boot from; the last step before [`Self::finish`]. Disks with 4096-byte
    /// sectors boot by UEFI only.
    ///
    /// # Errors
    /// A boot disk without a BIOS boot partition, a core that does not fit, or an I/O error.
    pub fn write_boot(&self, boot_img: &[u8], core_img: &[u8]) -> Result<()> {
        let bootable = |disk: &Disk| disk.boot && disk.sector_size == SectorSize::B512;
        for (disk, image) in self.plan.disks.iter().zip(&self.images).filter(|(disk, _)| bootable(disk)) {
            let at = bios_boot(disk)?;
            let core = grub::core(core_img, at.start, at.size)?;
            let boot = grub::boot_code(boot_img, at.start)?;
            for piece in [core, boot] {
                image.file().write_all_at(&piece.bytes, piece.at.0).context("writing the boot code")?;
            }
        }
        Ok(())
    }

    /// Makes everything durable, then gives every image its final name. While the disk is busy, `meanwhile` may read the
    /// images under the names that they have until then. Tells the final names, in the order of the disks.
    ///
    /// # Errors
    /// An I/O error. Images that have their final name by then are complete; the others are gone.
    pub fn finish<T>(self, meanwhile: impl FnOnce(&[PathBuf]) -> Result<T>) -> Result<(Vec<PathBuf>, T)> {
        let unfinished: Vec<PathBuf> = self.images.iter().map(Partial::partial_path).collect();
        let seen = thread::scope(|scope| {
            let syncing = scope.spawn(|| self.images.iter().try_for_each(Partial::sync));
            let seen = meanwhile(&unfinished);
            syncing.join().unwrap_or_else(|_| bail!("a syncing thread died"))?;
            seen
        })?;
        let paths = self.images.into_iter().map(Partial::rename).collect::<Result<_>>()?;
        File::open(&self.dir)?.sync_all().with_context(|| format!("syncing {}", self.dir.display()))?;
        Ok((paths, seen))
    }

    /// The images, for [`Volume::extract`].
    #[must_use]
    pub fn files(&self) -> Vec<&File> {
        self.images.iter().map(|image| image.file()).collect()
    }
}

fn bios_boot(disk: &Disk) -> Result<&Partition> {
    let found = disk.partitions.iter().find(|partition| partition.kind == PartitionKind::BiosBoot);
    found.with_context(|| format!("BUG: boot disk {} has no BIOS boot partition", disk.name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "disk_tests.rs"]
mod tests;
