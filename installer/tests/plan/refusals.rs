//! The exact words of every refusal.

use installer::facts::parse_disks;
use installer::model::storage::{Firmware, Layout, Pattern, RaidLevel};
use installer::plan::{Refusal, Seed, plan};

use crate::layouts::{
    array, disks, ext4, on_array, on_partition, partition, raid1_drbd, raid10_aoe, single_drbd, size, volume,
};

fn refusals(layout: &Layout, disks: &str) -> Vec<Refusal> {
    plan(layout, &parse_disks(disks).unwrap(), &Seed::generic("test")).expect_err("a refusal")
}

fn messages(layout: &Layout, disks: &str) -> Vec<String> {
    refusals(layout, disks).into_iter().map(|refusal| refusal.message).collect()
}

#[test]
fn disks_that_do_not_suit_the_groups() {
    let table: [(&str, &[&str]); 7] = [
        (
            "8G,4G,4G",
            &["layout `raid1-drbd` needs 2 disks of at least 6G for `system`, but only 1 of 3 fits: \
                        disk1 is 4G, 2G too small, disk2 is 4G, 2G too small"],
        ),
        (
            "4G,5000M,4G",
            &["layout `raid1-drbd` needs 2 disks of at least 6G for `system`, but none of 3 fits: \
                           disk0 is 4G, 2G too small, disk1 is 5000M, 1144M too small, disk2 is 4G, 2G too small"],
        ),
        ("2x8G", &["layout `raid1-drbd` needs 1 disk of at least 1G for `data`, but none is left"]),
        (
            "2x8G,512M",
            &["layout `raid1-drbd` needs 1 disk of at least 1G for `data`, but none of 1 fits: \
                         disk2 is 512M, 512M too small"],
        ),
        (
            "8G",
            &[
                "layout `raid1-drbd` needs 2 disks of at least 6G for `system`, but there is only 1",
                "layout `raid1-drbd` needs 1 disk of at least 1G for `data`, but none is left",
            ],
        ),
        ("2x8G,4G,512M", &["layout `raid1-drbd` says nothing about disk3 (512M), which is left over"]),
        (
            "8G,8G@4096,4G",
            &[
                "the disks of `system` differ: disk0 has sectors of 512 bytes, disk1 has sectors of 4096 bytes",
            ],
        ),
    ];
    for (disks, expected) in table {
        assert_eq!(messages(&raid1_drbd(), disks), expected, "{disks}");
    }
    assert_eq!(
        messages(&single_drbd(), "4G,2G,2x8G"),
        ["layout `single-drbd` says nothing about disk2 (8G), disk3 (8G), which are left over"]
    );
}

/// `system` by serial numbers, `data` by model; each row is a set of disks and what is wrong with it.
#[test]
fn disks_that_are_described() {
    let mut layout = raid1_drbd();
    layout.disks[0].only.serials = vec!["S1".to_owned(), "S2".to_owned()];
    layout.disks[1].only.model = Some(Pattern("Big*".to_owned()));
    layout.disks[1].max_count = Some(1);
    let table: [(&str, &[&str]); 6] = [
        (
            "2x8G,4G:model=Big 1",
            &[
                "layout `raid1-drbd` needs 2 disks for `system` (serial S1 or S2, at least 6G), but none of 3 is like that",
            ],
        ),
        (
            "8G:serial=S1,8G,4G:model=Big 1",
            &[
                "layout `raid1-drbd` needs 2 disks for `system` (serial S1 or S2, at least 6G), but of 3 only disk0",
            ],
        ),
        (
            "8G:serial=S1,2x8G:serial=S2,4G:model=Big 1",
            &["3 disks fit `system` (serial S1 or S2, at least 6G), which takes 2: disk0, disk1, disk2"],
        ),
        (
            "8G:serial=S1,8G:serial=S2,4G:model=Big 1,4G:model=Big 2",
            &["2 disks fit `data` (model Big*, at least 1G), which takes 1: disk2, disk3"],
        ),
        ("8G:serial=S1,8G:serial=S2:model=Big 3,4G:model=Big 1", &["disk1 fits `system` and `data`"]),
        (
            "8G:serial=S1,8G:serial=S2,4G:model=Big 1,4G",
            &["layout `raid1-drbd` says nothing about disk3 (4G), which is left over"],
        ),
    ];
    for (disks, expected) in table {
        assert_eq!(messages(&layout, disks)[..expected.len()], *expected, "{disks}");
    }
    assert!(
        plan(
            &layout,
            &parse_disks("4G:model=Big 1,8G:serial=S2,8G:serial=S1").unwrap(),
            &Seed::generic("test")
        )
        .is_ok()
    );
}

