//! Which disk is lost and which one is new, to the letter: a plan and facts go in, a replacement or refusals come out.
#![allow(clippy::unwrap_used)]

#[path = "plan/layouts.rs"]
#[allow(dead_code)]
mod layouts;

use installer::apply::partition;
use installer::facts::{Content, DiskFacts, DiskLabel, Found, Piece, Table};
use installer::plan::{PartitionKind, Plan, Refusal, Seed, plan};
use installer::replace::{Case, Replacement, choose};
use installer::units::{Bytes, SectorSize};

fn facts(name: &str, serial: &str, size: Bytes) -> DiskFacts {
    let label = DiskLabel { serial: serial.to_owned(), model: "Any Disk".to_owned(), ..DiskLabel::default() };
    DiskFacts { label, ..DiskFacts::new(name, size, SectorSize::B512) }
}

/// Two system disks of 8 GiB, one for DRBD of 4 GiB, as the node remembers them.
fn node() -> Plan {
    let sizes = [8, 8, 4].map(|gib| Bytes::GIB * gib);
    let disks: Vec<_> = sizes.iter().map(|size| facts("", "", *size)).collect();
    plan(&layouts::raid1_drbd(), &disks, &Seed::node("c", "n1")).unwrap().numbered()
}

/// A disk of the plan as it is found on the node.
fn alive(plan: &Plan, at: usize, name: &str) -> Found {
    let planned = &plan.disks[at];
    let mut found = Found::blank(facts(name, &format!("OLD{at}"), planned.size));
    let content = |device: &str, kind: &str| Content {
        device: device.to_owned(),
        kind: kind.to_owned(),
        label: String::new(),
        uuid: String::new(),
        offset: Bytes(512),
    };
    found.contents.push(content(name, "gpt"));
    for piece in &planned.partitions {
        let device = partition(name, piece.number);
        if piece.kind == PartitionKind::Raid {
            found.contents.push(content(&device, "linux_raid_member"));
        }
        found.partitions.push(Piece { device, start: piece.start, size: piece.size });
    }
    let (id, partitions) = (planned.guid.to_string(), found.partitions.clone());
    found.table = Some(Table { label: "gpt".to_owned(), id, partitions });
    found.our_boot_code = planned.boot;
    found
}

fn blank(name: &str, size: Bytes) -> Found {
    Found::blank(facts(name, "NEW", size))
}

const GIB8: Bytes = Bytes(8 << 30);

struct Scene {
    plan: Plan,
    disks: Vec<Found>,
    with: Option<&'static str>,
}

impl Scene {
    /// The node without its disk 1.
    fn new(others: impl IntoIterator<Item = Found>) -> Self {
        let plan = node();
        let mut disks = vec![alive(&plan, 0, "/dev/sda"), alive(&plan, 2, "/dev/sdc")];
        disks.extend(others);
        Self { plan, disks, with: None }
    }

    fn with(self, with: &'static str) -> Self {
        Self { with: Some(with), ..self }
    }

    fn choose(&self) -> Result<Replacement, Vec<Refusal>> {
        choose(&Case { plan: &self.plan, disks: &self.disks, with: self.with })
    }

    fn refused(&self) -> Vec<(String, String)> {
        let refusals = self.choose().expect_err("a refusal");
        refusals.into_iter().map(|refusal| (refusal.message, refusal.hint)).collect()
    }

    fn assert_refused(&self, message: &str, hint: &str) {
        assert_eq!(self.refused(), [(message.to_owned(), hint.to_owned())]);
    }
}

#[test]
fn the_one_blank_disk_takes_the_place_of_the_one_that_is_lost() {
    for size in [GIB8, GIB8 + Bytes::GIB] {
        let replacement = Scene::new([blank("/dev/sdb", size)]).choose().unwrap();
        let names: Vec<_> = replacement.plan.disks.iter().map(|disk| disk.name.as_str()).collect();
        assert_eq!(names, ["/dev/sda", "/dev/sdb", "/dev/sdc"]);
        assert_eq!((replacement.at, replacement.disk().size), (1, size));
        assert_eq!(replacement.arrays().collect::<Vec<_>>(), ["root", "pv"]);
        assert_eq!(replacement.disk().partitions, node().disks[1].partitions);
    }
}

