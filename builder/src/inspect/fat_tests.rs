use super::{Fat, Width, is_copy, is_info};
use crate::inspect::recorded::{FAT12, FAT32, flipped, pieces};

#[test]
fn what_mkfs_vfat_wrote_is_read() {
    let narrow = Fat::read(&pieces(FAT12, 1 << 16)[..512]).unwrap();
    assert_eq!(
        (narrow.version, narrow.label.as_str(), narrow.serial.as_str()),
        (Width::Fat12, "ESP", "1234-ABCD")
    );
    assert_eq!(
        (narrow.size.0, narrow.clean, narrow.info_sector, narrow.copy_sector),
        (1 << 16, true, None, None)
    );
    let places = &narrow.geometry;
    assert_eq!((places.table, places.root, places.data, places.clusters), (512, 1536, 2048, 124));
    let wide = Fat::read(&pieces(FAT32, 4096)[..512]).unwrap();
    assert_eq!((wide.version, wide.size.0, wide.serial.as_str()), (Width::Fat32, 34 << 20, "1234-ABCD"));
    assert_eq!((wide.info_sector, wide.copy_sector, wide.geometry.root_cluster), (Some(1), Some(6), 2));
    assert_eq!((wide.geometry.clusters, wide.geometry.table_length), (68528, 536 * 512));
}

#[test]
fn sectors_that_belong_to_it_are_known() {
    let wide = pieces(FAT32, 4096);
    let (boot, info, copy) = (&wide[..512], &wide[512..1024], &wide[3072..3584]);
    assert!(is_info(info) && !is_info(boot) && !is_info(&[]));
    assert!(is_copy(boot, copy) && !is_copy(boot, info) && !is_copy(boot, &[]));
    assert!(is_copy(&flipped(boot, 65), copy), "the state of a mounted file system");
    assert!(!is_copy(&flipped(boot, 36), copy));
    assert!(!Fat::read(&flipped(boot, 65)).unwrap().clean);
}

#[test]
fn numbers_that_make_no_fat_are_none() {
    let boot = pieces(FAT12, 1 << 16)[..512].to_vec();
    for (at, bytes) in [
        (11, &[1, 2][..]),
        (11, &[0, 0]),
        (13, &[3]),
        (13, &[0]),
        (14, &[0, 0]),
        (16, &[0]),
        (16, &[3]),
        (17, &[0xff, 0xff]),
        (19, &[0, 0]),
        (21, &[0]),
        (510, &[0, 0]),
    ] {
        let mut boot = boot.clone();
        boot[at..at + bytes.len()].copy_from_slice(bytes);
        assert_eq!(Fat::read(&boot), None, "{at} {bytes:?}");
    }
    assert_eq!(Fat::read(&boot[..511]), None);
    assert_eq!(Fat::read(&[0; 512]), None);
}
