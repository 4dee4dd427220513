//! What may go and what stays, to the letter: facts and a policy go in, actions or refusals come out.
#![allow(clippy::unwrap_used)]

#[path = "plan/layouts.rs"]
#[allow(dead_code)]
mod layouts;

use installer::facts::{Content, DiskFacts, DiskLabel, Found, Piece, Table};
use installer::model::install::{Install, Keep, WipePolicy};
use installer::model::storage::Layout;
use installer::plan::{Plan, Seed, plan};
use installer::units::{Bytes, SectorSize};
use installer::wipe::{Action, Case, Owners, decide};

const FORCE: &str = "if nothing on it is needed, `wipe = \"force\"` in [install] takes any disk; \
                     else take it out of the machine, or out of the layout";
const SAME_CLUSTER: &str = "if nothing on it is needed, `wipe = \"same-cluster\"` in [install] takes the disks of this \
                            cluster's nodes";
const FIT_THE_LAYOUT: &str = "make the layout fit what is on the disk, or take `keep` out of [install]: then the data below DRBD is lost";

fn disk(name: &str, serial: &str, gib: u64) -> DiskFacts {
    let label = DiskLabel { serial: serial.to_owned(), model: "Any Disk".to_owned(), ..DiskLabel::default() };
    DiskFacts { label, ..DiskFacts::new(name, Bytes::GIB * gib, SectorSize::B512) }
}

/// `sda` and `sdb` of the system, `sdc` with data.
fn facts() -> Vec<DiskFacts> {
    vec![disk("/dev/sda", "S1", 8), disk("/dev/sdb", "S2", 8), disk("/dev/sdc", "S3", 4)]
}

fn content(device: &str, kind: &str, label: &str, uuid: &str, offset: u64) -> Content {
    let [device, kind, label, uuid] = [device, kind, label, uuid].map(str::to_owned);
    Content { device, kind, label, uuid, offset: Bytes(offset) }
}

/// A machine, what it should become, and the rules.
struct Scene {
    plan: Plan,
    disks: Vec<Found>,
    install: Install,
}

impl Scene {
    fn new(layout: &Layout, wipe: WipePolicy) -> Self {
        let plan = plan(layout, &facts(), &Seed::node("c", "n1")).unwrap();
        let disks = facts().into_iter().map(Found::blank).collect();
        Self { plan, disks, install: Install { wipe, ..Install::default() } }
    }

    fn keeping(mut self) -> Self {
        self.install.keep = vec![Keep::Drbd];
        self
    }

    /// Every disk as `node` has left it.
    fn lived(mut self, node: &str) -> Self {
        let lived = plan_of(&self.plan, node);
        for (at, found) in self.disks.iter_mut().enumerate() {
            live(found, &lived, at);
        }
        self
    }

    fn decide(&self) -> Result<Vec<Action>, Vec<(String, String)>> {
        let owners = Owners::new("c", ["n1", "n2"]);
        let case = Case { plan: &self.plan, disks: &self.disks, install: &self.install, owners: &owners };
        let told = |refusals: Vec<installer::plan::Refusal>| {
            refusals.into_iter().map(|refusal| (refusal.message, refusal.hint)).collect()
        };
        decide(&case).map_err(told)
    }

    fn refused(&self) -> Vec<(String, String)> {
        self.decide().expect_err("a refusal")
    }

    /// The actions in short: what stays, then what is wiped.
    fn done(&self) -> Vec<String> {
        let shown = |action: Action| match action {
            Action::Keep { partition, device } => {
                format!("keep {device} as {}", self.plan.partition_label(partition))
            }
            Action::KeepArray { name } => format!("keep array {name}"),
            Action::KeepVolume { group, name } => format!("keep volume {group}/{name}"),
            Action::Wipe { device } => device,
        };
        self.decide().unwrap().into_iter().map(shown).collect()
    }
}

/// The same layout with the ids of another node.
fn plan_of(like: &Plan, node: &str) -> Plan {
    let seed = Seed::node("c", node);
    let mut plan = like.clone();
    for (at, disk) in plan.disks.iter_mut().enumerate() {
        disk.guid = seed.disk(at);
    }
    plan
}

