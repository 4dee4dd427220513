//! Plans made into images, and images broken on purpose.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use builder::compose::disk::DiskImages;
use builder::compose::sparse::data_ranges;
use builder::compose::volume::Volume;
use installer::format::esp::esps;
use installer::format::{Epoch, ToolCall, esp, ext, grub, swap};
use installer::model::storage::FilesystemKind;
use installer::plan::{Device, Filesystem, Plan};
use installer::units::Bytes;
use tempfile::TempDir;

use crate::tools::{read, run};

const EPOCH: Epoch = Epoch(1_700_000_000);

/// Says that it was found, and ends QEMU.
const MENU: &[u8] = b"serial\nterminal_output serial\necho the menu of the root file system\nhalt\n";

/// The images of a plan, and what they were made of.
pub struct Built {
    pub plan: Plan,
    pub paths: Vec<String>,
    dir: TempDir,
}

/// Makes a plan's disks, with something in every file system.
pub fn build(plan: &Plan) -> Built {
    let dir = tempfile::tempdir().unwrap();
    let disks = DiskImages::create(plan, dir.path(), EPOCH).unwrap();
    disks.write_metadata().unwrap();
    write_tar(&dir.path().join("tree.tar"));
    std::fs::write(dir.path().join("mke2fs.conf"), ext::CONFIG).unwrap();
    for filesystem in &plan.filesystems {
        disks.write_volume(&filesystem.on, &make_filesystem(filesystem, dir.path())).unwrap();
    }
    for (at, esp) in esps(plan) {
        let file = dir.path().join(format!("esp{}", at.disk));
        let image = blank(&file, esp.size);
        succeed(&esp::mkfs(esp, plan.disks[at.disk].sector_size, text(&file)));
        disks.write_volume(&Device::Partition(at), &image).unwrap();
    }
    write_boot(&disks, plan, dir.path());
    let (paths, ()) = disks.finish(|_| Ok(())).unwrap();
    Built { plan: plan.clone(), paths: paths.iter().map(|path| text(path).to_owned()).collect(), dir }
}

fn write_boot(disks: &DiskImages<'_>, plan: &Plan, dir: &Path) {
    let [config, core] = ["early.cfg", "core.img"].map(|name| dir.join(name));
    std::fs::write(&config, grub::early_config(plan.filesystems[0].uuid, "/boot/grub")).unwrap();
    succeed(&grub::mkimage(grub::Platform::Pc, text(&config), "/boot/grub", text(&core)));
    let boot = read(&format!("{}/boot.img", grub::Platform::Pc.modules()));
    disks.write_boot(&boot, &std::fs::read(core).unwrap()).unwrap();
}

fn make_filesystem(filesystem: &Filesystem, dir: &Path) -> File {
    let [file, tar, config] = [&filesystem.label[..], "tree.tar", "mke2fs.conf"].map(|name| dir.join(name));
    let image = blank(&file, filesystem.size);
    succeed(&match filesystem.kind {
        FilesystemKind::Ext4 => {
            ext::mke2fs(filesystem, Some(text(&tar)), (text(&file), Bytes::ZERO), text(&config), EPOCH)
        }
        FilesystemKind::Swap => swap::mkswap(filesystem, text(&file)),
    });
    image
}

fn blank(path: &Path, size: Bytes) -> File {
    let file = File::create_new(path).unwrap();
    file.set_len(size.0).unwrap();
    File::open(path).unwrap()
}

fn succeed(call: &ToolCall) {
    let output = run(call);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "`{}`: {}\n{said}", call.argv.join(" "), output.status);
}

/// A few megabytes that no hole or chunk can be mistaken for, a file of zeros, and a menu. `mke2fs` wants each directory
/// before what is in it.
fn write_tar(path: &Path) {
    let mut tar = tar::Builder::new(File::create(path).unwrap());
    let noise: Vec<u8> =
        (0_u32..1 << 20).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for (name, content) in [
        ("noise", &noise[..]),
        ("zeros", &[0; 1 << 20]),
        ("boot/", &[]),
        ("boot/grub/", &[]),
        ("boot/grub/grub.cfg", MENU),
    ] {
        let mut header = tar::Header::new_gnu();
        let directory = name.ends_with('/');
        header.set_entry_type(if directory { tar::EntryType::Directory } else { tar::EntryType::Regular });
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(EPOCH.0);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.finish().unwrap();
}

impl Built {
    /// What was copied to the file system with that label.
    pub fn source(&self, label: &str) -> String {
        text(&self.dir.path().join(label)).to_owned()
    }

    /// How many copies of a device there are.
    pub fn copies(&self, device: &Device) -> usize {
        Volume::of(&self.plan, device).unwrap().copies()
    }

    /// One copy of a device as a file of its own.
    pub fn extract(&self, device: &Device, copy: usize) -> String {
        let files: Vec<_> = self.paths.iter().map(|path| File::open(path).unwrap()).collect();
        let path = self.dir.path().join("extracted");
        let out = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        let disks: Vec<_> = files.iter().collect();
        Volume::of(&self.plan, device).unwrap().extract(&disks, copy, &out).unwrap();
        text(&path).to_owned()
    }
}

/// The length of a file, and each block of 4 KiB that is not all zeros: what two sparse files are compared by.
pub fn content(path: &str) -> (u64, BTreeMap<u64, Vec<u8>>) {
    let file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    let mut blocks = BTreeMap::new();
    for range in data_ranges(&file, Bytes::ZERO, Bytes(length)) {
        let (at, size) = range.unwrap();
        let mut data = vec![0; size.0 as usize];
        file.read_exact_at(&mut data, at.0).unwrap();
        let found = data.chunks(4096).zip(0..).filter(|(block, _)| block.iter().any(|byte| *byte != 0));
        blocks.extend(found.map(|(block, index)| (at.0 + index * 4096, block.to_vec())));
    }
    (length, blocks)
}

/// Overwrites bytes of a file.
pub fn overwrite(path: &str, at: u64, bytes: &[u8]) {
    File::options().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

/// Flips one bit of a file.
pub fn flip(path: &str, at: u64) {
    change(path, at, |byte| byte ^ 1);
}

/// Adds to a little-endian number that has room for it in its lowest byte.
pub fn add(path: &str, at: u64, number: u8) {
    change(path, at, |byte| byte.checked_add(number).unwrap());
}

fn change(path: &str, at: u64, change: impl Fn(u8) -> u8) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[change(byte[0])], at).unwrap();
}

/// Where the root directory's inode starts on an ext4 with 4 KiB blocks and 64-byte group descriptors: its table is in
/// the first descriptor, and it is number 2.
pub fn root_inode(path: &str) -> u64 {
    let mut table = [0; 4];
    File::open(path).unwrap().read_exact_at(&mut table, 4096 + 8).unwrap();
    u64::from(u32::from_le_bytes(table)) * 4096 + 256
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
