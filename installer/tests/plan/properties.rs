//! Whatever the layout and the disks: a plan without mistakes, or a refusal that says why; never a panic.

use installer::facts::{DiskFacts, DiskLabel};
use installer::model::storage::{
    Carrier, DiskTraits, Firmware, Layout, PartitionRule, Pattern, RaidLevel, Size, VolumeGroupRule,
};
use installer::plan::{Plan, Refusal, Seed, plan};
use installer::units::{Bytes, SectorSize};
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::{Index, select};

use crate::layouts::{array, disks, ext4, on_array, partition, swap};

/// What lies on a partition.
#[derive(Clone, Copy, Debug)]
enum Use {
    Drbd,
    Filesystem,
    Swap,
    Array(RaidLevel),
    ArrayWithFilesystem(RaidLevel),
    Group,
    ArrayWithGroup(RaidLevel),
}

fn some_use() -> impl Strategy<Value = Use> {
    let level = || prop_oneof![3 => Just(RaidLevel::Raid1), 1 => Just(RaidLevel::Raid10)];
    prop_oneof![
        Just(Use::Drbd),
        Just(Use::Filesystem),
        Just(Use::Swap),
        level().prop_map(Use::Array),
        level().prop_map(Use::ArrayWithFilesystem),
        Just(Use::Group),
        level().prop_map(Use::ArrayWithGroup),
    ]
}

fn some_size(most: u64) -> impl Strategy<Value = Size> {
    let max = proptest::option::of((1..most * 4).prop_map(Bytes));
    (0..most, max, 0..4_u32).prop_map(|(min, max, share)| Size { min: Bytes(min), max, share })
}

/// Volumes of one group, and what the group keeps free.
type Volumes = (Vec<Size>, Size);

fn some_volumes(most: u64) -> impl Strategy<Value = Volumes> {
    (vec(some_size(most / 4), 0..4), some_size(most / 4))
}

/// A group of disks: does it boot, how many, and how each is cut.
type Group = (bool, (usize, Option<usize>), Vec<(Use, Size, Volumes)>);

fn some_group(most: u64) -> impl Strategy<Value = Group> {
    let max = proptest::option::of(0..3_usize);
    let count = (0..4_usize, max).prop_map(|(min, more)| (min, more.map(|more| min + more)));
    (any::<bool>(), count, vec((some_use(), some_size(most), some_volumes(most)), 0..5))
}

/// Makes the uses of a group possible with its number of disks: arrays only over enough, the rest only over one.
fn suit((boot, _, partitions): Group, count: usize) -> Group {
    let level = |level| if count >= 4 && count.is_multiple_of(2) { level } else { RaidLevel::Raid1 };
    let one = |what| match what {
        Use::ArrayWithFilesystem(_) => Use::Filesystem,
        Use::ArrayWithGroup(_) => Use::Group,
        Use::Array(_) => Use::Drbd,
        other => other,
    };
    let several = |what| match what {
        Use::Filesystem | Use::Swap => Use::ArrayWithFilesystem(RaidLevel::Raid1),
        Use::Group => Use::ArrayWithGroup(RaidLevel::Raid1),
        Use::Array(wanted) => Use::Array(level(wanted)),
        Use::ArrayWithFilesystem(wanted) => Use::ArrayWithFilesystem(level(wanted)),
        Use::ArrayWithGroup(wanted) => Use::ArrayWithGroup(level(wanted)),
        Use::Drbd => Use::Drbd,
    };
    let suited = partitions
        .into_iter()
        .map(|(what, size, volumes)| (if count == 1 { one(what) } else { several(what) }, size, volumes));
    (boot, (count, Some(count)), suited.collect())
}

/// Groups that suit their disks, which are of one sector size and at least 8 GiB.
fn some_suited() -> impl Strategy<Value = (Vec<Group>, Vec<DiskFacts>)> {
    let sector = prop_oneof![Just(SectorSize::B512), Just(SectorSize::B4096)];
    (vec((some_group(1 << 30), 1..7_usize), 1..3), vec(8_u64 << 30..1 << 40, 12), sector).prop_map(
        |(groups, sizes, sector_size)| {
            let count = groups.iter().map(|(_, count)| count).sum();
            let disk = |(at, size)| DiskFacts::new(format!("disk{at}"), Bytes(size), sector_size);
            let disks = sizes.into_iter().take(count).enumerate().map(disk).collect();
            (groups.into_iter().map(|(group, count)| suit(group, count)).collect(), disks)
        },
    )
}

