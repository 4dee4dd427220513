//! Disks that no program of ours has written: Debian's own tools did, on a running kernel. They are recorded, for nothing
//! here could make them without a machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use builder::vm::{Drive, Format};
use installer::format::ToolCall;
use liblzma::read::XzDecoder;
use serde_json::Value;
use tests::guest::{Entry, Guest};
use tests::xbuild::{checkout, open, run_tool, storage};

/// Name, MiB, bytes of a sector.
const DISKS: [(&str, u64, u64); 8] = [
    ("disk0", 96, 512),
    ("disk1", 96, 512),
    ("disk2", 96, 512),
    ("disk3", 96, 512),
    ("disk4", 128, 512),
    ("disk5", 64, 512),
    ("disk6", 64, 4096),
    ("disk7", 160, 512),
];

/// The foreign disks are the node's third and following ones. Everything is stopped at the end, but for what is left in a
/// bad state on purpose: `late` runs without one of its members, which has seen less.
const SCRIPT: &str = r#"
disk() { echo /dev/disk/by-id/virtio-disk$(($1 + 3)); }
part() { echo $(disk $1)-part$2; }
create() { mdadm --create --run --homehost=elsewhere "$@" </dev/null; }
make() {
    set -ex
    for d in 0 1 2 3; do
        sgdisk -n 1:0:+16M -t 1:fd00 -c 1:boot -n 2:0:+32M -t 2:fd00 -c 2:ten \
            -n 3:0:+20M -t 3:fd00 -c 3:five -n 4:0:+16M -t 4:fd00 -c 4:two $(disk $d)
    done
    sgdisk -n 1:256:+40M -t 1:ef00 -c 1:esp -n 2:0:+12M -c 2:files -A 2:set:2 -n 3:0:0 -t 3:8200 -c 3:swap $(disk 6)
    sgdisk -n 1:0:+48M -c 1:eight -n 2:0:+80M -c 2:cluster -n 5:0:+16M -t 5:8da63339-0007-60c0-c436-083ac8230908 -c 5:nine $(disk 7)
    udevadm settle

    create /dev/md/boot --level=1 --metadata=1.0 --raid-devices=2 $(part 0 1) $(part 1 1)
    create /dev/md/ten --level=10 --layout=n2 --chunk=64 --raid-devices=4 $(part 0 2) $(part 1 2) $(part 2 2) $(part 3 2)
    create /dev/md/five --level=5 --metadata=1.1 --chunk=64 --raid-devices=3 --spare-devices=1 \
        $(part 0 3) $(part 1 3) $(part 2 3) $(part 3 3)
    create /dev/md/zero --level=0 --chunk=64 --raid-devices=2 $(part 0 4) $(part 1 4)
    create /dev/md/late --level=1 --bitmap=internal --bitmap-chunk=256K --raid-devices=2 $(part 2 4) $(part 3 4)
    mdadm --wait /dev/md/boot /dev/md/ten /dev/md/five /dev/md/late || true

    mkfs.vfat -n BOOT /dev/md/boot
    mkswap -L zero /dev/md/zero
    mke2fs -q -t ext3 -L late /dev/md/late
    mdadm /dev/md/late --fail $(part 3 4) --remove $(part 3 4)
    mount /dev/md/late /mnt
    yes late | head -c 256k >/mnt/file
    sync
    umount /mnt

    export LVM_SUPPRESS_FD_WARNINGS=1
    lvm="--config devices{global_filter=[\"a|.*|\"]use_devicesfile=0}"
    pvcreate $lvm /dev/md/ten
    vgcreate $lvm -s 1M onmd /dev/md/ten
    lvcreate $lvm -y -n files -L 16M onmd
    lvcreate $lvm -y -n swap -l 8 onmd
    mke2fs -q -t ext4 -L files /dev/onmd/files
    mount /dev/onmd/files /mnt
    echo hello >/mnt/hello
    umount /mnt
    mkswap -L swap /dev/onmd/swap

    pvcreate $lvm --metadatacopies 2 $(part 4 1) $(part 4 5)
    pvcreate $lvm $(disk 5)
    vgcreate $lvm -s 1M guests $(part 4 1) $(part 4 5) $(disk 5)
    lvcreate $lvm -y -n span -l 50 guests $(part 4 1):0-19 $(part 4 5):0-29
    lvcreate $lvm -y -n stripes -i 2 -I 64k -l 20 guests $(part 4 1) $(disk 5)
    lvcreate $lvm -y --type raid1 -m 1 -n mirror -l 4 guests $(part 4 1) $(disk 5)
    lvcreate $lvm -y -n guest -l 10 guests $(disk 5)
    mke2fs -q -t ext4 -L span /dev/guests/span
    mke2fs -q -t ext4 -L stripes -b 1024 /dev/guests/stripes
    sgdisk -n 1:0:0 -c 1:inside /dev/guests/guest
    mke2fs -q -t ext2 -L logical $(part 4 6)

    mkfs.vfat -n ESP $(part 6 1)
    mkdir -p /mnt
    mount $(part 6 1) /mnt
    mkdir -p /mnt/EFI/BOOT "/mnt/EFI/a long name"
    (printf MZ; head -c 5000 /dev/zero) >/mnt/EFI/BOOT/BOOTX64.EFI
    echo no application >"/mnt/EFI/a long name/Not Really.efi"
    umount /mnt
    mke2fs -q -t ext4 -L files4k $(part 6 2)
    mkswap -L swap4k $(part 6 3)

    mke2fs -q -t ext4 -L eight $(part 7 1) 40M
    drbdmeta --force 0 v08 $(part 7 1) internal create-md
    mkfs.ocfs2 -q -F -M local -L cluster -J size=4M -N 1 $(part 7 2) </dev/null
    drbdmeta --force 1 v09 $(part 7 5) internal create-md 1
}
"#;

