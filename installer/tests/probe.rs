//! Looking at a machine: recorded trees of sysfs and recorded programs go in, facts come out.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use installer::facts::probe::{Roots, probe};
use installer::facts::{DiskFacts, DiskLabel, Firmware, Found, Machine, Nic, Piece};
use installer::host::{Command, CommandFailed, Output, Run};
use installer::units::{Bytes, SectorSize};
use tempfile::TempDir;

const WIPEFS: &str = "wipefs --json --no-act --output DEVICE,OFFSET,TYPE,UUID,LABEL";
const NOTHING: &str = "{\n   \"signatures\": [\n\n   ]\n}\n";

/// What programs answer to a command; any other is not there.
#[derive(Default)]
struct Answers(BTreeMap<String, Output>);

impl Run for Answers {
    fn output(&mut self, command: &Command) -> Result<Output, CommandFailed> {
        let command = command.to_string();
        let because = "did not start: No such file or directory (os error 2)".to_owned();
        self.0.get(&command).cloned().ok_or(CommandFailed { command, because })
    }
}

/// A recorded machine.
struct Recorded {
    root: TempDir,
    answers: Answers,
}

impl Recorded {
    /// A machine without disks.
    fn new() -> Self {
        let machine = Self { root: TempDir::new().unwrap(), answers: Answers::default() };
        fs::create_dir_all(machine.at("sys/block")).unwrap();
        machine.files(
            "proc",
            &[
                ("mounts", "proc /proc proc rw 0 0\n"),
                ("swaps", "Filename\tType\tSize\tUsed\tPriority\n"),
                ("meminfo", "MemTotal:         524288 kB\n"),
            ],
        );
        machine
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), content).unwrap();
    }

    fn files(&self, folder: &str, files: &[(&str, &str)]) {
        files.iter().for_each(|(name, content)| self.file(&format!("{folder}/{name}"), content));
    }

    fn link(&self, path: &str, target: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::create_dir_all(self.at(target)).unwrap();
        symlink(self.at(target), self.at(path)).unwrap();
    }

    /// An entry of `/sys/block` at its place below `/sys/devices`.
    fn block(&self, place: &str, attributes: &[(&str, &str)]) -> String {
        let folder = format!("sys/devices/{place}");
        let name = Path::new(place).file_name().unwrap().to_str().unwrap();
        self.link(&format!("sys/block/{name}"), &folder);
        self.files(&folder, attributes);
        folder
    }

    fn answer(&mut self, command: &str, stdout: &str) {
        let output = Output { status: Some(0), stdout: stdout.to_owned(), stderr: String::new() };
        self.answers.0.insert(command.to_owned(), output);
    }

    fn probe(&mut self) -> Result<Machine, String> {
        let [sys, proc, dev] = ["sys", "proc", "dev"].map(|name| self.at(name));
        let root = self.root.path().display().to_string();
        probe(&Roots { sys, proc, dev }, &mut self.answers)
            .map_err(|error| error.to_string().replace(&root, ""))
    }

    /// A disk of 8 GiB on virtio that has nothing on it.
    fn with_virtio(mut self) -> Self {
        let folder = self.block(
            "pci0000:00/0000:00:02.0/virtio1/block/vda",
            &[
                ("size", "16777216\n"),
                ("serial", "V1\n"),
                ("queue/logical_block_size", "512\n"),
                ("ro", "0\n"),
            ],
        );
        self.link(&format!("{folder}/device"), "sys/devices/pci0000:00/0000:00:02.0/virtio1");
        self.file("dev/vda", [0; 512]);
        self.answer(&format!("{WIPEFS} /dev/vda"), NOTHING);
        self
    }

    /// A SATA disk with GRUB and a GPT; its second partition belongs to an array.
    fn with_sata(mut self) -> Self {
        let at = "sys/devices/pci0000:00/0000:00:1f.2/ata5/host4/target4:0:0/4:0:0:0";
        let folder = self.block(
            "pci0000:00/0000:00:1f.2/ata5/host4/target4:0:0/4:0:0:0/block/sda",
            &[
                ("size", "16777216\n"),
                ("ro", "0\n"),
                ("queue/logical_block_size", "512\n"),
                ("queue/rotational", "1\n"),
                ("sda1/partition", "1\n"),
                ("sda1/start", "2048\n"),
                ("sda1/size", "2048\n"),
                ("sda10/partition", "10\n"),
                ("sda10/start", "6144\n"),
                ("sda10/size", "2048\n"),
                ("sda2/partition", "2\n"),
                ("sda2/start", "4096\n"),
                ("sda2/size", "2048\n"),
                ("sda2/holders/md127/dev", "9:127\n"),
                ("sda2/holders/dm-0/dev", "253:0\n"),
            ],
        );
        self.link(&format!("{folder}/device"), at);
        self.files(at, &[("model", "Any Disk        \n"), ("wwid", "naa.5000c500a1b2c3d4\n")]);
        self.file(&format!("{at}/vpd_pg80"), b"\0\x80\0\x08    S3Z9");
        self.file("sys/class/ata_port/ata5/port_no", "3\n");
        let mut mbr = [0; 512];
        mbr[0x180..0x185].copy_from_slice(b"GRUB ");
        self.file("dev/sda", mbr);
        self.block("virtual/block/dm-0", &[("size", "2048\n"), ("dm/name", "vg0-root\n")]);
        self.block("virtual/block/md127", &[("size", "2048\n")]);
        self.answer(&format!("{WIPEFS} /dev/sda"), &signature("sda", "0x200", "gpt", ""));
        self.answer(&format!("{WIPEFS} /dev/sda1"), NOTHING);
        self.answer(
            &format!("{WIPEFS} /dev/sda2"),
            &signature("sda2", "0x1000", "linux_raid_member", "any:root"),
        );
        self.answer(&format!("{WIPEFS} /dev/sda10"), NOTHING);
        self.answer("sfdisk --json /dev/sda", TABLE);
        self
    }
}

