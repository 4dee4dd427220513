//! The images of a storage node as `xbuild image` makes them, judged by foreign tools before anything boots them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::{self, File};
use std::path::Path;

use builder::bootfiles::blank;
use builder::compose::ToolCall;
use builder::compose::disk::esps;
use builder::compose::volume::Volume;
use installer::facts::parse_disks;
use installer::model::resolve::load_profiles;
use installer::model::storage::FilesystemKind;
use installer::plan::{Device, Plan, Seed, plan};
use tempfile::TempDir;
use tests::judge::{self, Judge};
use tests::xbuild::{Images, checkout, run_tool, storage, storage1};

/// The node's images with the plan that they were made from, and a place for pieces cut out of them.
struct Bench {
    images: &'static Images,
    plan: Plan,
    folder: TempDir,
}

impl Bench {
    /// A generic node.
    fn generic() -> Self {
        Self::new(storage(), &Seed::generic("storage"))
    }

    /// `storage1` of the example cluster.
    fn node() -> Self {
        Self::new(storage1(), &Seed::node("xencluster", "storage1"))
    }

    fn new(images: &'static Images, seed: &Seed) -> Self {
        let spec = load_profiles(&checkout()).unwrap().resolve("storage").unwrap();
        let plan = plan(&spec.layout, &parse_disks("2x8G,1x4G").unwrap(), seed).unwrap();
        Self { images, plan, folder: tempfile::tempdir().unwrap() }
    }

    fn accept(&self, judge: &Judge, folder: &Path) {
        let run = |call: &ToolCall| run_tool(&self.images.tools, folder, call);
        judge.judge(&run).unwrap_or_else(|fault| panic!("{fault}"));
    }

    fn accept_disk(&self, judge: &Judge) {
        self.accept(judge, &self.images.folder);
    }

    /// Hands one copy of a device to the judges.
    fn accept_piece(&self, device: &Device, copy: usize, judges: &[fn(&str) -> Judge]) {
        let piece = self.cut(device, copy);
        for judge in judges {
            self.accept(&judge(&piece), self.folder.path());
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
}

#[test]
fn partition_tables_are_accepted_and_golden() {
    let bench = Bench::generic();
    for (disk, drive) in bench.plan.disks.iter().zip(&bench.images.disks) {
        let path = drive.path.to_str().unwrap();
        bench.accept_disk(&judge::sgdisk(path));
        bench.accept_disk(&judge::sfdisk(path, 512));
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
    let bench = Bench::generic();
    for member in bench.plan.arrays.iter().flat_map(|array| &array.members) {
        let judges: [fn(&str) -> Judge; 2] = [judge::mdadm_superblock, judge::mdadm_bad_blocks];
        bench.accept_piece(&Device::Partition(member.partition), 0, &judges);
    }
}

#[test]
fn physical_volumes_are_accepted_on_every_mirror() {
    let bench = Bench::generic();
    for group in &bench.plan.volume_groups {
        for copy in 0..bench.copies(&group.on) {
            bench.accept_piece(&group.on, copy, &[judge::pvck_headers, judge::pvck_metadata]);
        }
    }
}

#[test]
fn file_systems_are_accepted_on_every_mirror() {
    let bench = Bench::generic();
    for filesystem in bench.plan.filesystems.iter().filter(|one| one.kind == FilesystemKind::Ext4) {
        for copy in 0..bench.copies(&filesystem.on) {
            bench.accept_piece(&filesystem.on, copy, &[judge::e2fsck]);
        }
    }
    for (at, _) in esps(&bench.plan) {
        bench.accept_piece(&Device::Partition(at), 0, &[judge::fsck_vfat]);
    }
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
