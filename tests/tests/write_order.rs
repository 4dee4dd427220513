//! Power cuts in an install: nothing half-installed is bootable.
//!
//! An install over a node that boots is recorded, every write to every disk in its order. Then the disks are brought to many
//! moments of it, with and without what was not flushed by then, and started by both firmwares. Only a whole node may start,
//! the old one or the new one, and whole is what has every byte of it outside of the boot code.

use std::fs::File;
use std::io::Read as _;
use std::iter;
use std::ops::Range;

use builder::inspect::boot::Code;
use builder::vm::Firmware;
use installer::format::ToolCall;
use installer::plan::{Disk, PartitionKind, Plan};
use installer::units::SectorSize;
use tests::bare::{Bare, Medium};
use tests::guest::Guest;
use tests::layout::{Layout, RAID1_DRBD, SINGLE_DRBD};
use tests::power_cut::{Cut, History, Node, Replay};
use tests::power_on::{Started, power_on};
use tests::recording::Recorder;
use tests::table::Table;
use tests::xbuild::{Images, image, open, run_tool, workshop};

/// Cut points beside those at each flush of boot code.
const EVENLY: u64 = 8;
/// What was promised to be looked at.
const LEAST: usize = 20;

#[test]
#[ignore = "many minutes of emulation"]
fn one_disk_boots_only_when_its_node_is_whole() {
    boots_only_whole(&SINGLE_DRBD, "pair1", "S-PAIR1", "52:54:00:00:03:03");
}

#[test]
#[ignore = "many minutes of emulation"]
fn mirrored_disks_boot_only_when_their_node_is_whole() {
    boots_only_whole(&RAID1_DRBD, "storage1", "S-STORAGE1", "52:54:00:00:03:01");
}

fn boots_only_whole(layout: &Layout, node: &str, serial: &'static str, mac: &'static str) {
    let cluster = ["--cluster", "tests/clusters/overwrite.toml", "--node", node];
    let disks = layout.disk_list(SectorSize::B512);
    let old = image(&format!("cut-{node}"), &[&cluster[..], &["--disks", &disks]].concat());
    let recorder = Recorder::new(&workshop().join(format!("cut-{node}-recorded")), &old.disks);
    let machine = Bare { images: open(&old.folder), serial, mac, firmware: Firmware::Bios };
    let console = machine.install_recorded(&Medium::usb("overwrite"), &recorder);
    assert!(console.contains(&format!("installed {node} in ")), "{console}");
    let recording = recorder.finish().expect("logs that agree");
    let plan = layout.plan(SectorSize::B512);
    let history = History { recording: &recording, critical: plan.disks.iter().map(critical).collect() };
    let end = old.copy(&format!("cut-{node}-end"));
    let changing = Replay::new(&history, &end.disks).finish();
    let trial = Trial { history: &history, plan: &plan, changing: &changing, images: &old };
    let faults = trial.run();
    assert_eq!(faults, Vec::<String>::new());
    comes_up(&end, Firmware::Bios);
    comes_up(&end, Firmware::Uefi);
    recorder.remove();
    old.remove();
    end.remove();
}

/// What a firmware starts something from: the boot sector of every disk, and the partitions that hold boot code.
fn critical(disk: &Disk) -> Vec<Range<u64>> {
    let boots = |kind| matches!(kind, PartitionKind::BiosBoot | PartitionKind::Esp);
    let partitions = disk.partitions.iter().filter(|partition| boots(partition.kind));
    let places = partitions.map(|partition| partition.start.0..(partition.start + partition.size).0);
    let mut places: Vec<_> = iter::once(0..512).chain(places).collect();
    places.sort_by_key(|place| place.start);
    places
}

fn comes_up(images: &Images, firmware: Firmware) {
    let node = Guest { firmware, ..Guest::new(images, "") };
    let console = node.examine().console;
    assert!(console.contains("GRUB"), "{console}");
}

struct Trial<'t> {
    history: &'t History<'t>,
    plan: &'t Plan,
    changing: &'t [usize],
    images: &'t Images,
}

