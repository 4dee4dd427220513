//! Whole plans, as JSON and as a person sees them. `UPDATE_GOLDEN=1 cargo test` writes them anew.

use std::path::Path;
use std::{env, fs};

use installer::facts::parse_disks;
use installer::model::storage::Layout;
use installer::plan::{Plan, Seed, plan};

use crate::layouts;

fn planned(layout: &Layout, disks: &str) -> Plan {
    let disks = parse_disks(disks).unwrap();
    let planned = plan(layout, &disks, &Seed::node("xencluster", "xenamo4"));
    planned.unwrap_or_else(|refusals| panic!("{refusals:#?}"))
}

fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} differs; is now:\n{text}");
}

#[test]
fn raid1_drbd_as_json() {
    let plan = planned(&layouts::raid1_drbd(), "2x8G,1x4G");
    assert_golden("raid1-drbd.json", &(serde_json::to_string_pretty(&plan).unwrap() + "\n"));
}

#[test]
fn plans_as_text() {
    let unlike = planned(&layouts::raid1_drbd(), "8G,10G,4G");
    assert_golden("raid1-drbd.txt", &unlike.draw());
    assert_golden("single-drbd.txt", &planned(&layouts::single_drbd(), "8G@4096,4G").draw());
    assert_golden("raid10-aoe.txt", &planned(&layouts::raid10_aoe(), "4x8G").draw());
}