#[test]
fn a_person_sees_what_is_going_to_happen() {
    let said = Scene::new([blank("/dev/sdb", GIB8)]).choose().unwrap().describe();
    let head = "disk1 of this node is missing. In its place comes /dev/sdb (Any Disk, serial NEW, 8G):\n";
    assert!(said.starts_with(head), "{said}");
    assert!(said.contains("md root (RAID1, member 1 of 2)"), "{said}");
    assert!(said.ends_with(
        "\nThe machine must not restart before this is done: meanwhile GRUB cannot read its files reliably.\n"
    ));
}

#[test]
fn what_lies_on_a_raw_disk_is_drbds_own_matter() {
    let plan = node();
    let disks =
        vec![alive(&plan, 0, "/dev/sda"), alive(&plan, 1, "/dev/sdb"), blank("/dev/sdd", Bytes::GIB * 4)];
    let replacement = Scene { plan, disks, with: None }.choose().unwrap();
    assert_eq!(replacement.at, 2);
    assert_eq!(
        replacement.report(),
        "/dev/sdd is disk2 of this node now\n\
         /dev/sdd1 is blank: what lies on it is DRBD's own matter, `drbdadm create-md RESOURCE` and \
         `drbdadm attach RESOURCE`"
    );
}

/// The new one is as large as the data disk, so it is that one's.
#[test]
fn of_two_lost_disks_the_one_that_the_new_one_can_be() {
    let plan = node();
    let disks = vec![alive(&plan, 0, "/dev/sda"), blank("/dev/sdb", Bytes::GIB * 4)];
    assert_eq!(Scene { plan, disks, with: None }.choose().unwrap().at, 2);
}

#[test]
fn nothing_is_lost() {
    let plan = node();
    let disks = vec![alive(&plan, 0, "/dev/sda"), alive(&plan, 1, "/dev/sdb"), alive(&plan, 2, "/dev/sdc")];
    Scene { plan, disks, with: None }.assert_refused(
        "this node misses no disk: disk0 is /dev/sda, disk1 is /dev/sdb, disk2 is /dev/sdc",
        "a broken disk is missing once it is pulled out; a good one that md has given up comes back by \
         `mdadm --manage /dev/md/NAME --re-add PARTITION`",
    );
}

#[test]
fn an_interrupted_replacement_is_told() {
    let plan = node();
    let mut half = alive(&plan, 1, "/dev/sdb");
    half.our_boot_code = false;
    let scene = |half: &Found| {
        let disks = vec![alive(&plan, 0, "/dev/sda"), half.clone(), alive(&plan, 2, "/dev/sdc")];
        Scene { plan: plan.clone(), disks, with: None }
    };
    scene(&half).assert_refused(
        "/dev/sdb (Any Disk, serial OLD1, 8G) is disk1, but has no boot code: its replacement was interrupted",
        "once its arrays are whole (/proc/mdstat), `xbuild-boot-code` writes it",
    );
    half.contents.retain(|content| content.device != "/dev/sdb2");
    scene(&half).assert_refused(
        "/dev/sdb (Any Disk, serial OLD1, 8G) is disk1, but /dev/sdb2 belongs to no array: its replacement was interrupted",
        "take its other partitions out of their arrays (`mdadm --manage ARRAY --fail PARTITION --remove PARTITION`), \
         make it blank (`wipefs --all --force /dev/sdb2 /dev/sdb1 /dev/sdb15 /dev/sdb14 /dev/sdb`), and try again",
    );
}

#[test]
fn there_is_no_new_disk() {
    Scene::new([]).assert_refused(
        "this node misses disk1, and the machine has no disk to take its place",
        "plug in a blank disk of at least 8588902912 bytes (7.99G)",
    );
    Scene::new([]).with("/dev/sdb").assert_refused(
        "this machine has no disk /dev/sdb",
        "its disks are /dev/sda (Any Disk, serial OLD0, 8G), /dev/sdc (Any Disk, serial OLD2, 4G)",
    );
}

