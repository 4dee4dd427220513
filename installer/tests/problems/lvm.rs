//! What is wrong with volume groups that several nodes use, and with what lies on them.

use crate::export::EXPORTS;
use crate::membership::wrong;
use crate::{messages, report};

/// `tests/clusters/seed-d.toml`, whose profile is a smaller one here.
const SOUND: &str = include_str!("../../../tests/clusters/seed-d.toml");

const MESH: &str = r#"
summary = "Mesh"
packages = [
    "corosync", "crmsh", "dlm-controld", "fence-agents-ipmilan", "gfs2-utils", "lvm2-lockd", "pacemaker", "vblade",
]

[layout]
name = "mirrored"
disks = [{ name = "system", boot = true, count = 2, min-size = "4G" }]
partitions = [
    { disks = "system", number = 1, name = "root", min = "1G" },
    { disks = "system", number = 2, name = "export", min = "1G" },
    { disks = "system", number = 3, name = "pv", min = "512M" },
]
arrays = [
    { name = "root", level = "raid1", partition = "root" },
    { name = "export", level = "raid1", partition = "export" },
    { name = "pv", level = "raid1", partition = "pv" },
]
volume-groups = [{ name = "vg0", on = "array:pv" }]
volumes = [{ group = "vg0", name = "data", min = "64M", drbd = true }]
filesystems = [{ on = "array:root", type = "ext4", label = "root", mount = "/" }]
"#;

fn report_of(cluster: &str) -> String {
    report(&[("profiles/mesh.toml", MESH), ("cluster.toml", cluster)])
}

fn slips(cases: &[(&str, &str, &[&str])]) {
    for (sound, slip, expected) in cases {
        assert!(SOUND.contains(sound), "{sound}");
        assert_eq!(messages(&report_of(&SOUND.replacen(sound, slip, 1))), *expected, "{slip}");
    }
}

#[test]
fn a_shared_group_lies_on_what_its_nodes_reach() {
    assert_eq!(report_of(SOUND), "");
    let again = "[[lvm.volume]]\ngroup = \"vgmesh\"\nname = \"guests\"\nsize = \"1G\"\n\n[[gfs2.volume]]";
    slips(&[
        (
            "[[gfs2.volume]]",
            again,
            &[
                "volume `vgmesh/guests` is already used at cluster.toml:90:8",
                "give each volume of a group a name of its own",
            ],
        ),
        (
            "[\"mesh1\", \"mesh2\"]",
            "[\"mesh1\", \"mesh2\", \"mesh2\"]",
            &[
                "export `mesh2` is already used at cluster.toml:86:21",
                "a device is the physical volume of one group",
            ],
        ),
        (
            "[\"mesh1\", \"mesh2\"]",
            "[\"mesh1\", \"mesh2\", \"mesh3\"]",
            &["unknown export `mesh3`", "did you mean `mesh1`?"],
        ),
        (
            "exports = [\"mesh1\", \"mesh2\"]",
            "",
            &[
                "missing key `exports`",
                "name its physical volumes, such as `exports = [\"mesh1\", \"mesh2\"]`",
            ],
        ),
        (
            "array:export",
            "volume:vg0/data",
            &[
                "`volume:vg0/data` is no array, and its node has to find it by a name of its own",
                "export an array: `on = \"array:NAME\"`",
            ],
        ),
        (
            "export = \"mesh2\"",
            "export = \"mesh3\"",
            &["unknown physical volume `mesh3`", "did you mean `mesh1`?"],
        ),
        (
            "group = \"vgmesh\"\nname = \"guest1-a\"",
            "group = \"vgmash\"\nname = \"guest1-a\"",
            &["unknown volume group `vgmash`", "did you mean `vgmesh`?"],
        ),
    ]);
    let local = report_of(&SOUND.replace("vgmesh", "vg0"));
    let expected = ["node `mesh1` has a volume group `vg0` of its own", "give the shared group another name"];
    assert_eq!(messages(&local), expected);
}