impl Trial<'_> {
    /// The result is what must not be.
    fn run(&self) -> Vec<String> {
        let cuts = self.history.cuts(EVENLY);
        let events = self.history.recording.events.len();
        println!("{} writes and flushes, {} cut points", events, cuts.len());
        let table = Table::new(["before", "landed", "node", "boot code", "BIOS", "UEFI"]);
        let mut replay = Replay::new(self.history, &self.images.disks);
        let (mut faults, mut half) = (Vec::new(), 0);
        for cut in &cuts {
            replay.advance(*cut);
            let node = self.history.node(self.changing, *cut);
            half += usize::from(node == Node::Half);
            let judged = self.judge();
            let [bios, uefi] = [&judged.bios, &judged.uefi].map(|started| words(started));
            let node_name = format!("{node:?}").to_lowercase();
            table.row([
                &self.place(*cut),
                &cut.landed.name(),
                &node_name,
                &judged.code.join(", "),
                &bios,
                &uefi,
            ]);
            let is_end = [cuts.first(), cuts.last()].contains(&Some(cut));
            let fault = judged.fault(node, is_end);
            faults.extend(fault.map(|fault| format!("{} {}: {fault}", self.place(*cut), cut.landed.name())));
        }
        assert!(half >= LEAST, "only {half} of the cut points have half a node");
        faults
    }

    /// The number of the event, its disk, and how much has been written by then.
    fn place(&self, cut: Cut) -> String {
        let events = &self.history.recording.events;
        let written: u64 = events[..cut.at].iter().map(|event| event.entry.length).sum();
        let on =
            events.get(cut.at).map_or_else(|| "the end".to_owned(), |event| format!("disk {}", event.disk));
        format!("{} ({on}, {} MiB)", cut.at, written >> 20)
    }

    fn judge(&self) -> Judged {
        let boots = (0..self.plan.disks.len()).filter(|disk| self.plan.disks[*disk].boot);
        let boots: Vec<usize> = boots.collect();
        Judged {
            code: boots.iter().map(|disk| self.code(*disk)).collect(),
            bios: boots.iter().map(|disk| power_on(self.images, *disk, Firmware::Bios)).collect(),
            uefi: boots[..1].iter().map(|disk| power_on(self.images, *disk, Firmware::Uefi)).collect(),
        }
    }

    /// What other readers find: the boot code in the boot sector, and the application on the EFI system partition.
    fn code(&self, disk: usize) -> String {
        let path = &self.images.disks[disk].path;
        let mut sector = [0; 512];
        File::open(path).and_then(|mut file| file.read_exact(&mut sector)).expect("a boot sector");
        let bios = if matches!(Code::read(&sector), Some(Code::Grub { .. })) { "GRUB" } else { "-" };
        let partitions = &self.plan.disks[disk].partitions;
        let esp = partitions.iter().find(|partition| partition.kind == PartitionKind::Esp).expect("an ESP");
        let place = format!("{}@@{}", path.display(), esp.start.0);
        let call = ToolCall::new(["mdir", "-b", "-i", &place, "::/EFI/BOOT/BOOTX64.EFI"]);
        let output = run_tool(&self.images.tools, &self.images.folder, &call);
        let uefi = if output.status.success() { "BOOTX64" } else { "-" };
        format!("{bios}/{uefi}")
    }
}

/// What comes of the disks at a cut point.
struct Judged {
    code: Vec<String>,
    /// With each boot disk first.
    bios: Vec<Started>,
    /// UEFI tries them all.
    uefi: Vec<Started>,
}

impl Judged {
    fn fault(&self, node: Node, must_start: bool) -> Option<String> {
        let started: Vec<Started> = self.bios.iter().chain(&self.uefi).copied().collect();
        let all = |wanted| started.iter().all(|started| *started == wanted);
        if started.contains(&Started::Hangs) {
            return Some("the firmware hangs".to_owned());
        }
        match node {
            Node::Half if !all(Started::Nothing) => Some("half a node starts".to_owned()),
            Node::Half if self.code.iter().any(|code| code != "-/-") => {
                Some("half a node has boot code".to_owned())
            }
            _ if must_start && !all(Started::BootLoader) => Some("a whole node does not start".to_owned()),
            _ => None,
        }
    }
}

fn words(started: &[Started]) -> String {
    started.iter().map(|started| started.name()).collect::<Vec<_>>().join(", ")
}
