//! What is to stay below DRBD is looked at while nothing has been written: arrays and volumes have to be those of the plan.
//!
//! The partitions that they lie on were compared already ([`crate::wipe`]). What is in an array only the kernel can say: it is
//! started read-only, which writes nothing, also no superblock, and stopped again.

mod array;
mod volumes;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::apply::{self, Removal};
use crate::host::Run;
use crate::plan::{Array, Device, Plan, Refusal, VolumeGroup};
use crate::wipe::FIT_THE_LAYOUT;

/// Where the machine shows its arrays.
#[derive(Clone, Debug)]
pub struct Roots {
    /// sysfs.
    pub sys: PathBuf,
    /// Device nodes.
    pub dev: PathBuf,
}

impl Default for Roots {
    /// This machine.
    fn default() -> Self {
        Self { sys: "/sys".into(), dev: "/dev".into() }
    }
}

/// Compares everything that stays with the plan. Afterwards all arrays are stopped again.
///
/// # Errors
/// Everything that is not as the plan has it.
pub fn check(roots: &Roots, host: &mut dyn Run, plan: &Plan, removal: &Removal) -> Result<(), Vec<Refusal>> {
    let mut refusals = Vec::new();
    for array in plan.arrays.iter().filter(|array| removal.keeps_array(&array.name)) {
        refusals.extend(check_array(roots, host, plan, array));
    }
    let on_partition = |group: &&VolumeGroup| matches!(group.on, Device::Partition(_));
    for group in
        plan.volume_groups.iter().filter(on_partition).filter(|group| removal.keeps_group(&group.name))
    {
        refusals.extend(check_group(host, plan, group));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

fn check_array(roots: &Roots, host: &mut dyn Run, plan: &Plan, array: &Array) -> Vec<Refusal> {
    let name = format!("array `{}`", array.name);
    if let Err(error) = host.run(&apply::assemble_read_only(plan, array)) {
        // What mdadm could not start it may have put together.
        drop(host.run(&apply::stop(&array.name)));
        return vec![refusal(&name, error)];
    }
    let wrong = match array::Seen::read(roots, &array.name) {
        Ok(seen) => seen.differences(plan, array),
        Err(error) => vec![format!("{error:#}")],
    };
    let mut refusals: Vec<Refusal> = wrong.into_iter().map(|wrong| refusal(&name, wrong)).collect();
    if refusals.is_empty() {
        let on_it = |group: &&VolumeGroup| group.on == Device::Array(array.name.clone());
        refusals
            .extend(plan.volume_groups.iter().filter(on_it).flat_map(|group| check_group(host, plan, group)));
    }
    refusals.extend(host.run(&apply::stop(&array.name)).err().map(|error| refusal(&name, error)));
    refusals
}

fn check_group(host: &mut dyn Run, plan: &Plan, group: &VolumeGroup) -> Vec<Refusal> {
    let wrong = match host.run(&volumes::list(plan, group)) {
        Ok(said) => volumes::differences(&said, group),
        Err(error) => vec![error.to_string()],
    };
    wrong.into_iter().map(|wrong| refusal(&format!("volume group `{}`", group.name), wrong)).collect()
}

fn refusal(what: &str, because: impl std::fmt::Display) -> Refusal {
    Refusal::new(format!("{what} cannot be kept: {because}"), FIT_THE_LAYOUT)
}

/// The text of a file, without the line end.
fn text(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "kept_tests.rs"]
mod tests;
