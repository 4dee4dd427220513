use crate::units::Bytes;
use uuid::uuid;

use super::{Platform, boot_code, core, early_config, mkimage};

fn boot_img() -> Vec<u8> {
    let mut image = vec![0x11; 512];
    image[510..].copy_from_slice(&[0x55, 0xaa]);
    image
}

#[test]
fn the_boot_code_points_at_the_core_and_leaves_the_table_out() {
    let piece = boot_code(&boot_img(), Bytes::mib(3)).unwrap();
    assert_eq!((piece.at, piece.bytes.len()), (Bytes::ZERO, 440));
    assert_eq!(piece.bytes[0x5c..0x64], (3_u64 * 2048).to_le_bytes());
    assert_eq!(piece.bytes[0x64..0x69], [0xff, 0x11, 0x90, 0x90, 0x11]);
    assert_eq!(piece.bytes[..0x5c], [0x11; 0x5c]);
}

#[test]
fn what_is_no_boot_sector_is_refused() {
    assert!(boot_code(&[0x11; 512], Bytes::MIB).is_err());
    assert!(boot_code(&boot_img()[..510], Bytes::MIB).is_err());
}

#[test]
fn the_core_lists_its_own_blocks() {
    let piece = core(&vec![0x22; 100 * 512 + 1], Bytes::mib(1), Bytes::mib(1)).unwrap();
    assert_eq!((piece.at, piece.bytes.len()), (Bytes::MIB, 101 * 512));
    assert_eq!(piece.bytes[0x1f4..0x1fc], 2049_u64.to_le_bytes());
    assert_eq!(piece.bytes[0x1fc..0x200], [100, 0, 0x20, 0x08]);
    assert_eq!(piece.bytes[100 * 512..][..2], [0x22, 0]);
}

#[test]
fn a_core_that_does_not_fit_is_refused() {
    let error = core(&vec![0; 65 << 10], Bytes::MIB, Bytes::KIB * 64).unwrap_err();
    assert_eq!(error.to_string(), "core.img needs 65K, and the BIOS boot partition has 64K");
    let error = core(&vec![0; 0x6f001], Bytes::MIB, Bytes::MIB).unwrap_err();
    assert_eq!(error.to_string(), "core.img has 454657 bytes, and BIOS can load 454656");
    assert!(core(&[0; 512], Bytes::MIB, Bytes::MIB).is_err());
}

#[test]
fn the_core_finds_its_file_system_by_uuid() {
    let root = uuid!("00000000-0000-4000-8000-000000000501");
    assert_eq!(
        early_config(root, "/boot/grub"),
        "search --no-floppy --fs-uuid --set=root 00000000-0000-4000-8000-000000000501\n\
         set prefix=($root)/boot/grub\n"
    );
}

#[test]
fn every_core_can_read_every_layout() {
    for (platform, head) in [
        (
            Platform::Pc,
            "grub-mkimage -O i386-pc -d /usr/lib/grub/i386-pc -p /grub -c early.cfg -o core biosdisk ",
        ),
        (
            Platform::Efi,
            "grub-mkimage -O x86_64-efi -d /usr/lib/grub/x86_64-efi -p /grub -c early.cfg -o core efi_gop ",
        ),
    ] {
        let call = mkimage(platform, "early.cfg", "/grub", "core");
        assert!(call.argv.join(" ").starts_with(head), "{:?}", call.argv);
        for module in
            ["part_gpt", "mdraid1x", "lvm", "ext2", "search_fs_uuid", "multiboot2", "linux", "serial"]
        {
            assert!(call.argv.iter().any(|word| word == module), "{module}");
        }
    }
}