fn layout(groups: &[Group]) -> Layout {
    let mut layout = Layout {
        name: "generated".to_owned(),
        firmware: Firmware::Any,
        initrd: true,
        disks: Vec::new(),
        partitions: Vec::new(),
        arrays: Vec::new(),
        volume_groups: Vec::new(),
        logical_volumes: Vec::new(),
        filesystems: Vec::new(),
    };
    for (at, (boot, count, partitions)) in groups.iter().enumerate() {
        let group = format!("g{at}");
        layout.disks.push(disks(&group, *boot, *count, 0));
        for (number, (what, size, volumes)) in (1..).zip(partitions) {
            let name = format!("{group}p{number}");
            let rule = partition(&group, number, &name, *size);
            layout.partitions.push(PartitionRule { drbd: matches!(what, Use::Drbd), ..rule });
            put(&mut layout, &name, *what, volumes);
        }
    }
    layout
}

fn put(layout: &mut Layout, name: &str, what: Use, volumes: &Volumes) {
    let on_partition = Carrier::Partition(name.to_owned());
    let mount = format!("/{name}");
    if let Use::Array(level) | Use::ArrayWithFilesystem(level) | Use::ArrayWithGroup(level) = what {
        layout.arrays.push(array(name, level));
    }
    match what {
        Use::Drbd | Use::Array(_) => {}
        Use::Swap => layout.filesystems.push(swap(on_partition)),
        Use::Filesystem => layout.filesystems.push(ext4(on_partition, name, &mount)),
        Use::ArrayWithFilesystem(_) => layout.filesystems.push(ext4(on_array(name), name, &mount)),
        Use::Group => put_group(layout, name, on_partition, volumes),
        Use::ArrayWithGroup(_) => put_group(layout, name, on_array(name), volumes),
    }
}

fn put_group(layout: &mut Layout, name: &str, on: Carrier, (volumes, free): &Volumes) {
    layout.volume_groups.push(VolumeGroupRule { name: name.to_owned(), on, free: *free });
    for (at, size) in volumes.iter().enumerate() {
        let volume = format!("v{at}");
        let on = Carrier::Volume { group: name.to_owned(), name: volume.clone() };
        layout.filesystems.push(ext4(on, &volume, &format!("/{name}/{volume}")));
        let rule = crate::layouts::volume(&volume, *size);
        layout
            .logical_volumes
            .push(installer::model::storage::LogicalVolumeRule { group: name.to_owned(), ..rule });
    }
}

fn some_disks(sizes: impl Strategy<Value = u64>) -> impl Strategy<Value = Vec<DiskFacts>> {
    let sector = prop_oneof![9 => Just(SectorSize::B512), 1 => Just(SectorSize::B4096)];
    let disk = |(at, (size, sector_size))| DiskFacts::new(format!("disk{at}"), Bytes(size), sector_size);
    vec((sizes, sector), 0..7).prop_map(move |disks| disks.into_iter().enumerate().map(disk).collect())
}

/// Disks of one group are labelled alike, but for their serial numbers.
fn label(group: usize, at: usize) -> DiskLabel {
    DiskLabel {
        serial: format!("S{at}"),
        wwn: format!("0x{at}"),
        model: format!("Model {group} of 9"),
        path: format!("pci-0000:0{group}:1f.2-ata-{at}"),
        rotational: Some(group == 0),
    }
}

/// Ways to say which disks a group takes.
const WAYS: [fn(usize, &[DiskLabel]) -> DiskTraits; 5] = [
    |_, labels| DiskTraits { serials: texts(labels, |label| &label.serial), ..DiskTraits::default() },
    |_, labels| DiskTraits { wwns: texts(labels, |label| &label.wwn), ..DiskTraits::default() },
    |group, _| DiskTraits { model: Some(Pattern(format!("*el {group} *"))), ..DiskTraits::default() },
    |group, _| DiskTraits { path: Some(Pattern(format!("pci-*:0{group}:*"))), ..DiskTraits::default() },
    |group, _| DiskTraits {
        rotational: Some(group == 0),
        model: Some(Pattern(format!("Model {group}*"))),
        ..DiskTraits::default()
    },
];

