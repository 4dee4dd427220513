//! GRUB's BIOS boot code, installed without `grub-install`: patched `boot.img` in LBA 0, `core.img` in the BIOS boot
//! partition.
//!
//! Sources: GRUB 2.12 `include/grub/i386/pc/boot.h`, `util/setup.c`. No Reed-Solomon code is added
//! (`grub-install --no-rs-codes`): it guards against programs that write into the gap behind the MBR, and here the
//! core lies in a partition of its own.

use crate::model::storage::Firmware;
use crate::units::Bytes;
use anyhow::{Result, ensure};
use uuid::Uuid;

use super::block::Block;
use super::mbr::BOOT_CODE;
use super::{Piece, ToolCall};

/// BIOS disks have these, and no others.
const SECTOR: usize = 512;
const KERNEL_SECTOR: usize = 0x5c;
const BOOT_DRIVE: usize = 0x64;
const DRIVE_CHECK: usize = 0x66;
/// Take the drive that the BIOS passed.
const BIOS_DRIVE: u8 = 0xff;
/// The first block list entry, at the end of the core's first sector; entries grow downwards.
const BLOCK_LIST: usize = SECTOR - 12;
/// Where the core's second sector is loaded: 0x8000 + 512, as a segment.
const CORE_SEGMENT: u16 = 0x820;
/// `grub-install`'s own limit: from the kernel's link address to where GRUB's memory starts.
const CORE_MAX: usize = 0x78000 - 0x9000;

/// What every core needs before it can read `/boot`: every device that a layout may put it on, whatever mirror is
/// missing, and what helps a person when it cannot.
const MODULES: &str = "\
    part_gpt part_msdos diskfilter mdraid1x lvm ext2 fat search search_fs_uuid search_label normal configfile \
    multiboot2 linux gzio echo test true ls cat serial terminal minicmd sleep reboot halt loadenv regexp all_video";

/// Which firmware a core is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// BIOS.
    Pc,
    /// UEFI.
    Efi,
}

impl Platform {
    /// What a machine with this firmware may start.
    pub fn of(firmware: Firmware) -> impl Iterator<Item = Self> {
        let wanted = [(Self::Pc, firmware.has_bios()), (Self::Efi, firmware.has_uefi())];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(platform, _)| platform)
    }

    /// GRUB's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pc => "i386-pc",
            Self::Efi => "x86_64-efi",
        }
    }

    /// Where its modules are in the tools tree, and in a node's root.
    #[must_use]
    pub fn modules(self) -> String {
        format!("/usr/lib/grub/{}", self.name())
    }

    const fn own_modules(self) -> &'static str {
        match self {
            Self::Pc => "biosdisk multiboot",
            Self::Efi => "efi_gop",
        }
    }
}

/// `boot.img` as the boot code of a disk whose BIOS boot partition starts at `core`.
///
/// # Errors
/// Not a `boot.img`.
pub fn boot_code(boot_img: &[u8], core: Bytes) -> Result<Piece> {
    ensure!(boot_img.len() == SECTOR && boot_img[510..] == [0x55, 0xaa], "boot.img is not a boot sector");
    let mut block = Block::from_bytes(&boot_img[..BOOT_CODE.0 as usize]);
    block
        .u64(KERNEL_SECTOR, core.0 / SECTOR as u64)
        .u8(BOOT_DRIVE, BIOS_DRIVE)
        // Two NOPs over a jump: some BIOSes pass a wrong drive number, and this makes GRUB correct it.
        .put(DRIVE_CHECK, &[0x90, 0x90]);
    Ok(Piece::new(Bytes::ZERO, block))
}

/// `core.img` for a BIOS boot partition of that start and size; the piece's offset is on the disk.
///
/// # Errors
/// A core that is none, or does not fit into the partition or into memory.
pub fn core(core_img: &[u8], start: Bytes, size: Bytes) -> Result<Piece> {
    let sectors = core_img.len().div_ceil(SECTOR);
    ensure!(sectors > 1, "core.img is too short to be one");
    ensure!(
        core_img.len() <= CORE_MAX,
        "core.img has {} bytes, and BIOS can load {CORE_MAX}",
        core_img.len()
    );
    let padded = Bytes((sectors * SECTOR) as u64);
    ensure!(padded <= size, "core.img needs {padded}, and the BIOS boot partition has {size}");
    let mut block = Block::zeroed(sectors * SECTOR);
    block
        .put(0, core_img)
        .u64(BLOCK_LIST, start.0 / SECTOR as u64 + 1)
        .u16(BLOCK_LIST + 8, (sectors - 1) as u16)
        .u16(BLOCK_LIST + 10, CORE_SEGMENT);
    Ok(Piece::new(start, block))
}

/// What the core runs first: finds the file system with `grub_dir` (`/boot/grub`, or `/grub` where `/boot` is a file
/// system of its own) by its UUID, whatever disks are left.
#[must_use]
pub fn early_config(filesystem: Uuid, grub_dir: &str) -> String {
    format!("search --no-floppy --fs-uuid --set=root {filesystem}\nset prefix=($root){grub_dir}\n")
}

/// Makes a core with an early config: `core.img` for BIOS, an application for UEFI.
#[must_use]
pub fn mkimage(platform: Platform, config: &str, grub_dir: &str, output: &str) -> ToolCall {
    let (name, modules) = (platform.name(), platform.modules());
    let head = ["grub-mkimage", "-O", name, "-d", &modules, "-p", grub_dir, "-c", config, "-o", output];
    let modules = platform.own_modules().split_whitespace().chain(MODULES.split_whitespace());
    ToolCall::new(head.into_iter().chain(modules))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "grub_tests.rs"]
mod tests;