const TABLE: &str = r#"{"partitiontable": {"label": "gpt", "id": "46B2F49F-626B-5371-AA63-1D529D961C8F",
    "device": "/dev/sda", "unit": "sectors", "firstlba": 2048, "lastlba": 16777182, "sectorsize": 512, "partitions": [
    {"node": "/dev/sda1", "start": 2048, "size": 2048, "type": "21686148-6449-6E6F-744E-656564454649"}]}}"#;

fn signature(device: &str, offset: &str, kind: &str, label: &str) -> String {
    let signature = serde_json::json!({
        "device": device, "offset": offset, "type": kind, "uuid": null, "label": label,
    });
    serde_json::json!({ "signatures": [signature] }).to_string()
}

fn piece(device: &str, mib: u64) -> Piece {
    Piece { device: device.to_owned(), start: Bytes::mib(mib), size: Bytes::MIB }
}

#[test]
fn a_machine_without_disks() {
    let mut machine = Recorded::new();
    machine.file("sys/class/dmi/id/product_serial", "CZ2D1X0GW1 \n");
    for (name, kind, mac) in [("eth10", "1", "52:54:00:00:00:10"), ("eth2", "1", "52:54:00:AB:00:02")] {
        machine.files(&format!("sys/class/net/{name}"), &[("type", kind), ("address", mac)]);
        machine.link(&format!("sys/class/net/{name}/device"), &format!("sys/devices/{name}"));
    }
    machine.link("sys/devices/eth2/driver", "sys/bus/pci/drivers/e1000e");
    machine.files("sys/class/net/lo", &[("type", "772"), ("address", "00:00:00:00:00:00")]);
    machine.files("sys/class/net/br0", &[("type", "1"), ("address", "52:54:00:00:00:02")]);
    let nic = |name: &str, mac: &str, driver: Option<&str>| Nic {
        name: name.to_owned(),
        mac: mac.to_owned(),
        driver: driver.map(str::to_owned),
    };
    let expected = Machine {
        firmware: Firmware::Bios,
        memory: Bytes::mib(512),
        serial: "CZ2D1X0GW1".to_owned(),
        nics: vec![nic("eth2", "52:54:00:ab:00:02", Some("e1000e")), nic("eth10", "52:54:00:00:00:10", None)],
        disks: vec![],
    };
    assert_eq!(machine.probe(), Ok(expected));
}

#[test]
fn secure_boot_is_seen() {
    let variable = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    for (value, secure_boot) in [(None, false), (Some([6, 0, 0, 0, 0]), false), (Some([6, 0, 0, 0, 1]), true)]
    {
        let mut machine = Recorded::new();
        fs::create_dir_all(machine.at("sys/firmware/efi/efivars")).unwrap();
        value.iter().for_each(|value| machine.file(variable, value));
        assert_eq!(machine.probe().unwrap().firmware, Firmware::Uefi { secure_boot });
    }
}

#[test]
fn a_disk_with_a_life() {
    let mut machine = Recorded::new().with_sata();
    machine.file("proc/mounts", "/dev/sda1 /mnt vfat rw 0 0\n");
    let disks = machine.probe().unwrap().disks;
    let [found] = disks.as_slice() else { panic!("{disks:#?}") };
    let label = DiskLabel {
        serial: "S3Z9".to_owned(),
        wwn: "0x5000c500a1b2c3d4".to_owned(),
        model: "Any Disk".to_owned(),
        path: "pci-0000:00:1f.2-ata-3.0".to_owned(),
        rotational: Some(true),
    };
    let facts = DiskFacts { label, ..DiskFacts::new("/dev/sda", Bytes::GIB * 8, SectorSize::B512) };
    assert_eq!(found.facts, facts);
    assert_eq!(found.partitions, [piece("/dev/sda1", 1), piece("/dev/sda2", 2), piece("/dev/sda10", 3)]);
    assert_eq!(
        found.in_use.as_deref(),
        Some(
            "/dev/sda1 is mounted at /mnt, /dev/sda2 is held by dm-0 (vg0-root), /dev/sda2 is held by md127"
        )
    );
    let contents = found.contents.iter().map(|content| (content.device.as_str(), content.kind.as_str()));
    assert_eq!(contents.collect::<Vec<_>>(), [("/dev/sda", "gpt"), ("/dev/sda2", "linux_raid_member")]);
    assert_eq!(found.table.as_ref().unwrap().partitions, [piece("/dev/sda1", 1)]);
    assert!(found.our_boot_code && !found.read_only && found.unreadable.is_none());
}