#[test]
fn profiles_bring_what_their_nodes_need() {
    for (package, because) in [
        ("corosync", "as a member"),
        ("fence-agents-ipmilan", "to fence"),
        ("vblade", "to export `mesh1`"),
        ("lvm2-lockd", "for `vgmesh`"),
        ("gfs2-utils", "for `vgmesh`"),
    ] {
        let profile =
            MESH.replacen(&format!("\"{package}\", "), "", 1).replacen(&format!(", \"{package}\""), "", 1);
        let report = report(&[("profiles/mesh.toml", &profile), ("cluster.toml", SOUND)]);
        let message = format!(
            "node `mesh1` needs the package `{package}` {because}, and its profile `mesh` does not have it"
        );
        let hint = "add it to `packages` of the profile, or take another profile";
        assert_eq!(messages(&report)[..2], [message.as_str(), hint]);
    }
}

#[test]
fn nodes_that_share_are_fenced() {
    let fencing = "[fencing]\nagent = \"ipmi\"\nuser = \"fencing\"\ntimeout = 30\n";
    let lines = SOUND.replacen(fencing, "", 1);
    let lines: String = lines
        .lines()
        .filter(|line| !line.starts_with("fencing = "))
        .map(|line| format!("{line}\n"))
        .collect();
    let expected = [
        "shared volume groups, and nothing that fences",
        "add `[fencing]`: dlm waits until a node that is gone has been fenced",
    ];
    assert_eq!(messages(&report_of(&lines)), expected);
}

#[test]
fn a_shared_group_takes_nothing_that_is_somebodys() {
    let group = "\n[[lvm.group]]\nname = \"shared\"\nexports = [\"data\"]\n";
    let report = wrong(&[("on = \"drbd:xen\"", "on = \"export:data\"")], &format!("{EXPORTS}{group}"));
    let said = messages(&report);
    for expected in [
        ["`data` carries the file system `XEN`", "take an export that carries nothing"],
        [
            "1 of the nodes reach all of `shared`",
            "two or more must: those that have a device, and those in the network in which it is exported",
        ],
    ] {
        assert!(said.windows(2).any(|window| window == expected), "{report}");
    }
}

#[test]
fn gfs2_lies_on_a_shared_volume() {
    slips(&[
        (
            "volume:vgmesh/guests",
            "volume:vgmesh/guest",
            &["unknown shared volume `volume:vgmesh/guest`", "did you mean `volume:vgmesh/guests`?"],
        ),
        (
            "mount = \"/guests\"",
            "mount = \"/guests\"\njournals = 1",
            &["1 is not a number of journals", "write a whole number from 2 to 128"],
        ),
        (
            "no-quorum-policy = \"freeze\"\n",
            "",
            &[
                "nodes without quorum shall `stop`, and GFS2 cannot be unmounted without it",
                "add `[pacemaker]` with `no-quorum-policy = \"freeze\"`: they wait then",
            ],
        ),
        (
            "mount = \"/guests\"\n",
            "mount = \"/guests\"\n\n[[gfs2.volume]]\non = \"volume:vgmesh/guest1-a\"\nlabel = \"guests\"\nmount = \"/other\"\n",
            &[
                "label `guests` is already used at cluster.toml:109:9",
                "give each file system a label of its own",
            ],
        ),
    ]);
    let there = "mount each file system at a place of its own";
    let at_root = ["node `mesh1` mounts a file system of its own at `/`", there];
    slips(&[("mount = \"/guests\"", "mount = \"/\"", &at_root)]);
    let ocfs2 = "\n[ocfs2]\nname = \"ocfs2\"\nnetwork = \"storage\"\n\n[[ocfs2.volume]]\non = \"drbd:guests\"\nlabel = \"guests\"\n\
        mount = \"/guests\"\n";
    let report = report_of(&format!("{SOUND}{ocfs2}"));
    let twice = ["mount point `/guests` is already used at cluster.toml:110:9", there];
    assert!(messages(&report).windows(2).any(|said| said == twice), "{report}");
    let none = SOUND[..SOUND.find("[[gfs2.volume]]").unwrap()].to_owned() + "[gfs2]\n";
    let expected = ["no file system", "add a table `[[gfs2.volume]]` for each, or remove `[gfs2]`"];
    assert_eq!(messages(&report_of(&none)), expected);
}
