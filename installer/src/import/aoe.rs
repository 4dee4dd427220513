//! Devices of ATA over Ethernet: the kernel's own initiator finds them, and stays with them whatever node answers.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};

use super::{PAUSE, Roots};

/// Returns once the device is up; nothing has to run from then on.
pub(super) fn wait(shelf: u32, slot: u32, roots: &Roots) -> Result<()> {
    let discover = roots.dev.join("etherd/discover");
    while !is_up(shelf, slot, &roots.sys)? {
        fs::write(&discover, "\n").with_context(|| format!("cannot write {}", discover.display()))?;
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// `aoedisk_show_state` in `drivers/block/aoe/aoeblk.c`: `up` or `down`, and more words behind a comma.
fn is_up(shelf: u32, slot: u32, sys: &Path) -> Result<bool> {
    let path = sys.join(format!("block/etherd!e{shelf}.{slot}/state"));
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        text => Ok(text.with_context(|| format!("cannot read {}", path.display()))?.starts_with("up")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::is_up;

    #[test]
    fn a_device_is_up_when_the_kernel_says_so() {
        let sys = tempfile::tempdir().unwrap();
        assert!(!is_up(1, 0, sys.path()).unwrap());
        let device = sys.path().join("block/etherd!e1.0");
        fs::create_dir_all(&device).unwrap();
        for (state, up) in
            [("up\n", true), ("up,kickme\n", true), ("down\n", false), ("down,closewait\n", false)]
        {
            fs::write(device.join("state"), state).unwrap();
            assert_eq!(is_up(1, 0, sys.path()).unwrap(), up, "{state}");
        }
    }
}
