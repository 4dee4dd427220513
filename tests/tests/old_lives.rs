//! Disks that have had another life. By the policy `refuse` none of them is touched; by `force` all of them become the node,
//! and nothing is left of what they were.

#[path = "old_lives/foreign.rs"]
mod foreign;
#[path = "old_lives/zfs.rs"]
mod zfs;

use std::path::Path;
use std::sync::OnceLock;

use builder::vm::Firmware;
use installer::format::ToolCall;
use serde_json::json;
use tests::bare::{Bare, Medium, error};
use tests::disks::layout;
use tests::guest::{Answers, Entry, Guest};
use tests::xbuild::{Images, image, open_tools, run_tool};

use foreign::foreign;

/// Two for the system, one for DRBD.
const DISKS: &str = "2x7G,2G";

/// A machine that is the node which takes blank disks only.
fn bare(name: &str) -> Bare {
    Bare::new(name, &[7, 7, 2], "S-STORAGE1", "52:54:00:00:03:01", Firmware::Bios)
}

/// The node that takes every disk, as an image.
fn made(name: &str, disks: &str) -> Images {
    image(name, &["--cluster", "tests/clusters/lives.toml", "--node", "storage2", "--disks", disks])
}

fn fresh() -> &'static Images {
    static FRESH: OnceLock<Images> = OnceLock::new();
    FRESH.get_or_init(|| made("life-fresh", DISKS))
}

/// Runs a program of the tools tree on a disk.
fn tool(disk: &Path, command: &str) {
    let folder = disk.parent().expect("a disk lies in a folder");
    let said = run_tool(&open_tools(), folder, &ToolCall::new(["sh", "-c", command]));
    assert!(said.status.success(), "{command}: {}", String::from_utf8_lossy(&said.stderr));
}

/// What the node that is going to be installed was before, with its system disks in each other's place: nothing of it is
/// where it is going to be.
fn own() -> Images {
    let mut images = fresh().clone();
    images.disks.swap(0, 1);
    images
}

/// A generic node of another layout: each of its disks has a part of every array.
fn other_layout() -> &'static Images {
    static OTHER: OnceLock<Images> = OnceLock::new();
    OTHER.get_or_init(|| image("life-mesh", &["--profile", "mesh", "--disks", "4x7G"]))
}

/// A pool on the first and the last disk; the GPT of the second one has a primary header with a wrong checksum.
fn pool_and_broken_table() -> &'static Bare {
    static POOL: OnceLock<Bare> = OnceLock::new();
    POOL.get_or_init(|| {
        let machine = bare("life-pool");
        for (disk, gib) in [(0, 7), (2, 2)] {
            for (at, label) in zfs::labels(gib << 30) {
                machine.write(disk, at, &label);
            }
        }
        let disk = &machine.images.disks[1].path;
        tool(disk, &TABLE.replace("DISK", &disk.display().to_string()));
        let guid = machine.read(1, GUID, 1);
        machine.write(1, GUID, &[guid[0] ^ 1]);
        machine
    })
}

const TABLE: &str = "sgdisk -n 1:2048:+64M -t 1:ef00 -c 1:esp -n 2:0:0 -c 2:root DISK && \
    mkfs.vfat -F 16 --offset 2048 -n ESP DISK 65536 && mke2fs -q -F -t ext4 -L root -E offset=68157440 DISK 1G";
/// Of the disk, in the primary header.
const GUID: u64 = 512 + 56;

/// All of them in one machine: each disk is refused for what is on it.
#[test]
#[ignore = "minutes of emulation"]
fn refuse_changes_nothing() {
    let (foreign, own) = (foreign(), own());
    let lives =
        [&foreign.ends.images, &foreign.places.images, &pool_and_broken_table().images, &own, other_layout()];
    let disks = lives.iter().flat_map(|images| images.disks.clone()).collect();
    let machine = Bare { images: Images { disks, ..own.clone() }, ..foreign.ends.clone() };
    let before = machine.hashes();
    let console = machine.is_refused(&Medium::usb("lives"));
    assert_eq!(error(&console), refused());
    assert_eq!(machine.hashes(), before);
}

const FORCE: &str =
    "`wipe = \"force\"` in [install] takes any disk; else take it out of the machine, or out of the layout";
const SAME_CLUSTER: &str = "`wipe = \"same-cluster\"` in [install] takes the disks of this cluster's nodes";

/// Of the two system disks of a node of our layouts.
const SYSTEM: &str = "gpt of node `storage2` with 4 partitions, linux_raid_member `any:root` on NODE1, \
    linux_raid_member `any:pv` on NODE2, vfat `ESP` on NODE15";
const PLACES: &str = "gpt with 4 partitions, ext4 `start` on NODE1, linux_raid_member `elsewhere:end` on NODE2, \
    ext4 `end` on NODE2, linux_raid_member `elsewhere:vg` on NODE3, linux_raid_member on NODE4, ext4 `swap` on NODE4";
const MESH: &str = "gpt with 6 partitions, linux_raid_member `any:root` on NODE1, linux_raid_member `any:usr` on NODE2, \
    linux_raid_member `any:var` on NODE3, linux_raid_member `any:export` on NODE5, vfat `ESP` on NODE15";

