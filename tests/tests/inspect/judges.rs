//! What `xbuild inspect` says of disks, against what the tools say that know each format best.

use serde_json::Value;
use std::collections::BTreeMap;

use crate::bench::Bench;

/// `KEY=value` lines.
pub fn pairs(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

/// `Key : value` lines, as of `mdadm --examine` and `dumpe2fs -h`.
fn fields(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, value)| (key.trim(), value.trim())).collect()
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The partitions of a table.
fn partitions(disk: &Value) -> &[Value] {
    disk["content"]["partitions"].as_array().unwrap()
}

/// The partitions of a disk are those that `sfdisk` sees.
fn compare_table(bench: &Bench, disk: &Value) {
    let table = &disk["content"];
    let sector = number(&table["sector_size"]);
    let said = bench.sh(&format!("sfdisk --sector-size={sector} --json {}", text(&disk["path"])));
    let said: Value = serde_json::from_str(&said).unwrap();
    let said = &said["partitiontable"];
    let theirs: Vec<_> =
        said["partitions"].as_array().unwrap().iter().filter(|one| one["type"] != "5").collect();
    assert_eq!(theirs.len(), partitions(disk).len());
    if table["form"] == "gpt" {
        assert_eq!(text(&said["id"]).to_lowercase(), table["guid"]);
    } else {
        assert_eq!(text(&said["id"]), format!("0x{}", text(&table["id"])));
    }
    for ours in partitions(disk) {
        let number_of = |node: &Value| text(node).rsplit("img").next().unwrap().parse::<u64>().unwrap();
        let theirs = theirs.iter().find(|one| number_of(&one["node"]) == number(&ours["number"])).unwrap();
        for field in ["start", "size"] {
            assert_eq!(number(&theirs[field]) * sector, number(&ours[field]), "{ours}");
        }
        if table["form"] == "gpt" {
            assert_eq!(theirs["name"].as_str().unwrap_or_default(), ours["name"]);
            assert_eq!(text(&theirs["uuid"]).to_lowercase(), ours["id"]);
            let is_bootable = theirs["attrs"].as_str().unwrap_or_default().contains("LegacyBIOSBootable");
            assert_eq!(is_bootable, ours["attributes"][0] == "legacy BIOS bootable");
        }
    }
}

/// What lies on a device is what the tool of its format sees. The device is the file `piece`.
fn compare_content(bench: &Bench, content: &Value) {
    match text(&content["kind"]) {
        "member" => compare_member(bench, content),
        "physical-volume" => compare_physical_volume(bench, content),
        "ext" => compare_ext(bench, content),
        "fat" | "swap" | "named" | "drbd" => compare_signature(bench, content),
        "blank" => assert_eq!(bench.sh("blkid -p -o export piece || true"), ""),
        "grub-core" => {}
        kind => panic!("nobody judges {kind}"),
    }
}

fn compare_member(bench: &Bench, ours: &Value) {
    let said = bench.sh("mdadm --examine piece");
    let theirs = fields(&said);
    // The fields have more colons in them.
    let plain = |uuid: &Value| text(uuid).replace('-', "");
    assert_eq!(theirs["Array UUID"].replace(':', ""), plain(&ours["array"]));
    assert_eq!(theirs["Device UUID"].replace(':', ""), plain(&ours["member"]));
    assert_eq!(theirs["Version"], ours["metadata"]);
    assert_eq!(theirs["Name"].split_whitespace().next().unwrap(), ours["name"]);
    assert_eq!(theirs["Raid Level"].to_uppercase(), ours["level"]);
    assert_eq!(theirs["Raid Devices"], ours["slots"].to_string());
    assert_eq!(theirs["State"] == "clean", ours["clean"] == true);
    assert_eq!(theirs["Events"], ours["events"].to_string());
    // Version 1.0 always has its data at the start.
    let offset = theirs.get("Data Offset").copied().unwrap_or("0 sectors");
    assert_eq!(offset, format!("{} sectors", number(&ours["data_offset"]) / 512));
    assert!(theirs["Checksum"].ends_with("- correct") && ours["damage"].is_null());
    let role = ours["role"]["active"].as_u64();
    assert_eq!(
        theirs["Device Role"],
        role.map_or("spare".to_owned(), |role| format!("Active device {role}"))
    );
    assert_eq!(theirs.contains_key("Internal Bitmap"), !ours["bitmap"].is_null());
    assert_eq!(theirs.contains_key("Bad Block Log"), !ours["bad_blocks"].is_null());
    if let Some(chunk) = theirs.get("Chunk Size") {
        assert_eq!(*chunk, format!("{}K", number(&ours["chunk"]) >> 10));
    }
}

