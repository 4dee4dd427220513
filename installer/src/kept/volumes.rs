//! The extents of a volume group, as LVM lists them, against the plan.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::apply;
use crate::host::Command;
use crate::plan::{LogicalVolume, Plan, VolumeGroup};

const FIELDS: &str = "vg_name,lv_name,segtype,seg_start_pe,pvseg_start,pvseg_size,pe_start,vg_extent_size";

/// A run of extents; LVM writes numbers as texts.
#[derive(Debug, Deserialize)]
struct Run {
    vg_name: String,
    lv_name: String,
    segtype: String,
    seg_start_pe: String,
    pvseg_start: String,
    pvseg_size: String,
    pe_start: String,
    vg_extent_size: String,
}

#[derive(Debug, Deserialize)]
struct Listed {
    report: Vec<BTreeMap<String, Vec<Run>>>,
}

/// Lists what is on the group's device.
pub(super) fn list(plan: &Plan, group: &VolumeGroup) -> Command {
    let (device, config) = apply::lvm_sight(plan, group);
    let format = ["--segments", "--reportformat", "json", "--units", "b", "--nosuffix"];
    let mut argv = vec!["lvm", "pvs"];
    argv.extend(format);
    argv.extend(["--options", FIELDS, "--config", &config, &device]);
    Command::new(argv)
}

/// In words; none if all of the plan's volumes are where it has them. What else is in the group stays too.
pub(super) fn differences(said: &str, group: &VolumeGroup) -> Vec<String> {
    let listed: Listed = match serde_json::from_str(said) {
        Ok(listed) => listed,
        Err(error) => return vec![format!("LVM said what nobody understands: {error}")],
    };
    let runs: Vec<Run> = listed.report.into_iter().flat_map(BTreeMap::into_values).flatten().collect();
    let geometry = |run: &Run| (run.vg_name.clone(), run.pe_start.clone(), run.vg_extent_size.clone());
    let planned = (group.name.clone(), group.pe_start.0.to_string(), group.extent_size.0.to_string());
    if let Some(run) = runs.iter().find(|run| geometry(run) != planned) {
        let shown = |(name, start, size): (String, String, String)| {
            let name = if name.is_empty() { "no group".to_owned() } else { format!("group `{name}`") };
            format!("{name} with extents of {size} bytes from {start} on")
        };
        return vec![format!(
            "on its device is {}, and the plan has {}",
            shown(geometry(run)),
            shown(planned)
        )];
    }
    group.volumes.iter().filter_map(|volume| difference(&runs, volume)).collect()
}

fn difference(runs: &[Run], volume: &LogicalVolume) -> Option<String> {
    let own: Vec<&Run> = runs.iter().filter(|run| run.lv_name == volume.name).collect();
    let there: Vec<String> =
        own.iter().map(|run| format!("{} from {} on", run.pvseg_size, run.pvseg_start)).collect();
    let planned = format!("{} from {} on", volume.extents, volume.start);
    let linear = own.iter().all(|run| run.segtype == "linear" && run.seg_start_pe == "0");
    if linear && there == [planned.as_str()] {
        return None;
    }
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    let kinds: Vec<&str> =
        own.iter().map(|run| run.segtype.as_str()).filter(|kind| *kind != "linear").collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    Some(format!("volume `{}` has the extents {there}{kinds}, and the plan has {planned}", volume.name))
}
