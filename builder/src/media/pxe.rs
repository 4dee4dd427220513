//! A folder for any web server: machines start it by iPXE.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::tools::Tools;

/// Where the folder's own script lies; it finds everything else beside itself.
const SCRIPT: &str = "boot.ipxe";
/// iPXE itself, for cards that have it not: for BIOS, and for UEFI.
const LOADERS: [&str; 2] = ["undionly.kpxe", "ipxe.efi"];

/// Adds what starts the kernel.
///
/// # Errors
/// When it cannot be written.
pub fn finish(tools: &Tools, folder: &Path) -> Result<()> {
    for loader in LOADERS {
        let from = tools.root().join("usr/lib/ipxe").join(loader);
        fs::copy(&from, folder.join(loader)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    let path = folder.join(SCRIPT);
    fs::write(&path, include_str!("boot.ipxe")).with_context(|| format!("cannot write {}", path.display()))
}
