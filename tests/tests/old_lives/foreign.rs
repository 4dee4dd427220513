//! Disks that a node of somebody else has left: mdadm, lvm and mke2fs themselves made them, on a running kernel.

use std::sync::OnceLock;

use installer::facts::parse_disks;
use installer::model::resolve::load_profiles;
use installer::plan::{Plan, Seed, plan};
use tests::bare::Bare;
use tests::guest::{Entry, Guest};
use tests::xbuild::{checkout, storage};

use super::{DISKS, bare, tool};

const MIB: u64 = 1 << 20;
const SECTOR: u64 = 512;
/// Where an old array has its data on its members.
const DATA_OFFSET: u64 = 2 * MIB;

/// Old arrays, volume groups and file systems.
pub struct Foreign {
    /// Superblocks at the ends of whole disks, and of a partition that ends with its disk.
    pub ends: Bare,
    /// All that can lie where the new node has something: where its arrays and volumes start, and where they end.
    pub places: Bare,
}

/// The disks of [`Foreign::ends`] come first behind the node's own, then those of [`Foreign::places`].
const COMMON: &str = r#"
disk() { echo /dev/disk/by-id/virtio-disk$(($1 + 3)); }
part() { echo $(disk $1)-part$2; }
create() { mdadm --create --run --assume-clean --homehost=elsewhere "$@" </dev/null; }
ext4() { mke2fs -q -F -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 -L "$@"; }
export LVM_SUPPRESS_FD_WARNINGS=1
lvm="--config devices{global_filter=[\"a|.*|\"]use_devicesfile=0}"
group() {
    pvcreate $lvm $2
    vgcreate $lvm $1 $2
    lvcreate $lvm -y -n data -l 50%FREE $1
    ext4 $1-data /dev/$1/data
}
"#;

const ENDS: &str = "
    create /dev/md/first --level=1 --metadata=0.90 --raid-devices=2 $(disk 0) missing
    group whole /dev/md/first
    create /dev/md/second --level=1 --metadata=1.0 --raid-devices=2 $(disk 1) missing
    ext4 second /dev/md/second
    create /dev/md/third --level=1 --metadata=0.90 --raid-devices=2 $(part 2 1) missing
    ext4 third /dev/md/third
";

const PLACES: &str = "
    ext4 start $(part 3 1)
    ext4 start $(part 4 1)
    create /dev/md/end --level=1 --metadata=1.0 --raid-devices=2 $(part 3 2) $(part 4 2)
    ext4 end /dev/md/end
    create /dev/md/vg --level=1 --metadata=1.2 --data-offset=2048K --raid-devices=2 $(part 3 3) $(part 4 3)
    group parts /dev/md/vg
    create /dev/md/swap --level=1 --metadata=0.90 --raid-devices=2 $(part 3 4) $(part 4 4)
    ext4 swap /dev/md/swap
    create /dev/md/drbd --level=1 --metadata=1.0 --raid-devices=2 $(part 5 1) missing
    ext4 drbd /dev/md/drbd
";

const STOP: &str = "
    vgchange $lvm --activate n whole parts
    for array in first second third end vg swap drbd; do mdadm --stop /dev/md/$array; done
    sync
";

/// Made once, in one boot of a node.
pub fn foreign() -> &'static Foreign {
    static FOREIGN: OnceLock<Foreign> = OnceLock::new();
    FOREIGN.get_or_init(|| {
        let made = Foreign { ends: bare("life-ends"), places: bare("life-places") };
        let last = &made.ends.images.disks[2].path;
        tool(last, &format!("printf 'label: dos\\nstart=2048, type=fd\\n' | sfdisk --quiet {}", last.display()));
        let maker = storage().copy("life-maker");
        let drives = [made.ends.images.disks.as_slice(), &made.places.images.disks].concat();
        let steps = format!("set -ex{}{ENDS}{PLACES}{STOP}", partitions());
        let check = format!("{COMMON}\nmake() {{\n{steps}}}\n(make) >/run/answers/make 2>&1\necho $? >/run/answers/make.status\n");
        let guest = Guest { keep: true, entry: Entry::PlainLinux, foreign: &drives, ..Guest::new(&maker, &check) };
        guest.examine().good("make");
        maker.remove();
        made
    })
}

/// The tables of [`Foreign::places`]: sgdisk takes sectors.
fn partitions() -> String {
    let plan = node_plan();
    let ([root, pv], group) = (["root", "pv"].map(|name| Data::of(&plan, name)), &plan.volume_groups[0]);
    let volume = |name: &str| {
        let start = group.volume(name).expect("a volume of the layout").start;
        pv.start + group.pe_start.0 + start * group.extent_size.0
    };
    let swap = volume("swap");
    assert_eq!(volume("var"), pv.start + MIB, "pvcreate puts the first volume at the same place");
    let system = [
        (root.start, root.start + 256 * MIB),
        (root.end - 512 * MIB, root.end),
        (pv.start - DATA_OFFSET, swap),
        (swap, pv.end),
    ];
    let data = &plan.disks[2].partitions[0];
    let data = [(data.start.0, (data.start + data.size).0)];
    let cut = |(number, (start, end)): (u32, &(u64, u64))| {
        format!(" -n {number}:{}:{} -t {number}:fd00", start / SECTOR, end / SECTOR - 1)
    };
    let table = |(disk, pieces): (u32, &[(u64, u64)])| {
        let cuts: String = (1..).zip(pieces).map(cut).collect();
        format!("\n    sgdisk -a 1{cuts} $(disk {disk})")
    };
    let tables: String = [(3, &system[..]), (4, &system), (5, &data)].into_iter().map(table).collect();
    tables + "\n    udevadm settle"
}

/// Where the data of an array lies on its disks.
struct Data {
    start: u64,
    end: u64,
}

impl Data {
    fn of(plan: &Plan, name: &str) -> Self {
        let array = plan.array(name).expect("an array of the layout");
        let member = plan.partition(array.members[0].partition).expect("a partition of the plan");
        let start = (member.start + array.data_offset).0;
        Self { start, end: start + array.size.0 }
    }
}

/// What the node is going to be.
fn node_plan() -> Plan {
    let node = load_profiles(&checkout()).expect("sound profiles").resolve("storage").expect("a node");
    let disks = parse_disks(DISKS).expect("a list of disks");
    plan(&node.layout, &disks, &Seed::generic("storage")).expect("disks that suit the layout")
}