/// What the kernel and the tools see while everything is running.
const SEEN: &str = r#"
(make) >/run/answers/make 2>&1
echo $? >/run/answers/make.status
export LVM_SUPPRESS_FD_WARNINGS=1
lvm="--config devices{global_filter=[\"a|.*|\"]use_devicesfile=0}"
report="$lvm --reportformat json --units b --nosuffix"
record lvs lvs $report -a -o vg_name,lv_name,lv_uuid,lv_size,segtype
record vgs vgs $report -o vg_name,vg_uuid,vg_seqno,vg_size,vg_free,vg_extent_size
record pvs pvs $report -o pv_uuid,vg_name
seen() {
    for d in /dev/md/boot /dev/md/ten /dev/md/five /dev/md/zero /dev/md/late /dev/onmd/files /dev/onmd/swap \
        /dev/guests/span /dev/guests/stripes /dev/guests/guest; do
        echo
        blkid -p -o export $d || echo DEVNAME=$d
        echo SIZE=$(blockdev --getsize64 $d)
        case $d in /dev/md/*) mdadm --detail --export $d ;; esac
    done
}
record devices seen
"#;

const STOP: &str = r#"
record deactivate vgchange $lvm -an onmd guests
record stop mdadm --stop /dev/md/boot /dev/md/ten /dev/md/five /dev/md/zero /dev/md/late
sync
# It was read while the kernel kept it elsewhere.
blockdev --flushbufs $(part 2 4)
record bitmap mdadm --examine-bitmap $(part 2 4)
"#;

fn fixture(name: &str) -> PathBuf {
    checkout().join("tests/tests/inspect").join(name)
}

/// What a tool said on the machine that made the disks.
pub fn said(what: &str) -> String {
    let text = fs::read_to_string(fixture("foreign.json")).unwrap();
    let said: Value = serde_json::from_str(&text).unwrap();
    said[what].as_str().unwrap().to_owned()
}

/// The recorded disks as files in `folder`.
pub fn unpack(folder: &Path) {
    let file = File::open(fixture("foreign.tar.xz")).unwrap();
    tar::Archive::new(XzDecoder::new(file)).unpack(folder).unwrap();
}

#[test]
#[ignore = "boots a node to record the disks anew; what they are called in the golden files changes"]
fn record() {
    let own = &storage().folder;
    let folder = tempfile::tempdir_in(own.parent().unwrap()).unwrap();
    let drives = DISKS.map(|(name, mib, sector_size)| {
        let path = folder.path().join(format!("{name}.img"));
        File::create_new(&path).unwrap().set_len(mib << 20).unwrap();
        Drive { path, format: Format::Raw, sector_size }
    });
    divide_by_mbr(folder.path());
    let node = folder.path().join("node");
    fs::create_dir(&node).unwrap();
    let copied = Command::new("cp")
        .args(["-r", "--sparse=always", "--"])
        .arg(format!("{}/.", own.display()))
        .arg(&node)
        .status();
    assert!(copied.unwrap().success());
    let images = open(&node);
    let script = [SCRIPT, SEEN, STOP].concat();
    let guest =
        Guest { keep: true, entry: Entry::PlainLinux, foreign: &drives, ..Guest::new(&images, &script) };
    let answers = guest.examine();
    for step in ["make", "deactivate", "stop"] {
        answers.good(step);
    }
    let seen =
        ["lvs", "vgs", "pvs", "bitmap", "devices"].map(|name| (name.to_owned(), answers.good(name).into()));
    let seen = Value::Object(seen.into_iter().collect());
    fs::write(fixture("foreign.json"), serde_json::to_string_pretty(&seen).unwrap() + "\n").unwrap();
    pack(folder.path());
}

/// Two primary partitions, and two logical ones.
fn divide_by_mbr(folder: &Path) {
    let lines = [
        "label: dos",
        "label-id: 0x12345678",
        "x1 : size=56M, type=8e, bootable",
        "x2 : type=5",
        "x5 : size=40M, type=8e",
        "x6 : type=83",
    ];
    let script = lines.join("\\n");
    let path = folder.join("disk4.img");
    let command = format!("printf '{script}\\n' | sfdisk --quiet {}", path.display());
    let said = run_tool(&storage().tools, folder, &ToolCall::new(["sh", "-c", &command]));
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

fn pack(folder: &Path) {
    let names = DISKS.map(|(name, ..)| format!("{name}.img")).join(" ");
    let command = format!(
        "cd {} && for i in {names}; do cp --sparse=always $i $i.sparse && mv $i.sparse $i; done && \
         tar --sparse --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=0644 -cf foreign.tar {names} && \
         xz -9e foreign.tar",
        folder.display()
    );
    let said = run_tool(&storage().tools, folder, &ToolCall::new(["sh", "-c", &command]));
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    fs::copy(folder.join("foreign.tar.xz"), fixture("foreign.tar.xz")).unwrap();
}
