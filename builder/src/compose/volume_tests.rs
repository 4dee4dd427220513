use std::fs::File;
use std::os::unix::fs::FileExt;

use installer::plan::{Device, PartitionRef, Plan};
use installer::units::Bytes;
use tempfile::tempfile;

use super::{Place, Run, Volume};
use crate::compose::fixture;

const K: Bytes = Bytes::KIB;

fn volume(plan: &Plan, group: &str, name: &str) -> Volume {
    Volume::of(plan, &Device::Volume { group: group.to_owned(), name: name.to_owned() }).unwrap()
}

fn runs(volume: &Volume, at: Bytes, length: Bytes) -> Vec<Run> {
    volume.runs(at, length).collect()
}

fn run(at: Bytes, length: Bytes, places: impl IntoIterator<Item = (usize, Bytes)>) -> Run {
    let places = places.into_iter().map(|(disk, offset)| Place { disk, offset }).collect();
    Run { at, length, places }
}

#[test]
fn a_partition_is_in_one_place() {
    let plan = fixture::single_4k();
    let root = Volume::of(&plan, &Device::Partition(PartitionRef { disk: 0, number: 2 })).unwrap();
    let start = plan.disks[0].partitions[3].start;
    assert_eq!(runs(&root, K, K), [run(K, K, [(0, start + K)])]);
    assert_eq!((root.size(), root.copies()), (Bytes::mib(60), 1));
}

#[test]
fn a_mirror_is_on_every_member_behind_its_metadata() {
    let plan = fixture::raid10();
    let root = Volume::of(&plan, &Device::Array("root".to_owned())).unwrap();
    let at = plan.disks[0].partitions[2].start + Bytes::mib(2) + K;
    let everywhere = (0..4).map(|disk| (disk, at));
    assert_eq!(runs(&root, K, Bytes::mib(9)), [run(K, Bytes::mib(9), everywhere)]);
}

/// Chunk k lies on disks 2(k mod 2) and 2(k mod 2) + 1, at stripe k / 2.
#[test]
fn raid10_deals_chunks_out_to_pairs() {
    let plan = fixture::raid10();
    let data = Volume::of(&plan, &Device::Array("data".to_owned())).unwrap();
    let base = plan.disks[0].partitions[3].start + Bytes::mib(2);
    let chunk = K * 512;
    let found = runs(&data, chunk - K, chunk + K * 2);
    let on = |first, offset| [(first, offset), (first + 1, offset)];
    assert_eq!(
        found,
        [
            run(chunk - K, K, on(0, base + chunk - K)),
            run(chunk, chunk, on(2, base)),
            run(chunk * 2, K, on(0, base + chunk)),
        ]
    );
}

/// The kernel's own picture for three devices (md(4)): 0 0 1 / 1 2 2 / 3 3 4.
#[test]
fn raid10_over_three_members_wraps_around() {
    let mut plan = fixture::raid10();
    plan.arrays[1].members.truncate(3);
    let data = Volume::of(&plan, &Device::Array("data".to_owned())).unwrap();
    let base = plan.disks[0].partitions[3].start + Bytes::mib(2);
    let chunk = K * 512;
    let found = runs(&data, Bytes::ZERO, chunk * 3).into_iter().flat_map(|run| run.places);
    let stripe = |number| base + chunk * number;
    let expected = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
        .map(|(disk, number)| Place { disk, offset: stripe(number) });
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_logical_volume_starts_at_its_extent() {
    let plan = fixture::raid1();
    let var = volume(&plan, "vg0", "var");
    let base = plan.disks[0].partitions[3].start + Bytes::mib(2);
    let at = base + Bytes::mib(1) + Bytes::mib(4) * 4;
    assert_eq!(runs(&var, Bytes::ZERO, K), [run(Bytes::ZERO, K, [(0, at), (1, at)])]);
    assert_eq!(var.size(), Bytes::mib(40));
}

#[test]
fn what_the_plan_does_not_have_is_refused() {
    let plan = fixture::raid1();
    for device in [
        Device::Array("none".to_owned()),
        Device::Partition(PartitionRef { disk: 7, number: 1 }),
        Device::Volume { group: "vg0".to_owned(), name: "none".to_owned() },
    ] {
        assert!(Volume::of(&plan, &device).is_err());
    }
}

#[test]
fn what_is_written_can_be_extracted_from_every_copy() {
    let plan = fixture::raid10();
    let files = disks(&plan);
    let disks: Vec<_> = files.iter().collect();
    let var = volume(&plan, "vg0", "var");
    let source = tempfile().unwrap();
    source.set_len(Bytes::mib(3).0 + 17).unwrap();
    let noise: Vec<u8> = (0..900_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    source.write_all_at(&noise, 700_001).unwrap();
    var.copy_sparse_from(&source, &disks).unwrap();
    var.write(&disks, Bytes::mib(5) - K, &noise).unwrap();
    for copy in 0..2 {
        let out = tempfile().unwrap();
        var.extract(&disks, copy, &out).unwrap();
        for at in [700_001, (5 << 20) - 1024] {
            let mut found = vec![0; noise.len()];
            out.read_exact_at(&mut found, at).unwrap();
            assert!(found == noise);
        }
    }
}

#[test]
fn nothing_is_written_beyond_the_end() {
    let plan = fixture::raid1();
    let files = disks(&plan);
    let disks: Vec<_> = files.iter().collect();
    let swap = volume(&plan, "vg0", "swap");
    assert!(swap.write(&disks, swap.size() - K, &[1; 1025]).is_err());
    let source = tempfile().unwrap();
    source.set_len(swap.size().0 + 1).unwrap();
    let error = swap.copy_sparse_from(&source, &disks).unwrap_err();
    assert_eq!(error.to_string(), "a file system of 8.00M does not fit into its device of 8M");
}

fn disks(plan: &Plan) -> Vec<File> {
    let blank = |disk: &installer::plan::Disk| {
        let file = tempfile().unwrap();
        file.set_len(disk.size.0).unwrap();
        file
    };
    plan.disks.iter().map(blank).collect()
}
