//! What is wrong in a layout.

use crate::{messages, report, report_of_layout, report_of_profile};

#[test]
fn sizes_beyond_all_disks_are_refused() {
    let report = report_of_layout("min = \"2G\"", "min = \"16383P\"");
    assert_eq!(messages(&report)[0], "`16383P` is more than any disk holds");
}

/// The layouts of the seeds, as far as the shipped profiles do not have them.
#[test]
fn seed_layouts_can_be_said() {
    for layout in [
        r#"
name = "single-drbd"
disks = [{ name = "system", boot = true, count = 1, min-size = "8G" }, { name = "data", count = 1, min-size = "1G" }]
partitions = [
    { disks = "system", number = 1, name = "swap", min = "512M" },
    { disks = "system", number = 2, name = "boot", min = "512M" },
    { disks = "system", number = 3, name = "root", min = "4G", share = 1 },
    { disks = "data", number = 1, name = "drbd", min = "1G", share = 1, drbd = true },
]
filesystems = [
    { on = "partition:swap", type = "swap", label = "swap" },
    { on = "partition:boot", type = "ext4", label = "boot", mount = "/boot" },
    { on = "partition:root", type = "ext4", label = "root", mount = "/" },
]
"#,
        r#"
name = "raid10-aoe"
disks = [{ name = "system", boot = true, at-least = 4, min-size = "16G" }]
partitions = [
    { disks = "system", number = 1, name = "root", min = "1G" },
    { disks = "system", number = 2, name = "usr", min = "2G" },
    { disks = "system", number = 3, name = "rest", min = "4G", share = 1 },
]
arrays = [
    { name = "md0", level = "raid1", partition = "root" },
    { name = "md1", level = "raid10", partition = "usr" },
    { name = "md3", level = "raid10", partition = "rest" },
]
filesystems = [
    { on = "array:md0", type = "ext4", label = "root", mount = "/" },
    { on = "array:md1", type = "ext4", label = "usr", mount = "/usr" },
]
"#,
    ] {
        assert_eq!(report_of_profile(&format!("summary = \"Seed\"\n[layout]\n{layout}")), "");
    }
}

/// The shipped mesh profile has `/usr` on an array of its own, and `/` on another one.
#[test]
fn a_root_that_needs_an_initrd_gets_one() {
    let [base, mesh] =
        [include_str!("../../../profiles/base.toml"), include_str!("../../../profiles/mesh.toml")];
    let wrong = mesh.replacen("name = \"raid10-aoe\"", "name = \"raid10-aoe\"\ninitrd = false", 1);
    let report = report(&[("profiles/base.toml", base), ("profiles/mesh.toml", &wrong)]);
    let hint = "remove `initrd = false`, or let `/` with its `/usr` lie on a partition";
    for message in [
        "`/` lies on array:root, which only an initrd assembles",
        "`/usr` is a file system of its own, and only an initrd mounts it early enough",
    ] {
        assert!(messages(&report).chunks(2).any(|found| found == [message, hint]), "{message}: {report}");
    }
}

#[test]
fn pieces_of_a_layout_must_fit() {
    for (sound, wrong, message, hint) in [
        (
            "type = \"ext4\"",
            "type = \"xfs\"",
            "unknown file system type `xfs`",
            "known file system types: `ext4`, `swap`",
        ),
        ("\"partition:root\"", "\"partition:rot\"", "unknown partition `rot`", "did you mean `root`?"),
        (
            "\"partition:root\"",
            "\"md:root\"",
            "`md:root` is nothing to put something on",
            "write `partition:NAME`, `array:NAME` or `volume:GROUP/NAME`",
        ),
        (
            "number = 1",
            "number = 14",
            "a partition cannot have this number",
            "use 1 to 13: 14 and 15 are for the boot code of a disk with `boot = true`",
        ),
        ("min = \"2G\"", "min = \"2G\", max = \"1G\"", "`max` of 1G is less than `min` of 2G", "swap them"),
        (
            "min = \"2G\"",
            "min = \"2G\", max = \"3G\"",
            "`max` without `share` never counts",
            "add `share = 1`, or drop `max`",
        ),
        (
            "min-size = \"4G\"",
            "min-size = \"1G\"",
            "a disk of 1G is too small for partitions of 2G at least",
            "raise `min-size` above 2G",
        ),
        ("boot = true", "boot = false", "no disk boots", "give one of [[layout.disks]] `boot = true`"),
        (
            "mount = \"/\"",
            "mount = \"/srv\"",
            "no file system is mounted at `/`",
            "add [[layout.filesystems]] with `mount = \"/\"`",
        ),
        (
            "mount = \"/\"",
            "mount = \"srv/\"",
            "`srv/` is not a mount point",
            "write an absolute path without blanks, `.`, `..` or a slash at its end",
        ),
        (
            "count = 1",
            "count = 2",
            "partition `root` exists on every disk of `system`, which may be several",
            "make an array of it, or say `count = 1` for `system`",
        ),
        (
            "count = 1",
            "count = 1, at-least = 1",
            "`count` and a range of counts exclude each other",
            "keep one of them",
        ),
        ("count = 1, ", "", "missing key `count`", "add a line such as `count = 2` or `at-least = 1`"),
        ("count = 1", "count = 0", "0 is too few", "write 1 or more, or leave the line out"),
        (
            "label = \"root\"",
            "label = \"a-label-of-seventeen\"",
            "`a-label-of-seventeen` is not a label",
            "use 1 to 16 of a-z, A-Z, 0-9, `-`, `_` and `.`",
        ),
    ] {
        let report = report_of_layout(sound, wrong);
        assert!(messages(&report).chunks(2).any(|found| found == [message, hint]), "{wrong}: {report}");
    }
}

