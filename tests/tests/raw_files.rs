//! The images of a storage node as `xbuild image` makes them, judged by foreign tools before anything boots them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::cell::Cell;
use std::fs::{self, File};
use std::path::Path;

use builder::compose::volume::Volume;
use builder::vm::Drive;
use installer::facts::parse_disks;
use installer::format::ToolCall;
use installer::format::esp::esps;
use installer::menu::blank;
use installer::model::resolve::load_profiles;
use installer::model::storage::FilesystemKind;
use installer::plan::{Device, Plan, Seed, plan};
use installer::units::SectorSize;
use tempfile::TempDir;
use tests::guest::{Entry, Guest};
use tests::judge::{self, Judge};
use tests::layout;
use tests::table::Table;
use tests::xbuild::{Images, checkout, run_tool, storage, storage1};

/// A node's images with the plan that they were made from, and a place for pieces cut out of them.
struct Bench<'a> {
    images: &'a Images,
    plan: Plan,
    folder: TempDir,
    /// How often a judge was content.
    verdicts: Cell<usize>,
}

impl<'a> Bench<'a> {
    /// A generic storage node.
    fn generic() -> Self {
        Self::new(storage(), storage_plan(&Seed::generic("storage")))
    }

    /// `storage1` of the example cluster.
    fn node() -> Self {
        Self::new(storage1(), storage_plan(&Seed::node("xencluster", "storage1")))
    }

    fn new(images: &'a Images, plan: Plan) -> Self {
        Self { images, plan, folder: tempfile::tempdir().unwrap(), verdicts: Cell::new(0) }
    }

    fn accept(&self, judge: &Judge, folder: &Path) {
        let run = |call: &ToolCall| run_tool(&self.images.tools, folder, call);
        judge.judge(&run).unwrap_or_else(|fault| panic!("{fault}"));
        self.verdicts.set(self.verdicts.get() + 1);
    }

    /// Hands one copy of a device to the judges.
    fn accept_piece(&self, device: &Device, copy: usize, judges: &[fn(&str) -> Judge]) {
        let piece = self.cut(device, copy);
        for judge in judges {
            self.accept(&judge(&piece), self.folder.path());
        }
    }

    fn accept_partition_tables(&self) {
        for (disk, drive) in self.plan.disks.iter().zip(&self.images.disks) {
            let path = drive.path.to_str().unwrap();
            self.accept(&judge::sfdisk(path, drive.sector_size), &self.images.folder);
            if disk.sector_size == SectorSize::B512 {
                self.accept(&judge::sgdisk(path), &self.images.folder);
            }
        }
    }

    fn accept_array_members(&self) {
        for member in self.plan.arrays.iter().flat_map(|array| &array.members) {
            let judges: [fn(&str) -> Judge; 2] = [judge::mdadm_superblock, judge::mdadm_bad_blocks];
            self.accept_piece(&Device::Partition(member.partition), 0, &judges);
        }
    }

    fn accept_physical_volumes(&self) {
        for group in &self.plan.volume_groups {
            for copy in 0..self.copies(&group.on) {
                self.accept_piece(&group.on, copy, &[judge::pvck_headers, judge::pvck_metadata]);
            }
        }
    }

    fn accept_filesystems(&self) {
        for filesystem in self.plan.filesystems.iter().filter(|one| one.kind == FilesystemKind::Ext4) {
            for copy in 0..self.copies(&filesystem.on) {
                self.accept_piece(&filesystem.on, copy, &[judge::e2fsck]);
            }
        }
        for (at, _) in esps(&self.plan) {
            self.accept_piece(&Device::Partition(at), 0, &[judge::fsck_vfat]);
        }
    }

    /// What debugfs finds at a path of the root file system.
    fn read(&self, path: &str) -> String {
        let root = self.cut(&self.plan.filesystem_at("/").unwrap().on, 0);
        let call = ToolCall::new(["debugfs", "-R", &format!("cat {path}"), &root]);
        let said = run_tool(&self.images.tools, self.folder.path(), &call);
        String::from_utf8(said.stdout).unwrap()
    }

