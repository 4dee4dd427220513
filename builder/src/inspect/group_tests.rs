use std::rc::Rc;

use installer::units::Bytes;

use super::{Found, Group, assemble};
use crate::inspect::damage::Damage;
use crate::inspect::device::Content;
use crate::inspect::lvm::Id;
use crate::inspect::lvm::metadata::Metadata;
use crate::inspect::recorded::LVM_TEXT;
use crate::inspect::source::Shared;
use crate::inspect::volume::{Copy, PhysicalVolume};

const IDS: [&str; 3] = [
    "mDSrXB-ro05-kM2N-bGud-IpWJ-LB2Z-cflOqd",
    "A0FFQd-eI0V-TDUs-0AfK-qiAh-QzS0-S2Fti0",
    "00f5QB-2ycD-t5Q5-2J45-Jgp7-yW1K-Bccv3w",
];

/// A physical volume of the group, 16 MiB of its number; extents start at 1 MiB.
fn found(number: usize, text: &str) -> Found {
    let metadata = Metadata::read(text).unwrap();
    let copy = Copy { at: Bytes(4096), seqno: Some(metadata.seqno), metadata: Some(metadata) };
    let volume = PhysicalVolume {
        id: Id::new(IDS[number]),
        label_sector: 1,
        group: Some("guests".to_owned()),
        copies: vec![copy],
        damage: Damage::none(),
    };
    let source: Shared = Rc::new(vec![number as u8 + 1; 16 << 20]);
    Found { device: format!("sd{number}"), volume, source }
}

fn one(found: &[Found]) -> Group {
    let mut groups = assemble(found);
    assert_eq!(groups.len(), 1);
    groups.remove(0)
}

/// Visible volumes: name, MiB, whether complete, whether looked at.
fn shown(group: &Group) -> Vec<(&str, u64, bool, bool)> {
    let visible = group.volumes.iter().filter(|volume| volume.visible);
    visible.map(|one| (one.name.as_str(), one.size.0 >> 20, one.complete, one.device.is_some())).collect()
}

#[test]
fn a_group_is_put_together() {
    let group = one(&[found(0, LVM_TEXT), found(1, LVM_TEXT), found(2, LVM_TEXT)]);
    assert_eq!(
        (group.name.as_str(), group.seqno, group.size, group.free),
        ("guests", 6, Bytes::mib(155), Bytes::mib(65))
    );
    let table = [
        ("span", 50, true, true),
        ("stripes", 20, true, true),
        ("mirror", 4, true, false),
        ("guest", 10, true, true),
    ];
    assert_eq!(shown(&group), table);
    assert!(group.physical_volumes.iter().all(|carrier| carrier.device.is_some()));
}

#[test]
fn what_is_missing_is_named_with_where_it_was() {
    let group = one(&[found(1, LVM_TEXT)]);
    let missing: Vec<_> = group
        .physical_volumes
        .iter()
        .filter(|one| one.device.is_none())
        .map(|one| one.was.as_str())
        .collect();
    assert_eq!(missing, ["/dev/vdh1", "/dev/vdi"]);
    let table = [
        ("span", 50, false, false),
        ("stripes", 20, false, false),
        ("mirror", 4, true, false),
        ("guest", 10, false, false),
    ];
    assert_eq!(shown(&group), table);
    assert!(group.damage.is_none());
}

/// `stripes` is dealt out in 64 KiB from extent 20 of the first and extent 0 of the third.
#[test]
fn segments_are_found_on_their_physical_volumes() {
    let text = LVM_TEXT.replace("\"pv0\", 20,", "\"pv0\", 2,").replace(
        "extent_count = 20\n\ntype = \"striped\"\nstripe_count = 2",
        "extent_count = 8\n\ntype = \"striped\"\nstripe_count = 2",
    );
    let group = one(&[found(0, &text), found(2, &text)]);
    let stripes = group.volumes.iter().find(|one| one.name == "stripes").unwrap();
    let bytes = stripes.device.as_ref().unwrap().source.read(Bytes(0), 4 * 65536);
    assert_eq!(bytes, [1, 3, 1, 3].map(|number| [number; 65536]).concat());
    assert!(matches!(stripes.device.as_ref().unwrap().content, Content::Unknown { .. }));
}

#[test]
fn a_volume_that_goes_on_behind_the_end_is_said() {
    let group = one(&[found(0, LVM_TEXT), found(1, LVM_TEXT), found(2, LVM_TEXT)]);
    let behind = |name: &str| format!("volume {name} goes on behind the end of what it lies on");
    assert_eq!(group.damage.lines(), ["span", "stripes", "guest"].map(behind));
}

#[test]
fn the_newest_metadata_count() {
    let newer = LVM_TEXT.replacen("seqno = 6", "seqno = 7", 1);
    let group = one(&[found(1, LVM_TEXT), found(2, &newer)]);
    assert_eq!(group.seqno, 7);
    assert_eq!(
        group.damage.lines()[0],
        "the metadata on sd1 are out of date: they have sequence number 6, and the newest 7"
    );
}

#[test]
fn a_physical_volume_that_is_there_twice_is_said() {
    let twin = Found { device: "copy".to_owned(), ..found(1, LVM_TEXT) };
    let group = one(&[found(1, LVM_TEXT), twin]);
    assert_eq!(group.damage.lines(), ["sd1 and copy carry the same physical volume"]);
}

#[test]
fn numbers_of_any_size_are_survived() {
    let huge = "18446744073709551615";
    for (from, to) in
        [("= 2048", huge), ("= 54", huge), ("= 30", huge), ("\"pv0\", 20", huge), ("stripe_size = 128", "0")]
    {
        let to = from.rsplit_once(' ').map(|(head, _)| format!("{head} {to}")).unwrap();
        let text = LVM_TEXT.replace(from, &to);
        drop(assemble(&[found(0, &text), found(1, &text), found(2, &text)]));
    }
}
