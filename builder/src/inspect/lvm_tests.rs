use installer::units::Bytes;

use super::area::{Header, Text};
use super::metadata::Metadata;
use super::{Area, Id, Label};
use crate::inspect::checksum;
use crate::inspect::recorded::{LVM_AREA, LVM_LABEL, LVM_TEXT, flipped, pieces};

fn device() -> Vec<u8> {
    [vec![0; 512], pieces(LVM_LABEL, 512), vec![0; 1024]].concat()
}

#[test]
fn what_pvcreate_wrote_is_read() {
    let label = Label::read(&device()).unwrap();
    assert!(label.is_whole && label.is_placed && label.id.is_valid());
    assert_eq!((label.sector, label.id.to_string().as_str()), (1, "mDSrXB-ro05-kM2N-bGud-IpWJ-LB2Z-cflOqd"));
    assert_eq!(label.device_size, Bytes::mib(56));
    let area = |at, size| Area { at: Bytes(at), size: Bytes(size) };
    assert_eq!(label.metadata, [area(4096, 1_044_480), area(57_671_680, 1_048_576)]);
    let header = Header::read(&pieces(LVM_AREA, 512)).unwrap();
    assert!(header.is_whole);
    let checksum = checksum::lvm(format!("{LVM_TEXT}\0").as_bytes());
    let text = Text { at: Bytes(13312), size: Bytes(3745), checksum, is_ignored: false };
    assert_eq!((header.own, header.size, header.text), (Bytes(4096), Bytes(1_044_480), Some(text)));
}

#[test]
fn every_flipped_bit_is_found() {
    for at in 0..512 {
        let label = Label::read(&flipped(&device(), 512 + at));
        let is_good = label.as_ref().map(|label| label.is_whole && label.is_placed);
        // The magic number, and the type.
        let is_gone = at < 8 || (24..32).contains(&at);
        assert_eq!(is_good, (!is_gone).then_some(false), "byte {at} of the label");
        let header = Header::read(&flipped(&pieces(LVM_AREA, 512), at));
        let is_gone = (4..20).contains(&at);
        assert_eq!(
            header.map(|header| header.is_whole),
            (!is_gone).then_some(false),
            "byte {at} of the header"
        );
    }
}

#[test]
fn a_label_that_leads_nowhere_is_survived() {
    for offset in [0_u32, 500, 511, u32::MAX] {
        let mut device = device();
        device[512 + 20..512 + 24].copy_from_slice(&offset.to_le_bytes());
        let label = Label::read(&device).unwrap();
        assert!(!label.is_whole && label.metadata.len() <= 8);
    }
    let mut device = device();
    device[512 + 32..1024].fill(1);
    let label = Label::read(&device).unwrap();
    assert!(!label.id.is_valid() && label.metadata.len() == 8);
    assert_eq!(label.id.to_string(), "\u{fffd}".repeat(32));
    assert_eq!(Label::read(&[]), None);
}

#[test]
fn ids_are_the_same_with_and_without_dashes() {
    let id = Id::new("mDSrXB-ro05-kM2N-bGud-IpWJ-LB2Z-cflOqd");
    assert_eq!(id, Id::new("mDSrXBro05kM2NbGudIpWJLB2ZcflOqd"));
    assert!(!Id::new("mDSrXB").is_valid() && !Id::new("").is_valid());
}

#[test]
fn the_text_of_a_group_is_read() {
    let group = Metadata::read(LVM_TEXT).unwrap();
    assert_eq!((group.name.as_str(), group.seqno, group.extent), ("guests", 6, Bytes::MIB));
    let physical: Vec<_> =
        group.physical.iter().map(|one| (one.name.as_str(), one.device.as_str(), one.extents)).collect();
    assert_eq!(physical, [("pv0", "/dev/vdh1", 54), ("pv1", "/dev/vdh5", 38), ("pv2", "/dev/vdi", 63)]);
    let volumes: Vec<_> = group.volumes.iter().filter(|one| one.is_visible).collect();
    let words = |volume: &super::metadata::Logical| {
        volume.segments.iter().map(super::metadata::Segment::words).collect::<Vec<_>>()
    };
    let shown: Vec<_> =
        volumes.iter().map(|one| (one.name.as_str(), one.extents(), words(one).join(" "))).collect();
    let is = |name, extents, words: &str| (name, extents, words.to_owned());
    assert_eq!(
        shown,
        [
            is("span", 50, "linear linear"),
            is("stripes", 20, "striped over 2"),
            is("mirror", 4, "raid1"),
            is("guest", 10, "linear")
        ]
    );
    assert_eq!(volumes[0].segments[0].stripes, [("pv1".to_owned(), 0)]);
    assert_eq!((volumes[1].segments[0].stripe, volumes[1].segments[0].extents_each()), (Bytes(65536), 10));
    assert!(!volumes[2].segments[0].is_plain());
    assert_eq!(group.volumes.len(), 8);
}

#[test]
fn a_text_that_lacks_something_is_refused_with_the_reason() {
    for (from, to, why) in [
        ("guests {", "guests ", "break the rules of their language"),
        ("seqno = 6", "", "have no sequence number"),
        ("extent_size = 2048", "extent_size = 0", "have no extent size"),
        ("pe_count = 54", "pe_count = -1", "have a physical volume without numbers"),
        ("extent_count = 30", "", "have a logical volume without numbers"),
        ("\"pv1\", 0", "\"pv1\"", "have a logical volume without numbers"),
    ] {
        assert!(LVM_TEXT.contains(from));
        assert_eq!(Metadata::read(&LVM_TEXT.replacen(from, to, 1)).unwrap_err(), why, "{from}");
    }
    assert_eq!(Metadata::read("version = 1").unwrap_err(), "have no volume group");
}
