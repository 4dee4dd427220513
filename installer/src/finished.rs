//! The mark of a finished node, on the EFI system partition of each disk that it boots from.
//!
//! It is the last thing that an install writes, and the first that the next one removes. A medium that is left plugged in
//! finds its own mark and does not install again; its boot menu finds it too, and starts the node.

use std::fs;

use anyhow::{Result, ensure};

use crate::facts::Found;
use crate::host::{Command, Run};
use crate::payload::{Manifest, Sha256Sum};
use crate::plan::Plan;

/// Where the mark is on the partition.
pub const PATH: &str = "EFI/xbuild/installed";
const MOUNT: &str = "/run/xinstall/esp";

/// What was installed, and from what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    node: String,
    payload: String,
}

impl Mark {
    /// Of a node that this payload is about to make.
    ///
    /// # Errors
    /// When the manifest cannot be written down.
    pub fn new(node: &str, manifest: &Manifest) -> Result<Self> {
        let text = manifest.to_text().map_err(|because| anyhow::anyhow!("BUG: {because}"))?;
        Ok(Self { node: node.to_owned(), payload: Sha256Sum::of(&text).to_string() })
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        format!("node {}\npayload {}\n", self.node, self.payload)
    }

    /// Refuses to install over what this very payload has finished.
    ///
    /// # Errors
    /// One of the plan's disks carries this mark.
    pub fn refuse_finished(&self, host: &mut dyn Run, plan: &Plan, disks: &[Found]) -> Result<()> {
        let planned = |disk: &&Found| plan.disks.iter().any(|planned| planned.name == disk.facts.name);
        for disk in disks.iter().filter(planned) {
            let systems = disk.contents.iter().filter(|content| content.kind == "vfat");
            for system in systems {
                ensure!(
                    read(host, &system.device)?.as_deref() != Some(self.text().as_str()),
                    "{} is installed already, by this very payload: {} carries its mark\n\
                     hint: unplug the medium or start from the disk; to install once more, choose that in the boot menu",
                    self.node,
                    system.device
                );
            }
        }
        Ok(())
    }
}

/// What a partition carries; none where it has no mark, or cannot be mounted.
fn read(host: &mut dyn Run, device: &str) -> Result<Option<String>> {
    fs::create_dir_all(MOUNT)?;
    if !host.output(&Command::new(["mount", "-t", "vfat", "-o", "ro", device, MOUNT]))?.succeeded() {
        return Ok(None);
    }
    let text = fs::read_to_string(format!("{MOUNT}/{PATH}")).ok();
    host.run(&Command::new(["umount", MOUNT]))?;
    Ok(text)
}
