//! The recorded disks and our own, whole, in part, and against the judges.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::xbuild::{storage, workshop};

use crate::bench::{Bench, all, golden};
use crate::foreign;
use crate::judges::{compare_disks, compare_pairs, number, pairs, text};

/// The recorded disks.
fn recorded() -> Bench {
    let bench = Bench::new();
    foreign::unpack(bench.path());
    bench
}

/// The images of a storage node, under other names for the same files.
fn own() -> Bench {
    let images = storage();
    let bench = Bench::within(TempDir::new_in(workshop()).unwrap());
    for drive in &images.disks {
        fs::hard_link(&drive.path, bench.path().join(drive.path.file_name().unwrap())).unwrap();
    }
    bench
}

#[test]
fn recorded_disks_are_what_the_tools_say_they_are() {
    let bench = recorded();
    compare_disks(&bench, &bench.json(&["."]));
}

#[test]
fn our_own_disks_are_what_the_tools_say_they_are() {
    let bench = own();
    let said = bench.inspect(&["."]);
    assert_eq!((said.status, said.error.as_str()), (Some(0), ""));
    assert!(said.text.ends_with("\nnothing is damaged\n"), "{}", said.text);
    let data = bench.json(&["."]);
    compare_disks(&bench, &data);
    assert_eq!(data["disks"][0]["boot"]["core_in"], "disk0p14");
    assert_eq!(data["disks"][2]["boot"], json!({ "kind": "next" }));
    assert_eq!(all(&data, "path", "/EFI/BOOT/BOOTX64.EFI").len(), 2);
    let arrays: Vec<_> = data["arrays"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["name"]), text(&one["verdict"])))
        .collect();
    assert_eq!(arrays, [("root", "whole"), ("pv", "whole")]);
}

/// Arrays and volumes as the kernel put them together, on the machine that made the disks.
#[test]
fn arrays_and_volumes_are_those_that_the_kernel_had() {
    let data = recorded().json(&["."]);
    let devices = foreign::said("devices");
    for block in devices.split("\n\n") {
        let theirs = pairs(block.trim());
        let path = theirs["DEVNAME"].strip_prefix("/dev/").unwrap();
        let name = path.strip_prefix("md/").map_or(path.to_owned(), |name| format!("md {name}"));
        let array = theirs.get("MD_UUID").map(|uuid| compare_array(&data, &theirs, uuid));
        // What a RAID5 carries is not looked at.
        if array.is_some_and(|array| array["device"].is_null()) {
            assert_eq!(theirs["MD_LEVEL"], "raid5");
            continue;
        }
        let ours = all(&data, "name", &name);
        let ours = ours.iter().find(|one| !one["content"].is_null()).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(theirs["SIZE"], ours["size"].to_string(), "{name}");
        if ours["content"]["kind"] == "table" {
            assert_eq!((theirs["PTTYPE"], theirs["PTUUID"]), ("gpt", text(&ours["content"]["guid"])));
        } else {
            compare_pairs(&theirs, &ours["content"]);
        }
    }
    assert_eq!(devices.split("\n\n").count(), 10);
}

fn compare_array<'a>(data: &'a Value, theirs: &BTreeMap<&str, &str>, uuid: &str) -> &'a Value {
    let uuids = data["arrays"].as_array().unwrap().iter();
    let ours =
        uuids.clone().find(|one| text(&one["uuid"]).replace('-', "") == uuid.replace(':', "")).unwrap();
    assert_eq!(theirs["MD_LEVEL"].to_uppercase(), ours["level"]);
    assert_eq!(theirs["MD_NAME"], ours["full_name"]);
    assert_eq!(theirs["MD_DEVICES"], ours["slots"].as_array().unwrap().len().to_string());
    let running = theirs.iter().filter(|(key, value)| key.ends_with("_ROLE") && **value != "spare").count();
    let present = ours["slots"].as_array().unwrap().iter().filter(|slot| slot["state"] == "present").count();
    assert_eq!(running, present, "{ours}");
    ours
}

