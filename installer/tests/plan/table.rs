//! Disks in, geometry out.

use installer::facts::parse_disks;
use installer::model::storage::Layout;
use installer::plan::{Device, PartitionRef, Plan, Seed, plan};
use installer::units::Bytes;

use crate::layouts::{disks, raid1_drbd, raid10_aoe, single_drbd, up_to};

fn planned(layout: &Layout, disks: &str) -> Plan {
    let planned = plan(layout, &parse_disks(disks).unwrap(), &Seed::generic("test"));
    planned.unwrap_or_else(|refusals| panic!("{disks}: {refusals:#?}"))
}

/// Number, start and size in MiB of the partitions of a disk.
fn pieces(plan: &Plan, disk: usize) -> Vec<(u32, u64, u64)> {
    let mib = |size: Bytes| size.0 / Bytes::MIB.0;
    plan.disks[disk].partitions.iter().map(|part| (part.number, mib(part.start), mib(part.size))).collect()
}

fn groups(plan: &Plan) -> Vec<&str> {
    plan.disks.iter().map(|disk| disk.group.as_str()).collect()
}

#[test]
fn partitions_fill_the_disk_up_to_the_backup_gpt() {
    let plan = planned(&single_drbd(), "8G,1T@4096");
    let system = vec![(14, 1, 1), (15, 2, 512), (1, 514, 512), (2, 1026, 512), (3, 1538, 6653)];
    assert_eq!(pieces(&plan, 0), system);
    assert_eq!(pieces(&plan, 1), vec![(1, 1, 1_048_574)]);
    assert_eq!(plan.waste, vec![]);
}

#[test]
fn rules_pick_by_size_in_the_order_of_the_disks() {
    for (disks, expected) in [
        ("2x8G,4G", vec!["system", "system", "data"]),
        ("4G,2x8G", vec!["data", "system", "system"]),
        ("8G,2x4G,8G", vec!["system", "data", "data", "system"]),
        ("4x8G", vec!["system", "system", "data", "data"]),
    ] {
        assert_eq!(groups(&planned(&raid1_drbd(), disks)), expected, "{disks}");
    }
}

/// A group without an upper limit leaves later groups what they need.
#[test]
fn later_rules_get_their_minimum() {
    let mut layout = raid1_drbd();
    layout.disks = vec![disks("system", true, (2, None), 6), disks("data", false, (2, Some(2)), 1)];
    assert_eq!(groups(&planned(&layout, "5x8G")), ["system", "system", "system", "data", "data"]);
}

#[test]
fn what_is_wasted_is_said() {
    let mut layout = raid1_drbd();
    layout.partitions[1].size = up_to(2560, 3072, 1);
    layout.partitions[0].size = up_to(2560, 3072, 1);
    let waste = planned(&layout, "8G,9G,4G").waste;
    let shown: Vec<String> =
        waste.iter().map(|waste| format!("{} {}: {}", waste.disk, waste.bytes, waste.why)).collect();
    assert_eq!(
        shown,
        [
            "disk1 1G: cut like disk0, the smallest disk of `system`",
            "disk0 1.49G: no partition of `system` may grow further",
            "disk1 1.49G: no partition of `system` may grow further",
        ]
    );
}

#[test]
fn raid10_offers_half_of_its_members() {
    let plan = planned(&raid10_aoe(), "6x8G");
    let usr = plan.array("usr").unwrap();
    assert_eq!(usr.members.len(), 6);
    assert_eq!(usr.size, usr.member_size * 3);
    assert!(usr.member_size.0.is_multiple_of(512 << 10));
    let root = plan.array("root").unwrap();
    assert_eq!((root.size, root.chunk), (root.member_size, Bytes::ZERO));
}

#[test]
fn things_are_found_and_named() {
    let plan = planned(&raid1_drbd(), "2x8G,4G");
    let device = |mount| plan.device_path(&plan.filesystem_at(mount).unwrap().on);
    assert_eq!((device("/"), device("/var")), ("/dev/md/root".to_owned(), "/dev/vg0/var".to_owned()));
    let data = PartitionRef { disk: 2, number: 1 };
    let guid = plan.partition(data).unwrap().guid;
    assert_eq!(plan.device_path(&Device::Partition(data)), format!("/dev/disk/by-partuuid/{guid}"));
    assert_eq!(plan.partition_label(data), "disk2p1");
    assert_eq!(plan.volume_group("vg0").unwrap().volumes.len(), 2);
    assert_eq!(plan.filesystem_at("/srv"), None);
}

/// Two nodes of one layout share no id.
#[test]
fn ids_follow_the_seed() {
    let disks = parse_disks("2x8G,4G").unwrap();
    let ids = |seed| {
        let plan = plan(&raid1_drbd(), &disks, &seed).unwrap();
        (
            plan.disks[0].guid,
            plan.arrays[0].uuid,
            plan.volume_groups[0].pv_id.clone(),
            plan.filesystems[0].uuid,
        )
    };
    let (one, other) = (ids(Seed::node("c", "a")), ids(Seed::node("c", "b")));
    assert_eq!(one, ids(Seed::node("c", "a")));
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2 && one.3 != other.3);
}

/// A broken plan is found out: each row breaks one thing.
#[test]
fn mistakes_are_found() {
    type Break = fn(&mut Plan);
    let table: [(Break, &str); 10] = [
        (
            |plan| plan.disks[0].partitions[1].size = Bytes::GIB,
            "disk0 partition 1 overlaps what lies before it",
        ),
        (
            |plan| plan.disks[2].partitions[0].size = Bytes::GIB * 4,
            "the partitions of disk2 reach into the backup GPT",
        ),
        (|plan| plan.disks[2].boot = true, "disk2 lacks its boot partitions, or has those of another kind"),
        (
            |plan| plan.disks[2].partitions.clear(),
            "the partitions and the waste of disk2 do not add up to it",
        ),
        (|plan| plan.arrays[0].data_offset = Bytes(8192), "the bitmap of root reaches its data"),
        (|plan| plan.arrays[0].size = Bytes::GIB, "array root has not the size of its members"),
        (
            |plan| plan.volume_groups[0].volumes[1].start -= 1,
            "vg0/swap is empty or overlaps what lies before it",
        ),
        (|plan| plan.volume_groups[0].extents += 1, "vg0 has 895 extents, not 894"),
        (|plan| plan.filesystems[1].on = plan.filesystems[0].on.clone(), "/dev/md/root is used twice"),
        (|plan| plan.filesystems[0].uuid = plan.disks[0].guid, "two things have the UUID "),
    ];
    let sound = planned(&raid1_drbd(), "2x8G,4G");
    for (broken, mistake) in table {
        let mut plan = sound.clone();
        broken(&mut plan);
        let found = plan.verify().expect_err(mistake);
        assert!(found.iter().any(|found| found.starts_with(mistake)), "{mistake}: {found:?}");
    }
}