#[test]
fn several_disks_can_be_meant() {
    let scene = || Scene::new([blank("/dev/sdb", GIB8), blank("/dev/sdd", GIB8)]);
    scene().assert_refused(
        "2 disks could take its place: /dev/sdb (Any Disk, serial NEW, 8G), /dev/sdd (Any Disk, serial NEW, 8G)",
        "say which one: `xinstall replace-disk --with /dev/…`",
    );
    assert_eq!(scene().with("/dev/sdd").choose().unwrap().disk().name, "/dev/sdd");
}

#[test]
fn a_disk_of_the_node_is_not_taken() {
    Scene::new([blank("/dev/sdb", GIB8)]).with("/dev/sda").assert_refused(
        "/dev/sda (Any Disk, serial OLD0, 8G) is disk0 of this node: it is not missing",
        "name the new disk",
    );
}

#[test]
fn a_disk_that_holds_something_is_not_taken() {
    let mut found = blank("/dev/sdb", GIB8);
    let ext4 = Content {
        device: "/dev/sdb1".to_owned(),
        kind: "ext4".to_owned(),
        label: "home".to_owned(),
        uuid: String::new(),
        offset: Bytes(0x438),
    };
    found.contents.push(ext4);
    found.partitions.push(Piece { device: "/dev/sdb1".to_owned(), start: Bytes::MIB, size: Bytes::GIB });
    Scene::new([found]).assert_refused(
        "/dev/sdb (Any Disk, serial NEW, 8G) is not blank: ext4 `home` on /dev/sdb1",
        "if nothing on it is needed: `wipefs --all --force /dev/sdb1 /dev/sdb`, then try again",
    );
}

#[test]
fn a_disk_that_does_not_suit_is_not_taken() {
    let base = blank("/dev/sdb", GIB8);
    let small = blank("/dev/sdb", Bytes::GIB * 6);
    Scene::new([small]).assert_refused(
        "/dev/sdb (Any Disk, serial NEW, 6G) is too small for disk1 by 1.99G",
        "take a disk of at least 8588902912 bytes (7.99G)",
    );
    let mut other = base.clone();
    other.facts.sector_size = SectorSize::B4096;
    Scene::new([other]).assert_refused(
        "/dev/sdb (Any Disk, serial NEW, 8G) has sectors of 4096 bytes, and disk1 has 512",
        "take a disk with sectors of 512 bytes",
    );
    let used = Found { in_use: Some("/dev/sdb is mounted at /mnt".to_owned()), ..base.clone() };
    Scene::new([used]).assert_refused(
        "/dev/sdb (Any Disk, serial NEW, 8G) is in use: /dev/sdb is mounted at /mnt",
        "no disk is taken that somebody uses",
    );
    let locked = Found { read_only: true, ..base.clone() };
    Scene::new([locked]).assert_refused(
        "/dev/sdb (Any Disk, serial NEW, 8G) cannot be written: it is read-only",
        "take off its write protection",
    );
    let broken = Found { unreadable: Some("Input/output error".to_owned()), ..base };
    Scene::new([broken]).assert_refused(
        "nobody knows what is on /dev/sdb (Any Disk, serial NEW, 8G): Input/output error",
        "take another disk",
    );
}

/// A broken one is still plugged in: it is as good as lost, and the new one is beside it.
#[test]
fn a_broken_disk_may_stay_beside_the_new_one() {
    let broken = Found { unreadable: Some("Input/output error".to_owned()), ..blank("/dev/sdb", GIB8) };
    let replacement = Scene::new([broken, blank("/dev/sdd", GIB8)]).choose().unwrap();
    assert_eq!(replacement.disk().name, "/dev/sdd");
}

#[test]
fn what_had_no_copy_does_not_come_back() {
    let disks = [facts("", "", GIB8), facts("", "", Bytes::GIB * 4)];
    let plan = plan(&layouts::single_drbd(), &disks, &Seed::node("c", "n1")).unwrap().numbered();
    let disks = vec![alive(&plan, 1, "/dev/sdb"), blank("/dev/sda", GIB8)];
    Scene { plan, disks, with: None }.assert_refused(
        "disk0 is missing, and it alone had swap, /boot, /: no other disk has a copy",
        "install the node anew; `keep` in [install] saves what DRBD has",
    );
}