fn texts(labels: &[DiskLabel], text: fn(&DiskLabel) -> &String) -> Vec<String> {
    labels.iter().map(|label| text(label).clone()).collect()
}

fn check(planned: &Result<Plan, Vec<Refusal>>) {
    match planned {
        Ok(plan) => {
            plan.verify().unwrap();
            assert!(plan.draw().starts_with("layout generated on "));
        }
        Err(refusals) => {
            assert!(!refusals.is_empty());
            for refusal in refusals {
                assert!(!refusal.message.contains("BUG"), "{refusal}");
                assert!(!refusal.hint.is_empty(), "{refusal}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sound_plan_or_a_refusal(
        groups in vec(some_group(2 << 30), 1..3),
        disks in some_disks(1_u64 << 30..64 << 30),
    ) {
        let (layout, seed) = (layout(&groups), Seed::generic("test"));
        let planned = plan(&layout, &disks, &seed);
        check(&planned);
        prop_assert_eq!(planned, plan(&layout, &disks, &seed));
    }

    /// Only what was asked to be too small is refused here.
    #[test]
    fn layouts_that_suit_their_disks((groups, disks) in some_suited()) {
        let planned = plan(&layout(&groups), &disks, &Seed::generic("test"));
        check(&planned);
        for refusal in planned.err().unwrap_or_default() {
            let too_small = ["need", "no room for data"].iter().any(|words| refusal.message.contains(words));
            prop_assert!(too_small, "{}", refusal);
        }
    }

    /// In whatever order the disks are found.
    #[test]
    fn every_group_gets_the_disks_that_it_asks_for(
        (groups, disks) in some_suited(),
        ways in vec(select(WAYS.to_vec()), 3),
        places in vec(any::<Index>(), 12),
    ) {
        let mut layout = layout(&groups);
        let mut shuffled = Vec::new();
        let mut wanted = Vec::new();
        let mut rest = disks.into_iter();
        for (group, ((_, (count, _), _), way)) in groups.iter().zip(ways).enumerate() {
            let own: Vec<_> = rest.by_ref().take(*count).collect();
            let labels: Vec<_> = (0..own.len()).map(|at| label(group, wanted.len() + at)).collect();
            layout.disks[group].only = way(group, &labels);
            for (disk, label) in own.into_iter().zip(labels) {
                wanted.push((disk.name.clone(), format!("g{group}")));
                let place = places[wanted.len() % places.len()].index(shuffled.len() + 1);
                shuffled.insert(place, DiskFacts { label, ..disk });
            }
        }
        let planned = plan(&layout, &shuffled, &Seed::generic("test"));
        check(&planned);
        match planned {
            Ok(plan) => {
                let mut got: Vec<_> = plan.disks.into_iter().map(|disk| (disk.name, disk.group)).collect();
                got.sort();
                wanted.sort();
                prop_assert_eq!(got, wanted);
            }
            Err(refusals) => for refusal in refusals {
                let too_small = ["need", "no room for data"].iter().any(|words| refusal.message.contains(words));
                prop_assert!(too_small, "{}", refusal);
            }
        }
    }

    #[test]
    fn absurd_sizes_do_not_panic(
        groups in vec(some_group(1 << 50), 1..3),
        disks in some_disks(prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..4096_u64]),
    ) {
        check(&plan(&layout(&groups), &disks, &Seed::generic("test")));
    }

    #[test]
    fn enough_equal_disks_always_give_a_plan(count in 4..9_usize, size in 5_u64 << 30..1 << 45) {
        let disk = |at| DiskFacts::new(format!("disk{at}"), Bytes(size), SectorSize::B512);
        let disks: Vec<DiskFacts> = (0..count / 2 * 2).map(disk).collect();
        let planned = plan(&crate::layouts::raid10_aoe(), &disks, &Seed::generic("test"));
        prop_assert!(planned.is_ok_and(|plan| plan.verify().is_ok() && plan.waste.is_empty()));
    }
}