/// Size of each disk, what is on it, and the narrowest policy that takes it. Superblocks at the end of a disk do not hide
/// what lies at its start; of a table with a broken primary header the backup is read, and the kernel makes no partitions.
const FOUND: [(&str, &str, &str); 16] = [
    ("7G", "linux_raid_member, LVM2_member", FORCE),
    ("7G", "linux_raid_member `elsewhere:second`, ext4 `second`", FORCE),
    (
        "2G",
        "linux_raid_member, dos with 1 partition, linux_raid_member on NODE1, ext4 `third` on NODE1",
        FORCE,
    ),
    ("7G", PLACES, FORCE),
    ("7G", PLACES, FORCE),
    ("2G", "gpt with 1 partition, linux_raid_member `elsewhere:drbd` on NODE1, ext4 `drbd` on NODE1", FORCE),
    ("7G", "zfs_member `tank`", FORCE),
    ("7G", "gpt with 2 partitions", FORCE),
    ("2G", "zfs_member `tank`", FORCE),
    ("7G", SYSTEM, SAME_CLUSTER),
    ("7G", SYSTEM, SAME_CLUSTER),
    ("2G", "gpt of node `storage2` with 1 partition", SAME_CLUSTER),
    ("7G", MESH, FORCE),
    ("7G", MESH, FORCE),
    ("7G", MESH, FORCE),
    ("7G", MESH, FORCE),
];

fn refused() -> String {
    let refused = |(index, (size, found, policy)): (usize, (&str, &str, &str))| {
        let node = format!("/dev/vd{}", char::from(b'a' + index as u8));
        let disk = format!("{node} (unknown model, serial disk{index}, {size})");
        let found = found.replace("NODE", &node);
        format!("error: {disk} is not empty: {found}\nhint: if nothing on it is needed, {policy}")
    };
    FOUND.into_iter().enumerate().map(refused).collect::<Vec<_>>().join("\n")
}

/// Installs over what is on the disks: it has to be the same as in a fresh image.
fn is_taken(name: &str, life: &Images, fresh: &Images) -> Bare {
    let life = Bare {
        images: life.clone(),
        serial: "S-STORAGE2",
        mac: "52:54:00:00:03:04",
        firmware: Firmware::Bios,
    };
    let machine = life.copy(name);
    let console = machine.install(&Medium::usb("lives"));
    assert!(console.contains("installed storage2 in "), "{console}");
    let mut found = layout(&machine.images);
    // Left raw for DRBD, and nothing else is: what an earlier life has left there is nothing that anybody knows.
    for disk in 2..machine.images.disks.len() {
        let content = found.pointer_mut(&format!("/disks/{disk}/content/partitions/0/device/content"));
        let unknown = content.filter(|content| content["kind"] == "unknown");
        unknown.into_iter().for_each(|content| *content = json!({ "kind": "blank" }));
    }
    assert_eq!(found, layout(fresh), "what lies on the disks");
    machine
}

/// Signatures on everything that may carry some, with nothing filtered.
const REMAINS: &str = r#"
systemctl is-system-running --wait >/dev/null
record failed failed
everything() { ls -d /dev/vda* /dev/vdb* /dev/vdc* /dev/md/* /dev/vg0/*; }
signatures() { for device in $(everything); do echo $device; wipefs --no-act --parsable $device || echo failed; done; }
# Ids of members are random.
contents() { blkid -p -s TYPE -s PTTYPE -s UUID -s LABEL -s AMBIVALENT $(everything); }
record everything everything
record signatures signatures
record contents contents
record members mdadm --examine --scan
record groups pvs --config 'devices{global_filter=["a|.*|"]use_devicesfile=0}' --noheadings -o pv_uuid,vg_name,vg_uuid,lv_count
"#;

const SAME: [&str; 5] = ["everything", "signatures", "contents", "members", "groups"];

/// The node starts, and no program finds more on its disks than on those of a fresh image.
fn has_forgotten(machine: &Bare) {
    static FOUND: OnceLock<Answers> = OnceLock::new();
    let fresh = FOUND.get_or_init(|| examine(fresh()));
    let answers = examine(&machine.images);
    for name in SAME {
        assert_eq!(answers.good(name), fresh.good(name), "{name}");
    }
}

fn examine(images: &Images) -> Answers {
    let answers = Guest { entry: Entry::PlainLinux, ..Guest::new(images, REMAINS) }.examine();
    assert_eq!(answers.good("failed"), "");
    answers
}

/// Superblocks of md 0.90 and 1.0 lie at the ends of what they are on.
#[test]
#[ignore = "minutes of emulation"]
fn superblocks_at_the_ends_of_disks_are_forgotten() {
    let machine = is_taken("taken-ends", &foreign().ends.images, fresh());
    has_forgotten(&machine);
    machine.images.remove();
}

/// What lies where the new arrays and volumes start and end would be seen in them.
#[test]
#[ignore = "minutes of emulation"]
fn what_lies_in_the_places_of_the_new_arrays_is_forgotten() {
    let machine = is_taken("taken-places", &foreign().places.images, fresh());
    has_forgotten(&machine);
    machine.images.remove();
}

#[test]
#[ignore = "minutes of emulation"]
fn a_pool_and_a_table_with_a_broken_header_are_taken() {
    is_taken("taken-pool", &pool_and_broken_table().images, fresh()).images.remove();
}

#[test]
#[ignore = "minutes of emulation"]
fn our_own_earlier_node_is_taken() {
    is_taken("taken-own", &own(), fresh()).images.remove();
}

#[test]
#[ignore = "minutes of emulation"]
fn another_layout_of_ours_is_taken() {
    let fresh = made("life-fresh-4", "4x7G");
    is_taken("taken-mesh", other_layout(), &fresh).images.remove();
    fresh.remove();
}