/// Puts on a disk what an install of `plan` would have.
fn live(found: &mut Found, plan: &Plan, at: usize) {
    let (planned, name) = (&plan.disks[at], found.facts.name.clone());
    let pieces: Vec<Piece> = planned
        .partitions
        .iter()
        .map(|part| Piece { device: format!("{name}{}", part.number), start: part.start, size: part.size })
        .collect();
    found.contents = vec![
        content(&name, "gpt", "", "", 0x200),
        content(&name, "gpt", "", "", found.facts.size.0 - 512),
        content(&name, "PMBR", "", "", 0x1fe),
    ];
    for array in &plan.arrays {
        for member in array.members.iter().filter(|member| member.partition.disk == at) {
            let device = format!("{name}{}", member.partition.number);
            let label = format!("any:{}", array.name);
            found.contents.push(content(&device, "linux_raid_member", &label, &array.uuid.to_string(), 4096));
        }
    }
    let id = planned.guid.to_string().to_uppercase();
    found.table = Some(Table { label: "gpt".to_owned(), id, partitions: pieces.clone() });
    found.partitions = pieces;
    found.partitions.sort_by_key(|piece| piece.device.len());
    found.our_boot_code = planned.boot;
}

/// What somebody else has put there.
fn foreign(found: &mut Found) {
    let name = found.facts.name.clone();
    let piece = Piece { device: format!("{name}1"), start: Bytes::MIB, size: Bytes::GIB };
    found.contents = vec![
        content(&name, "dos", "", "", 0x1fe),
        content(&piece.device, "zfs_member", "tank", "7", 0x23000),
        content(&piece.device, "zfs_member", "tank", "7", 0x22000),
    ];
    found.table =
        Some(Table { label: "dos".to_owned(), id: "0x1".to_owned(), partitions: vec![piece.clone()] });
    found.partitions = vec![piece];
}

fn empty_table(found: &mut Found) {
    found.contents = vec![content(&found.facts.name, "gpt", "", "", 0x200)];
    found.table = Some(Table { label: "gpt".to_owned(), id: String::new(), partitions: vec![] });
}

const ALL: [WipePolicy; 4] =
    [WipePolicy::Refuse, WipePolicy::Blank, WipePolicy::SameCluster, WipePolicy::Force];

#[test]
fn blank_disks_are_taken_by_every_policy() {
    for wipe in ALL {
        let scene = Scene::new(&layouts::raid1_drbd(), wipe).keeping();
        assert_eq!(scene.done(), ["/dev/sda", "/dev/sdb", "/dev/sdc"], "{wipe:?}");
    }
}