fn compare_physical_volume(bench: &Bench, ours: &Value) {
    let headers = bench.sh("LVM_SUPPRESS_FD_WARNINGS=1 pvck --dump headers piece");
    let id = text(&ours["id"]);
    assert!(headers.contains(&format!("pv_header.pv_uuid {}", id.replace('-', ""))), "{headers}");
    let copies = ours["copies"].as_array().unwrap();
    assert_eq!(headers.matches(".magic 0x").count(), copies.len(), "{headers}");
    for (index, copy) in copies.iter().enumerate() {
        let at = format!("mda_header_{}.start {}", index + 1, copy["at"]);
        assert!(headers.contains(&at), "no `{at}` in {headers}");
    }
    let metadata = bench.sh("LVM_SUPPRESS_FD_WARNINGS=1 pvck --dump metadata piece");
    let line = format!("# vgname {} seqno {}", text(&ours["group"]), copies[0]["seqno"]);
    assert!(metadata.contains(&line), "no `{line}` in {metadata}");
}

fn compare_ext(bench: &Bench, ours: &Value) {
    let said = bench.sh("dumpe2fs -h piece 2>/dev/null");
    let theirs = fields(&said);
    let number_of = |field: &str| theirs[field].parse::<u64>().unwrap();
    let or_none = |field: &str, none: &str| {
        if theirs[field] == none { String::new() } else { theirs[field].to_owned() }
    };
    assert_eq!(or_none("Filesystem volume name", "<none>"), ours["label"]);
    assert_eq!(or_none("Last mounted on", "<not available>"), ours["last_mounted"]);
    assert_eq!(theirs["Filesystem UUID"], ours["uuid"]);
    assert_eq!(theirs["Filesystem state"], ours["state"]);
    assert_eq!(number_of("Block count") * number_of("Block size"), number(&ours["size"]));
    assert_eq!(number_of("Free blocks") * number_of("Block size"), number(&ours["free"]));
    let features: Vec<&str> = ours["features"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(theirs["Filesystem features"], features.join(" "));
    assert_eq!(pairs(&bench.sh("blkid -p -o export piece"))["TYPE"], ours["version"]);
}

fn compare_signature(bench: &Bench, ours: &Value) {
    let said = bench.sh("blkid -p -o export piece");
    compare_pairs(&pairs(&said), ours);
}

/// Against what `blkid` says of a device.
pub fn compare_pairs(theirs: &BTreeMap<&str, &str>, ours: &Value) {
    let kind = match text(&ours["kind"]) {
        "fat" => "vfat".to_owned(),
        "ext" => text(&ours["version"]).to_owned(),
        "physical-volume" => "LVM2_member".to_owned(),
        "named" => text(&ours["name"]).to_lowercase(),
        kind => kind.to_owned(),
    };
    assert_eq!(theirs["TYPE"], kind);
    for (key, field) in [("LABEL", "label"), ("UUID", if kind == "vfat" { "serial" } else { "uuid" })] {
        if !ours[field].is_null() {
            assert_eq!(theirs.get(key).copied().unwrap_or_default(), ours[field], "{ours}");
        }
    }
    if kind == "lvm2_member" {
        assert_eq!(theirs["UUID"], ours["id"]);
    }
}

/// Compares all disks, down to what lies in partitions.
pub fn compare_disks(bench: &Bench, data: &Value) {
    for disk in data["disks"].as_array().unwrap() {
        if disk["content"]["kind"] != "table" {
            bench.copy(text(&disk["path"]), "piece");
            compare_content(bench, &disk["content"]);
            continue;
        }
        compare_table(bench, disk);
        for partition in partitions(disk) {
            let (start, size) = (number(&partition["start"]), number(&partition["size"]));
            bench.sh(&format!(
                "rm -f piece && dd if={} of=piece iflag=skip_bytes,count_bytes skip={start} count={size} bs=1M \
                 conv=sparse status=none && truncate -s {size} piece",
                text(&disk["path"])
            ));
            compare_content(bench, &partition["device"]["content"]);
        }
    }
}