    /// Cuts one copy of a device out of the disks; the result is its path.
    fn cut(&self, device: &Device, copy: usize) -> String {
        let disks: Vec<File> =
            self.images.disks.iter().map(|drive| File::open(&drive.path).unwrap()).collect();
        let path = self.folder.path().join("piece");
        let piece = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        Volume::of(&self.plan, device)
            .unwrap()
            .extract(&disks.iter().collect::<Vec<_>>(), copy, &piece)
            .unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn copies(&self, device: &Device) -> usize {
        Volume::of(&self.plan, device).unwrap().copies()
    }
}

/// The smallest storage node.
fn storage_plan(seed: &Seed) -> Plan {
    let spec = load_profiles(&checkout()).unwrap().resolve("storage").unwrap();
    plan(&spec.layout, &parse_disks("2x8G,1x4G").unwrap(), seed).unwrap()
}

#[test]
fn the_manifest_says_what_was_planned_and_hashes_what_is_there() {
    let bench = Bench::generic();
    let text = fs::read_to_string(bench.images.folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest["plan"], serde_json::to_value(&bench.plan).unwrap());
    assert_eq!(manifest["kernel"]["kind"], "xbuild");
    for drive in &bench.images.disks {
        let path = &drive.path;
        let name = path.file_name().unwrap().to_str().unwrap();
        let described = builder::manifest::describe(path).unwrap();
        assert_eq!(manifest["files"][name], serde_json::to_value(described).unwrap());
    }
    let packages = manifest["packages"].as_array().unwrap();
    let named = |name: &str| packages.iter().any(|package| package["name"] == name);
    assert!(named("xen-hypervisor-4.20-amd64") && named("drbd-utils"));
    // What the old howtos removed by hand.
    for unwanted in ["exim4-base", "nfs-common", "rpcbind"] {
        assert!(!named(unwanted), "{unwanted}");
    }
}

#[test]
fn partition_tables_are_accepted_and_golden() {
    let bench = Bench::generic();
    bench.accept_partition_tables();
    for (disk, drive) in bench.plan.disks.iter().zip(&bench.images.disks) {
        let path = drive.path.to_str().unwrap();
        let said = run_tool(&bench.images.tools, &bench.images.folder, &judge::sfdisk_json(path, 512));
        let table = judge::normalized_table(&String::from_utf8_lossy(&said.stdout)).unwrap();
        let golden = checkout().join(format!("tests/tests/golden/storage-{}.json", disk.name));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &table).unwrap();
        }
        assert_eq!(table, fs::read_to_string(&golden).unwrap_or_default(), "{}", golden.display());
    }
}

#[test]
fn every_array_member_is_accepted() {
    Bench::generic().accept_array_members();
}

#[test]
fn physical_volumes_are_accepted_on_every_mirror() {
    Bench::generic().accept_physical_volumes();
}

#[test]
fn file_systems_are_accepted_on_every_mirror() {
    Bench::generic().accept_filesystems();
}

/// All judges on all layouts. Two of them want a real disk, and have it in a guest: `sgdisk` where sectors have 4096 bytes,
/// and `mdadm` for bitmaps.
#[test]
#[ignore = "makes every layout twice"]
fn every_layout_is_accepted_in_both_sector_sizes() {
    let table = Table::new(["layout", "sectors", "disks", "verdicts on files", "verdicts in a guest"]);
    for sector_size in [SectorSize::B512, SectorSize::B4096] {
        let images = layout::ALL.map(|layout| layout.images("judged", sector_size));
        let benches = layout::ALL
            .iter()
            .zip(&images)
            .map(|(layout, images)| Bench::new(images, layout.plan(sector_size)));
        let benches: Vec<Bench<'_>> = benches.collect();
        for bench in &benches {
            bench.accept_partition_tables();
            bench.accept_array_members();
            bench.accept_physical_volumes();
            bench.accept_filesystems();
        }
        let in_guest = accept_in_guest(&benches);
        for ((layout, bench), in_guest) in layout::ALL.iter().zip(&benches).zip(in_guest) {
            let (disks, sectors) = (layout.disk_list(sector_size), u64::from(sector_size));
            table.row([&layout.name, &sectors, &disks, &bench.verdicts.get(), &in_guest]);
        }
        images.iter().for_each(Images::remove);
    }
}