#[test]
fn what_is_no_disk_or_has_no_medium_is_not_shown() {
    let mut machine = Recorded::new().with_virtio();
    for name in ["loop0", "ram0", "zram0", "md0", "dm-1"] {
        machine.block(&format!("virtual/block/{name}"), &[("size", "2048")]);
    }
    for (name, size, hidden) in
        [("sr0", "2048", "0"), ("sdz", "0", "0"), ("nvme0c0n1", "2048", "1"), ("mmcblk0boot0", "2048", "0")]
    {
        let folder = machine.block(&format!("pci0000:00/{name}"), &[("size", size), ("hidden", hidden)]);
        machine.link(&format!("{folder}/device"), "sys/devices/pci0000:00");
    }
    let label =
        DiskLabel { serial: "V1".to_owned(), path: "pci-0000:00:02.0".to_owned(), ..DiskLabel::default() };
    let facts = DiskFacts { label, ..DiskFacts::new("/dev/vda", Bytes::GIB * 8, SectorSize::B512) };
    assert_eq!(machine.probe().unwrap().disks, [Found::blank(facts)]);
}

#[test]
fn disks_come_in_the_order_of_their_places() {
    let mut machine = Recorded::new().with_sata().with_virtio();
    let folder = machine.block(
        "pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/host9/target9:0:0/9:0:0:0/block/sdb",
        &[("size", "16777216"), ("queue/logical_block_size", "4096"), ("ro", "1")],
    );
    machine.link(
        &format!("{folder}/device"),
        "sys/devices/pci0000:00/0000:00:14.0/usb1/1-4/1-4:1.0/host9/target9:0:0/9:0:0:0",
    );
    machine
        .files("sys/devices/pci0000:00/0000:00:14.0/usb1/1-4", &[("idVendor", "0951"), ("serial", "U1\n")]);
    machine.file("dev/sdb", [0; 512]);
    machine.answer(&format!("{WIPEFS} /dev/sdb"), NOTHING);
    let disks = machine.probe().unwrap().disks;
    let shown: Vec<_> =
        disks.iter().map(|disk| (disk.facts.name.as_str(), disk.facts.label.path.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("/dev/vda", "pci-0000:00:02.0"),
            ("/dev/sdb", "pci-0000:00:14.0-usb-0:4:1.0-scsi-0:0:0:0"),
            ("/dev/sda", "pci-0000:00:1f.2-ata-3.0"),
        ]
    );
    let usb = &disks[1];
    assert_eq!((usb.facts.label.serial.as_str(), usb.facts.sector_size), ("U1", SectorSize::B4096));
    assert!(usb.read_only);
}

#[test]
fn a_disk_that_cannot_be_read_is_shown_with_the_reason() {
    let mut machine = Recorded::new().with_sata();
    let command = format!("{WIPEFS} /dev/sda10");
    let stderr = "wipefs: error: /dev/sda10: probing initialization failed: Input/output error\n".to_owned();
    machine.answers.0.insert(command.clone(), Output { status: Some(1), stdout: String::new(), stderr });
    machine
        .answers
        .0
        .insert("sfdisk --json /dev/sda".to_owned(), Output { status: Some(1), ..Output::default() });
    let found = machine.probe().unwrap().disks.remove(0);
    let expected = format!(
        "`{command}` failed with status 1: wipefs: error: /dev/sda10: probing initialization failed: \
         Input/output error"
    );
    assert_eq!((found.unreadable, found.table), (Some(expected), None));

    let mut machine = Recorded::new().with_virtio();
    machine.file("sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda/queue/logical_block_size", "520\n");
    let found = machine.probe().unwrap().disks.remove(0);
    assert_eq!(found.unreadable.as_deref(), Some("its sectors have 520 bytes, and we know 512 and 4096"));
}

#[test]
fn a_machine_that_cannot_be_looked_at() {
    let mut machine = Recorded::new();
    fs::remove_file(machine.at("proc/swaps")).unwrap();
    let expected = "cannot read /proc/swaps: No such file or directory (os error 2)";
    assert_eq!(machine.probe(), Err(expected.to_owned()));

    let mut machine = Recorded::new().with_virtio();
    machine.answers.0.clear();
    let expected = format!("`{WIPEFS} /dev/vda` did not start: No such file or directory (os error 2)");
    assert_eq!(machine.probe(), Err(expected));

    machine.answer(&format!("{WIPEFS} /dev/vda"), "{}");
    let expected = format!(
        "`{WIPEFS} /dev/vda` said what nobody understands: missing field `signatures` at line 1 column 2"
    );
    assert_eq!(machine.probe(), Err(expected));
}