#[test]
fn each_policy_allows_what_it_says() {
    const S3: &str = "/dev/sdc (Any Disk, serial S3, 4G)";
    type Put = fn(&mut Found);
    /// By policy, why not.
    type Verdicts = [Option<&'static str>; 4];
    let ours =
        |found: &mut Found| live(found, &Scene::new(&layouts::raid1_drbd(), WipePolicy::Force).plan, 2);
    let blank = "`wipe = \"blank\"` in [install] takes disks with nothing but an empty partition table";
    let table: [(&str, Put, &str, Verdicts, &str); 3] = [
        ("an empty table", empty_table, "gpt", [Some("is not empty"), None, None, None], blank),
        (
            "a node's disk",
            ours,
            "gpt of node `n1` with 1 partition",
            [Some("is not empty"), Some("is not blank"), None, None],
            SAME_CLUSTER,
        ),
        (
            "somebody's disk",
            foreign,
            "dos with 1 partition, zfs_member `tank` on /dev/sdc1",
            [Some("is not empty"), Some("is not blank"), Some("is no disk of this cluster"), None],
            FORCE,
        ),
    ];
    for (what, put, contents, verdicts, hint) in table {
        for (wipe, verdict) in ALL.into_iter().zip(verdicts) {
            let mut scene = Scene::new(&layouts::raid1_drbd(), wipe);
            put(&mut scene.disks[2]);
            let refused = scene.decide().err().unwrap_or_default();
            let expected = verdict.map(|but| (format!("{S3} {but}: {contents}"), hint.to_owned()));
            assert_eq!(refused, Vec::from_iter(expected), "{what}, {wipe:?}");
        }
    }
}

#[test]
fn every_disk_is_named_with_what_is_on_it() {
    let messages = Scene::new(&layouts::raid1_drbd(), WipePolicy::Refuse).lived("n2").refused();
    let messages: Vec<String> = messages.into_iter().map(|(message, _)| message).collect();
    let members = |disk: &str| {
        format!("linux_raid_member `any:root` on {disk}1, linux_raid_member `any:pv` on {disk}2")
    };
    assert_eq!(
        messages,
        [
            format!(
                "/dev/sda (Any Disk, serial S1, 8G) is not empty: gpt of node `n2` with 4 partitions, {}",
                members("/dev/sda")
            ),
            format!(
                "/dev/sdb (Any Disk, serial S2, 8G) is not empty: gpt of node `n2` with 4 partitions, {}",
                members("/dev/sdb")
            ),
            "/dev/sdc (Any Disk, serial S3, 4G) is not empty: gpt of node `n2` with 1 partition".to_owned(),
        ]
    );
}

#[test]
fn partitions_are_wiped_before_their_disk() {
    let scene = Scene::new(&layouts::raid1_drbd(), WipePolicy::SameCluster).lived("n2");
    let system = |disk: &str| ["15", "14", "2", "1", ""].map(|number| format!("{disk}{number}")).to_vec();
    let data = vec!["/dev/sdc1".to_owned(), "/dev/sdc".to_owned()];
    assert_eq!(scene.done(), [system("/dev/sda"), system("/dev/sdb"), data].concat());
}

#[test]
fn no_policy_takes_a_disk_that_cannot_be_ours() {
    type Put = fn(&mut Scene);
    let table: [(Put, &str, &str); 6] = [
        (
            |scene| {
                scene.disks[0].in_use =
                    Some("/dev/sda1 is mounted at /mnt, /dev/sda3 is held by md127".to_owned())
            },
            "/dev/sda (Any Disk, serial S1, 8G) is in use: /dev/sda1 is mounted at /mnt, /dev/sda3 is held by md127",
            "unmount it, or stop what holds it (`swapoff`, `vgchange -an`, `mdadm --stop`); \
             `wipe` never takes a disk that is in use",
        ),
        (
            |scene| scene.disks[1].read_only = true,
            "/dev/sdb (Any Disk, serial S2, 8G) cannot be written: it is read-only",
            "take off its write protection, or take it out of the layout",
        ),
        (
            |scene| scene.disks[1].unreadable = Some("Input/output error (os error 5)".to_owned()),
            "nobody knows what is on /dev/sdb (Any Disk, serial S2, 8G): Input/output error (os error 5)",
            "replace the disk, or take it out of the layout",
        ),
        (
            |scene| scene.disks[2].facts.size = Bytes::GIB * 5,
            "/dev/sdc (Any Disk, serial S3, 5G) is not what the plan has: 4G with sectors of 512 bytes",
            "look at the machine again, and make the plan anew",
        ),
        (
            |scene| drop(scene.disks.remove(2)),
            "/dev/sdc is in the plan, and the machine does not have it",
            "look at the machine again, and make the plan anew",
        ),
        (
            |scene| {
                let mut old = Found::blank(disk("/dev/sdd", "S4", 8));
                live(&mut old, &plan_of(&scene.plan, "n2"), 0);
                scene.disks.push(old);
            },
            "/dev/sdd (Any Disk, serial S4, 8G) is not in the plan, and has the boot code of node `n2`: \
             the machine may start from it",
            "take it out of the machine, or into the layout, or remove its boot code: \
             `dd if=/dev/zero of=/dev/sdd bs=446 count=1`",
        ),
    ];
    for (put, message, hint) in table {
        for wipe in ALL {
            let mut scene = Scene::new(&layouts::raid1_drbd(), wipe);
            put(&mut scene);
            assert_eq!(scene.refused(), [(message.to_owned(), hint.to_owned())], "{wipe:?}");
        }
    }
}

#[test]
fn disks_outside_of_the_plan_are_nobodys_business() {
    let mut scene = Scene::new(&layouts::raid1_drbd(), WipePolicy::Refuse);
    let mut medium = Found::blank(disk("/dev/sdd", "S4", 8));
    foreign(&mut medium);
    (medium.our_boot_code, medium.in_use) = (true, Some("/dev/sdd1 is mounted at /run/medium".to_owned()));
    scene.disks.push(medium);
    assert_eq!(scene.done(), ["/dev/sda", "/dev/sdb", "/dev/sdc"]);
}

#[test]
fn raw_drbd_partitions_stay() {
    let mut scene = Scene::new(&layouts::raid1_drbd(), WipePolicy::SameCluster).lived("n1").keeping();
    scene.disks[2].contents.push(content("/dev/sdc1", "drbd", "", "1", 0x1000));
    let system = |disk: &str| ["15", "14", "2", "1", ""].map(|number| format!("{disk}{number}")).to_vec();
    let kept = vec!["keep /dev/sdc1 as sdc1".to_owned()];
    let expected = [kept, system("/dev/sda"), system("/dev/sdb")];
    assert_eq!(scene.done(), expected.concat());
}

/// Somebody else's table with DRBD where the plan has it: `force` takes the disk, and the data stays.
#[test]
fn a_table_of_others_does_not_matter() {
    let mut scene = Scene::new(&layouts::raid1_drbd(), WipePolicy::Force).keeping();
    let plan = scene.plan.clone();
    live(&mut scene.disks[2], &plan, 2);
    scene.disks[2].table.as_mut().unwrap().id = "61A6B1FA-DC2D-4A3A-9DFB-3E4B22F8B6B3".to_owned();
    assert_eq!(scene.done(), ["keep /dev/sdc1 as sdc1", "/dev/sda", "/dev/sdb"]);
}

#[test]
fn what_lies_elsewhere_cannot_be_kept() {
    type Put = fn(&mut Found);
    let sdc = "partition `data` of /dev/sdc (Any Disk, serial S3, 4G) cannot be kept: the plan has it at 1M with 4094M";
    let places =
        "plug the disks in as they were, or take `keep` out of [install]: then the data below DRBD is lost";
    let other = |node| {
        let disk = "partition `data` of /dev/sdc (Any Disk, serial S3, 4G)";
        format!("{disk} cannot be kept: it was made as another disk, of node `{node}`")
    };
    let table: [(Put, String, &str); 6] = [
        (
            |found| found.table.as_mut().unwrap().id = Seed::node("c", "n1").disk(3).to_string(),
            other("n1"),
            places,
        ),
        (
            |found| found.table.as_mut().unwrap().id = Seed::node("c", "n2").disk(2).to_string(),
            other("n2"),
            places,
        ),
        (
            |found| {
                let size = Bytes::GIB * 2;
                found.partitions[0].size = size;
                found.table.as_mut().unwrap().partitions[0].size = size;
            },
            format!("{sdc}, and there is /dev/sdc1 at 1M with 2G"),
            FIT_THE_LAYOUT,
        ),
        (|found| found.partitions.clear(), format!("{sdc}, and there is nothing"), FIT_THE_LAYOUT),
        (
            |found| found.table = None,
            format!("{sdc}, and there is /dev/sdc1 at 1M with 4094M"),
            FIT_THE_LAYOUT,
        ),
        (
            |found| found.contents.push(content("/dev/sdc", "linux_raid_member", "", "", 3 << 30)),
            "linux_raid_member of /dev/sdc lies inside of /dev/sdc1, which is to be kept".to_owned(),
            "remove it by `wipefs --offset 3221225472 /dev/sdc` if it is an old one, or take `keep` out of [install]",
        ),
    ];
    for (put, message, hint) in table {
        let mut scene = Scene::new(&layouts::raid1_drbd(), WipePolicy::Force).lived("n1").keeping();
        put(&mut scene.disks[2]);
        assert_eq!(scene.refused(), [(message, hint.to_owned())]);
    }
}

/// A volume below DRBD, in a group on the mirror of `sda` and `sdb`.
fn with_volume() -> Layout {
    let mut layout = layouts::raid1_drbd();
    layout.logical_volumes.push(installer::model::storage::LogicalVolumeRule {
        drbd: true,
        ..layouts::volume("guests", layouts::size(256, 0))
    });
    layout
}

#[test]
fn volumes_stay_with_what_carries_them() {
    let scene = Scene::new(&with_volume(), WipePolicy::SameCluster).lived("n1").keeping();
    let expected = [
        "keep /dev/sdc1 as sdc1",
        "keep /dev/sda2 as sda2",
        "keep /dev/sdb2 as sdb2",
        "keep array pv",
        "keep volume vg0/guests",
        "/dev/sda15",
        "/dev/sda14",
        "/dev/sda1",
        "/dev/sdb15",
        "/dev/sdb14",
        "/dev/sdb1",
    ];
    assert_eq!(scene.done(), expected);
}

#[test]
fn a_mirror_stays_whole_or_not_at_all() {
    let mut scene = Scene::new(&with_volume(), WipePolicy::SameCluster).lived("n1").keeping();
    scene.disks[1] = Found::blank(scene.disks[1].facts.clone());
    let (message, hint) = &scene.refused()[0];
    let pv = scene.plan.disks[1].partitions.iter().find(|part| part.name == "pv").unwrap();
    let mib = |bytes: Bytes| format!("{}M", bytes.0 >> 20);
    let expected = format!(
        "partition `pv` of /dev/sdb (Any Disk, serial S2, 8G) cannot be kept: the plan has it at {} with {}, \
         and there is nothing",
        mib(pv.start),
        mib(pv.size)
    );
    assert_eq!((message, hint.as_str()), (&expected, FIT_THE_LAYOUT));

    let mut scene = Scene::new(&with_volume(), WipePolicy::SameCluster).lived("n1").keeping();
    scene.disks[0].contents.retain(|content| content.device != "/dev/sda2");
    let message = "array `pv` cannot be kept: /dev/sda2 does not belong to it".to_owned();
    assert_eq!(scene.refused(), [(message, FIT_THE_LAYOUT.to_owned())]);
}

#[test]
fn nothing_is_asked_of_a_disk_that_is_not_taken() {
    let mut scene = Scene::new(&layouts::raid1_drbd(), WipePolicy::SameCluster).keeping();
    foreign(&mut scene.disks[2]);
    assert_eq!(scene.refused().len(), 1);
}
