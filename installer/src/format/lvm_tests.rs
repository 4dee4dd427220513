use crate::plan::VolumeGroup;
use crate::units::Bytes;

use super::{dashed, physical_volume};
use crate::format::{Epoch, fixture};

const EPOCH: Epoch = Epoch(1_700_000_000);

fn group() -> VolumeGroup {
    fixture::raid1().volume_groups.remove(0)
}

const TEXT: &str = r#"vg0 {
id = "groupA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAAA1"
seqno = 1
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = 8192
max_lv = 0
max_pv = 0
metadata_copies = 0

physical_volumes {

pv0 {
id = "pvAAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAAA1"
device = "/dev/md/pv"

status = ["ALLOCATABLE"]
flags = []
dev_size = 188416
pe_start = 2048
pe_count = 22
}
}

logical_volumes {

swap {
id = "swapAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAAA1"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
creation_time = 1700000000
creation_host = "xbuild"
segment_count = 1

segment1 {
start_extent = 0
extent_count = 2

type = "striped"
stripe_count = 1

stripes = [
"pv0", 1
]
}
}

}
}
contents = "Text Format Volume Group"
version = 1

description = ""

creation_host = "xbuild"
creation_time = 1700000000

"#;

#[test]
fn the_text_is_a_volume_group() {
    let mut group = group();
    group.volumes.truncate(1);
    let pieces = physical_volume(&group, "/dev/md/pv", EPOCH).unwrap();
    let text = &pieces[2];
    assert_eq!(text.at, Bytes(4608));
    assert_eq!(std::str::from_utf8(&text.bytes).unwrap(), format!("{TEXT}\0"));
}

#[test]
fn a_group_without_volumes_has_no_such_section() {
    let mut group = group();
    group.volumes.clear();
    let pieces = physical_volume(&group, "/dev/md/pv", EPOCH).unwrap();
    assert!(!String::from_utf8_lossy(&pieces[2].bytes).contains("logical_volumes"));
}

/// As `pvck --dump headers` accepts them on this fixture.
#[test]
fn the_checksums_are_what_lvm_expects() {
    let pieces = physical_volume(&group(), "/dev/md/pv", EPOCH).unwrap();
    let crc =
        |piece: usize, at: usize| u32::from_le_bytes(pieces[piece].bytes[at..at + 4].try_into().unwrap());
    assert_eq!((pieces[0].at, crc(0, 16)), (Bytes(512), 0x662f_1a44));
    assert_eq!((pieces[1].at, crc(1, 0), crc(1, 56)), (Bytes(4096), 0x2e90_9171, 0xf278_0635));
}

#[test]
fn ids_are_shown_with_dashes() {
    assert_eq!(dashed("abcdefghijklmnopqrstuvwxyz012345"), "abcdef-ghij-klmn-opqr-stuv-wxyz-012345");
}

#[test]
fn metadata_that_does_not_fit_is_refused() {
    let mut group = group();
    let volume = group.volumes.remove(0);
    group.volumes = vec![volume; 3000];
    let error = physical_volume(&group, "/dev/md/pv", EPOCH).unwrap_err();
    assert_eq!(error.to_string(), "the metadata of `vg0` does not fit before pe_start");
}