#[test]
fn sectors_that_bios_cannot_read() {
    let mut layout = single_drbd();
    assert!(plan(&layout, &parse_disks("8G@4096,4G").unwrap(), &Seed::generic("test")).is_ok());
    layout.firmware = Firmware::Bios;
    let refused = refusals(&layout, "8G@4096,4G");
    let [only] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(only.message, "disk0 has sectors of 4096 bytes, and BIOS firmware cannot read such a disk");
    assert_eq!(
        only.hint,
        "boot from disks with sectors of 512 bytes, or by UEFI (`firmware = \"uefi\"` in the layout)"
    );
}

#[test]
fn a_group_of_any_size() {
    let mut layout = single_drbd();
    layout.disks = vec![disks("system", true, (2, None), 0)];
    layout.partitions.truncate(3);
    assert_eq!(
        messages(&layout, "8G"),
        ["layout `single-drbd` needs 2 disks for `system`, but there is only 1"]
    );
}

#[test]
fn minimum_sizes_that_do_not_fit() {
    let mut layout = raid1_drbd();
    layout.partitions[1].size = size(5120, 1);
    layout.partitions[2].size = size(4096, 1);
    assert_eq!(
        messages(&layout, "8G,6G,4G"),
        [
            "the partitions of `system` need a disk of at least 8707M, but disk0 is 8G, 515M too small, \
             disk1 is 6G, 2563M too small",
            "the partitions of `data` need a disk of at least 4098M, but disk2 is 4G, 2M too small",
        ]
    );
}

/// The size that a refusal names is enough, and nothing less is.
#[test]
fn the_named_size_is_exact() {
    let mut layout = raid1_drbd();
    layout.partitions[1].size = size(5120, 1);
    for (disks, fits) in [("2x8707M,4G", true), ("2x8706M,4G", false)] {
        let planned = plan(&layout, &parse_disks(disks).unwrap(), &Seed::generic("test"));
        assert_eq!(planned.is_ok(), fits, "{disks}");
    }
}

#[test]
fn volumes_that_do_not_fit() {
    let mut layout = raid1_drbd();
    layout.logical_volumes.push(volume("log", size(4000, 0)));
    let refused = refusals(&layout, "2x8G,4G");
    let [only] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(
        only.message,
        "the volumes of `vg0` need 5536M, but array:pv has room for 3576M: 1960M are missing"
    );
    assert_eq!(
        only.hint,
        "raise the minimum size of the partition below array:pv, or lower those of the volumes"
    );
    layout.volume_groups[0].free = size(64, 1);
    assert_eq!(
        messages(&layout, "2x8G,4G"),
        [
            "the volumes of `vg0` and its free space need 5600M, but array:pv has room for 3576M: 2024M are missing"
        ]
    );
}

#[test]
fn arrays_need_their_number_of_disks() {
    let mut layout = raid10_aoe();
    layout.disks = vec![disks("system", true, (1, None), 4)];
    layout.arrays.truncate(2);
    layout.filesystems.truncate(2);
    let raid10 = |count| {
        format!("array `usr` is RAID10 and needs an even number of disks, 4 or more, but gets {count}")
    };
    assert_eq!(messages(&layout, "5x8G"), [raid10(5)]);
    assert_eq!(messages(&layout, "2x8G"), [raid10(2)]);
    assert_eq!(
        messages(&layout, "8G"),
        ["array `root` is RAID1 and needs at least 2 disks, but gets 1".to_owned(), raid10(1)]
    );
}

#[test]
fn arrays_need_room_for_data() {
    let mut layout = raid1_drbd();
    layout.partitions.insert(1, partition("system", 3, "tiny", size(1, 0)));
    layout.arrays.push(array("tiny", RaidLevel::Raid1));
    let refused = refusals(&layout, "2x8G,4G");
    let [only] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(
        only.message,
        "array `tiny` has no room for data: partition `tiny` is 1M, which md needs for itself"
    );
    assert_eq!(only.hint, "raise the minimum size of partition `tiny` to at least 4M");
}

#[test]
fn a_file_system_lies_on_one_partition() {
    let mut layout = raid1_drbd();
    layout.partitions.push(partition("system", 3, "log", size(64, 0)));
    layout.filesystems.push(ext4(on_partition("log"), "log", "/var/log"));
    assert_eq!(messages(&layout, "2x8G,4G"), ["`/var/log` lies on partition `log`, but 2 disks have one"]);
}

/// The model has looked for these; a layout that it never saw must still not pass.
#[test]
fn a_layout_that_was_never_checked() {
    let mut unknown = raid1_drbd();
    unknown.filesystems.push(ext4(on_array("nowhere"), "x", "/x"));
    assert_eq!(
        messages(&unknown, "2x8G,4G"),
        ["layout `raid1-drbd`: `/x` lies on array:nowhere, which does not exist"]
    );
    let mut twice = raid1_drbd();
    twice.filesystems.push(ext4(on_array("root"), "x", "/x"));
    assert_eq!(
        messages(&twice, "2x8G,4G").first().map(String::as_str),
        Some("BUG: /dev/md/root is used twice")
    );
}
