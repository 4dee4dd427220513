//! A folder for any web server: machines start it by iPXE.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Where the folder's own script lies; it finds everything else beside itself.
const SCRIPT: &str = "boot.ipxe";

/// Adds what starts the kernel.
///
/// # Errors
/// When it cannot be written.
pub fn finish(folder: &Path) -> Result<()> {
    let path = folder.join(SCRIPT);
    fs::write(&path, include_str!("boot.ipxe")).with_context(|| format!("cannot write {}", path.display()))
}