#[test]
fn a_bitmap_is_counted_as_mdadm_counted_it() {
    let data = recorded().json(&["."]);
    let member = all(&data, "name", "disk2p4")[0];
    let bitmap = &member["content"]["bitmap"];
    let chunks = number(&bitmap["covers"]) / number(&bitmap["chunk"]);
    let said = foreign::said("bitmap");
    assert!(said.contains(&format!("{chunks} bits (chunks), {} dirty", bitmap["dirty"])), "{said}");
}

#[test]
fn volume_groups_are_those_that_lvm_reports() {
    let data = recorded().json(&["."]);
    let rows = |what: &str, key: &str| {
        let said = foreign::said(what);
        let report: Value = serde_json::from_str(&said[said.find('{').unwrap()..]).unwrap();
        report["report"][0][key].as_array().unwrap().clone()
    };
    for theirs in rows("vgs", "vg").iter().filter(|one| one["vg_name"] != "vg0") {
        let ours = all(&data, "id", text(&theirs["vg_uuid"]))[0];
        for (key, field) in [
            ("vg_seqno", "seqno"),
            ("vg_size", "size"),
            ("vg_free", "free"),
            ("vg_extent_size", "extent_size"),
        ] {
            assert_eq!(text(&theirs[key]), ours[field].to_string(), "{key}");
        }
    }
    let volumes = rows("lvs", "lv");
    for theirs in volumes.iter().filter(|one| one["vg_name"] != "vg0") {
        let ours = all(&data, "id", text(&theirs["lv_uuid"]))[0];
        assert_eq!(text(&theirs["lv_name"]).trim_matches(['[', ']']), ours["name"]);
        assert_eq!(text(&theirs["lv_size"]), ours["size"].to_string());
        assert!(text(&ours["segments"]).starts_with(text(&theirs["segtype"])), "{ours}");
        assert_eq!(text(&theirs["lv_name"]).starts_with('['), ours["visible"] == false);
    }
    for theirs in rows("pvs", "pv").iter().filter(|one| one["vg_name"] != "vg0") {
        let found = all(&data, "id", text(&theirs["pv_uuid"]));
        assert!(found.iter().any(|one| one["group"] == theirs["vg_name"]), "{theirs}");
    }
}

/// The whole drawing. Two things are wrong on the recorded disks on purpose.
#[test]
fn the_drawing_is_as_recorded() {
    let said = recorded().inspect(&["."]);
    assert_eq!((said.status, said.error.as_str()), (Some(1), ""));
    golden("inspect.txt", &said.text);
}

/// Some of the disks: what is missing is said, and is no damage.
#[test]
fn what_is_missing_is_no_damage() {
    let bench = recorded();
    let said = bench.inspect(&["disk1.img", "disk4.img"]);
    assert_eq!((said.status, said.error.as_str()), (Some(0), ""), "{}", said.text);
    for line in [
        "RAID1 of [missing] disk1p1: degraded, could start, clean\n",
        "RAID10 (near 2) of [missing] disk1p2 [missing] [missing]: cannot start, clean\n",
        "RAID5 (left-symmetric) of [missing] disk1p3 [missing]: cannot start, clean\n",
        "RAID0 of [missing] disk1p4: cannot start, clean\n",
        "volume group guests  155M  on disk4p1, disk4p5, missing ",
        "linear: ext4 `span`",
        "striped over 2: incomplete, a physical volume is missing\n",
        "\nincomplete\n├─ md boot          degraded, could start\n├─ md ten           cannot start\n",
        "└─ guests           1 of 3 physical volumes missing\n\nnothing is damaged\n",
    ] {
        assert!(said.text.contains(line), "no `{line}` in:\n{}", said.text);
    }
    // Half of a RAID10, but the right half.
    let half = bench.json(&["disk1.img", "disk2.img"]);
    let ten = all(&half, "name", "ten")[0];
    assert_eq!(
        (text(&ten["verdict"]), &ten["device"]["content"]["kind"]),
        ("degraded", &Value::from("physical-volume"))
    );
    assert!(!all(&half, "label", "files").is_empty());
}
