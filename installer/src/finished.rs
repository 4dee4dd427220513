//! The mark of a finished node, on the EFI system partition of each disk that it boots from: a file with the name of the
//! payload that has made it.
//!
//! It is the last thing that an install writes, and the first that the next one destroys. A medium that is left plugged in
//! finds its own mark and does not install again; its boot menu finds it too, and starts the node. Another payload is not
//! kept from installing.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::facts::Found;
use crate::host::{Command, Run};
use crate::payload::{Manifest, Sha256Sum};
use crate::plan::Plan;

/// Where marks are on the partition.
pub const FOLDER: &str = "EFI/xbuild";
const MOUNT: &str = "/run/xinstall/esp";
/// Of the hash of a manifest; enough to tell payloads apart.
const DIGITS: usize = 16;

/// The name of this payload's mark.
///
/// # Errors
/// When the manifest cannot be written down.
pub fn mark(manifest: &Manifest) -> Result<String> {
    let text = manifest.to_text().map_err(|because| anyhow::anyhow!("BUG: {because}"))?;
    Ok(Sha256Sum::of(&text).to_string()[..DIGITS].to_owned())
}

/// Refuses to install over what this very payload has finished.
///
/// # Errors
/// One of the plan's disks carries the mark.
pub fn refuse(host: &mut dyn Run, mark: &str, plan: &Plan, disks: &[Found]) -> Result<()> {
    let planned = |disk: &&Found| plan.disks.iter().any(|planned| planned.name == disk.facts.name);
    let contents = disks.iter().filter(planned).flat_map(|disk| &disk.contents);
    for system in contents.filter(|content| content.kind == "vfat") {
        ensure!(
            !carries(host, &system.device, mark)?,
            "this machine has been installed already, by this very payload: {} carries its mark\n\
             hint: unplug the medium or start from the disk; to install once more, choose that in the boot menu",
            system.device
        );
    }
    Ok(())
}

/// The mark on an EFI system partition, whichever payload's; an image leaves none.
///
/// # Errors
/// When a mount point cannot be made, or the partition stays mounted.
pub fn find(host: &mut dyn Run, device: &str) -> Result<Option<String>> {
    let is_mark = |name: &String| name.len() == DIGITS && name.bytes().all(|digit| digit.is_ascii_hexdigit());
    Ok(marks(host, device)?.into_iter().find(is_mark))
}

fn carries(host: &mut dyn Run, device: &str, mark: &str) -> Result<bool> {
    Ok(marks(host, device)?.iter().any(|found| found == mark))
}

/// What lies where marks are; a partition that cannot be mounted has none.
fn marks(host: &mut dyn Run, device: &str) -> Result<Vec<String>> {
    fs::create_dir_all(MOUNT)?;
    if !host.output(&Command::new(["mount", "-t", "vfat", "-o", "ro", device, MOUNT]))?.succeeded() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(Path::new(MOUNT).join(FOLDER)).into_iter().flatten().filter_map(Result::ok);
    let found = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    host.run(&Command::new(["umount", MOUNT]))?;
    Ok(found)
}