/// One guest has the disks of all benches behind its own; the result is how many verdicts there are on each.
fn accept_in_guest(benches: &[Bench<'_>]) -> Vec<usize> {
    let own = storage1().disks.len();
    let foreign: Vec<Drive> = benches.iter().flat_map(|bench| bench.images.disks.clone()).collect();
    let firsts = benches.iter().scan(own, |next, bench| {
        let first = *next;
        *next += bench.images.disks.len();
        Some(first)
    });
    let judges: Vec<Vec<Judge>> =
        benches.iter().zip(firsts).map(|(bench, first)| judges_of_real_disks(&bench.plan, first)).collect();
    let script: String = judges
        .iter()
        .flatten()
        .enumerate()
        .map(|(number, judge)| format!("record verdict{number} {}\n", judge.call.argv.join(" ")))
        .collect();
    let guest = Guest { foreign: &foreign, entry: Entry::PlainLinux, ..Guest::new(storage1(), &script) };
    let answers = guest.examine();
    for (number, judge) in judges.iter().flatten().enumerate() {
        answers.accept(&format!("verdict{number}"), judge);
    }
    judges.iter().map(Vec::len).collect()
}

/// The judges of a node whose disks are those from `first` on.
fn judges_of_real_disks(plan: &Plan, first: usize) -> Vec<Judge> {
    let disk = |index: usize| format!("/dev/disk/by-id/virtio-disk{}", first + index);
    let tables = (0..plan.disks.len()).map(|index| judge::sgdisk(&disk(index)));
    let members = plan.arrays.iter().flat_map(|array| &array.members).map(|member| member.partition);
    let bitmaps = members.map(|at| judge::mdadm_bitmap(&format!("{}-part{}", disk(at.disk), at.number)));
    tables.chain(bitmaps).collect()
}

#[test]
fn a_node_of_a_cluster_file_has_its_name_its_networks_and_ids_of_its_own() {
    let (node, generic) = (Bench::node(), Bench::generic());
    assert_eq!(node.read("/etc/hostname"), "storage1\n");
    assert!(node.read("/etc/hosts").contains("127.0.1.1 storage1.example.net storage1\n"));
    let network = node.read("/etc/systemd/network/10-storage.network");
    assert!(
        network.contains("PermanentMACAddress=52:54:00:00:02:01") && network.contains("Address=10.0.0.4/24"),
        "{network}"
    );
    assert!(node.read("/root/.ssh/authorized_keys").starts_with("ssh-ed25519 "));
    let menu = node.read("/boot/grub/grub.cfg");
    assert!(
        menu.contains("dom0_mem=2048M,max:2048M")
            && menu.contains("sched=credit2")
            && menu.contains("panic=10"),
        "{menu}"
    );
    for blank in ["xbuild-root", "xbuild-boot", blank::XEN, blank::KERNEL] {
        assert!(!menu.contains(blank), "`{blank}` was left in the menu:\n{menu}");
    }
    assert_eq!(generic.read("/etc/hostname"), "\n");
    for secret in ["/root/.ssh/authorized_keys", "/etc/pacemaker/authkey", "/etc/machine-id"] {
        assert_eq!(generic.read(secret), "", "{secret}");
    }
    for (one, other) in node.plan.disks.iter().zip(&generic.plan.disks) {
        assert_ne!(one.guid, other.guid);
    }
    let uuid = &node.plan.arrays[0].uuid;
    assert!(node.read("/etc/mdadm/mdadm.conf").contains(&installer::context::mdadm_uuid(*uuid)));
}
