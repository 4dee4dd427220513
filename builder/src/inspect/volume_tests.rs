use super::{PhysicalVolume, find};
use crate::inspect::checksum;
use crate::inspect::recorded::{LVM_AREA, LVM_LABEL, LVM_TEXT, flipped, pieces};

const LABEL: usize = 512;
const AREA: usize = 4096;
const TEXT: usize = AREA + 13312;
/// The second area starts here, the device ends 1 MiB later.
const SECOND: usize = 57_671_680;

/// The physical volume that was recorded, with the same text in both areas.
fn device() -> Vec<u8> {
    let mut device = vec![0; SECOND + (1 << 20)];
    device[LABEL..LABEL + 512].copy_from_slice(&pieces(LVM_LABEL, 512));
    device[AREA..AREA + 512].copy_from_slice(&pieces(LVM_AREA, 512));
    device[TEXT..TEXT + LVM_TEXT.len()].copy_from_slice(LVM_TEXT.as_bytes());
    let mut header = pieces(LVM_AREA, 512);
    header[24..32].copy_from_slice(&(SECOND as u64).to_le_bytes());
    header[32..40].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    sealed(&mut header);
    device[SECOND..SECOND + 512].copy_from_slice(&header);
    device.copy_within(TEXT..TEXT + LVM_TEXT.len(), SECOND + 13312);
    device
}

fn sealed(header: &mut [u8]) {
    let sum = checksum::lvm(&header[4..512]);
    header[..4].copy_from_slice(&sum.to_le_bytes());
}

fn seqnos(volume: &PhysicalVolume) -> Vec<Option<u64>> {
    volume.copies.iter().map(|copy| copy.seqno).collect()
}

#[test]
fn a_physical_volume_is_found_with_both_copies() {
    let volume = find(&device()).unwrap();
    assert_eq!((volume.group.as_deref(), volume.label_sector), (Some("guests"), 1));
    assert_eq!((seqnos(&volume), volume.damage.lines()), (vec![Some(6), Some(6)], &[][..]));
    assert_eq!(find(&vec![0; 1 << 20]), None);
    assert_eq!(find(&Vec::new()), None);
}

#[test]
fn each_part_that_is_damaged_is_said() {
    for (at, line) in [
        (LABEL + 60, "the checksum of the LVM label is wrong"),
        (AREA + 100, "the checksum of the LVM metadata area at 4K is wrong"),
        (AREA + 4, "the LVM metadata area at 4K has no header"),
        (TEXT + 40, "the LVM metadata in the area at 4K are damaged: their checksum is wrong"),
        (SECOND + 13312, "the LVM metadata in the area at 55M are damaged: their checksum is wrong"),
    ] {
        let volume = find(&flipped(&device(), at)).unwrap();
        assert_eq!(volume.damage.lines(), [line]);
        assert_eq!(volume.group.as_deref(), Some("guests"));
    }
}

#[test]
fn metadata_without_a_label_are_known() {
    let volume = find(&flipped(&device(), LABEL)).unwrap();
    assert_eq!(volume.damage.lines(), ["there are LVM metadata, and no label: LVM does not see it"]);
    assert_eq!(seqnos(&volume), [Some(6)]);
}

#[test]
fn a_device_that_was_cut_off_is_known() {
    let mut device = device();
    device.truncate(1 << 20);
    let volume = find(&device).unwrap();
    assert_eq!(
        volume.damage.lines(),
        ["its device is 55M smaller than its LVM label says", "the LVM metadata area at 55M has no header"]
    );
}

#[test]
fn an_area_may_be_empty_or_lie() {
    let mut device = device();
    let header = &mut device[AREA..AREA + 512];
    header[40..64].fill(0);
    sealed(header);
    let volume = find(&device).unwrap();
    assert_eq!((seqnos(&volume), volume.damage.is_none()), (vec![None, Some(6)], true));
    for (at, size, why) in [
        (512, u64::MAX, "do not fit into it"),
        (u64::MAX, 1, "do not fit into it"),
        (512, 0, "break the rules of their language"),
    ] {
        let header = &mut device[AREA..AREA + 512];
        header[40..48].copy_from_slice(&at.to_le_bytes());
        header[48..56].copy_from_slice(&size.to_le_bytes());
        header[56..60].copy_from_slice(&checksum::lvm(&[]).to_le_bytes());
        sealed(header);
        let volume = find(&device).unwrap();
        let why = if size == 0 { "have no volume group" } else { why };
        assert_eq!(volume.damage.lines(), [format!("the LVM metadata in the area at 4K {why}")]);
    }
}