/// The shipped storage profile with one thing replaced.
fn report_of_storage(sound: &str, wrong: &str) -> String {
    let [base, storage] =
        [include_str!("../../../profiles/base.toml"), include_str!("../../../profiles/storage.toml")];
    assert!(storage.contains(sound), "{sound}");
    report(&[("profiles/base.toml", base), ("profiles/storage.toml", &storage.replacen(sound, wrong, 1))])
}

#[test]
fn pieces_of_a_layout_are_used_once_and_all() {
    for (sound, wrong, expected, hint) in [
        (
            "level = \"raid1\"",
            "level = \"raid10\"",
            "array `root` cannot be made of disk group `system`: RAID10 needs an even number of disks, 4 or more",
            "change the number of disks in `system`, or the level",
        ),
        (
            "partition = \"pv\"",
            "partition = \"root\"",
            "nothing uses partition `pv`",
            "put something on it, or give it `drbd = true`",
        ),
        (
            "number = 2",
            "number = 1",
            "on disk group `system`, partition number `1` is already used",
            "choose another number",
        ),
        ("name = \"pv\"", "name = \"root\"", "partition `root` is already used", "choose another name"),
        (
            "partition = \"root\"",
            "partition = \"drbd\"",
            "carrier `partition:drbd` is already used",
            "put each thing on a piece of its own",
        ),
        ("disks = \"data\"", "disks = \"date\"", "unknown disk group `date`", "did you mean `data`?"),
        ("group = \"vg0\"", "group = \"vg1\"", "unknown volume group `vg1`", "did you mean `vg0`?"),
        ("volume:vg0/var", "volume:vg0/vra", "unknown volume `vg0/vra`", "did you mean `vg0/var`?"),
        ("volume:vg0/var", "array:var", "unknown array `var`", "known arrays: `root`, `pv`"),
        (
            "on = \"array:pv\"",
            "on = \"volume:vg0/var\"",
            "a volume group cannot lie on a logical volume",
            "put it on an array or a partition",
        ),
        (
            "mount = \"/var\"",
            "mount = \"/boot\"",
            "`/boot` cannot lie on a logical volume",
            "put it on an array or a partition: boot code finds it there",
        ),
        ("mount = \"/var\"", "mount = \"/\"", "mount point `/` is already used", "choose another path"),
        ("mount = \"/var\"", "", "missing key `mount`", "add a line such as `mount = \"/var\"`"),
        (
            "label = \"swap\"",
            "label = \"swap\"\nmount = \"/swap\"",
            "swap is mounted nowhere",
            "remove `mount`",
        ),
        ("label = \"var\"", "label = \"root\"", "label `root` is already used", "choose another label"),
    ] {
        let report = report_of_storage(sound, wrong);
        // The shipped file may grow: its line numbers are not what this is about.
        let without_place = |message: &str| message.split(" at profiles/").next() == Some(expected);
        assert!(
            messages(&report).chunks(2).any(|found| without_place(found[0]) && found[1] == hint),
            "{wrong}: {report}"
        );
    }
}
