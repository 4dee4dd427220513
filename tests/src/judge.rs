//! Foreign tools as judges of what we write.
//!
//! Their exit codes lie: `sgdisk -v` returns 0 over a zeroed backup header, `mdadm --examine` over a wrong checksum,
//! `pvck --dump` over zeros. So a judge reads the text as well: what must be in it, and what must not.

use std::process::Output;

use installer::format::ToolCall;

/// Runs a tool wherever the tools are: on the host, or in the tools tree.
pub type Runner<'run> = &'run dyn Fn(&ToolCall) -> Output;

/// A tool that checks a file, and how to read what it says.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The command.
    pub call: ToolCall,
    /// Each of these must be said.
    pub wants: &'static [&'static str],
    /// None of these may be said.
    pub rejects: &'static [&'static str],
}

impl Judge {
    fn new<const N: usize>(
        argv: [&str; N],
        wants: &'static [&'static str],
        rejects: &'static [&'static str],
    ) -> Self {
        Self { call: ToolCall::new(argv).with_env("LC_ALL", "C"), wants, rejects }
    }

    /// Runs the tool and reads its verdict.
    ///
    /// # Errors
    /// What is wrong, with everything that the tool said.
    pub fn judge(&self, run: Runner<'_>) -> Result<(), String> {
        let output = run(&self.call);
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        self.verdict(&said, output.status.code())
    }

    /// Reads what the tool said (both its streams) and how it ended; no status is a signal.
    ///
    /// # Errors
    /// What is wrong, with everything that the tool said.
    pub fn verdict(&self, said: &str, status: Option<i32>) -> Result<(), String> {
        let fault = if status == Some(0) { self.fault(said) } else { Some(format!("status {status:?}")) };
        let story = |fault| format!("`{}`: {fault}\n{said}", self.call.argv.join(" "));
        fault.map_or(Ok(()), |fault| Err(story(fault)))
    }

    fn fault(&self, said: &str) -> Option<String> {
        let missing = self.wants.iter().find(|text| !said.contains(**text));
        let wrong = self.rejects.iter().find(|text| said.contains(**text));
        let missing = missing.map(|text| format!("does not say `{text}`"));
        missing.or_else(|| wrong.map(|text| format!("says `{text}`")))
    }
}

/// `sgdisk -v`: both tables of a disk with 512-byte sectors (it takes every file for such a disk).
#[must_use]
pub fn sgdisk(disk: &str) -> Judge {
    const REJECTS: &[&str] = &["Caution", "Warning", "ERROR", "Problem:", "problem:", "corrupt", "damaged"];
    Judge::new(["sgdisk", "-v", disk], &["No problems found."], REJECTS)
}

/// `sfdisk --verify`: both tables of a disk of either sector size.
#[must_use]
pub fn sfdisk(disk: &str, sector_size: u64) -> Judge {
    let sector = format!("--sector-size={sector_size}");
    const REJECTS: &[&str] = &["corrupt", "not aligned", "overlap", "mismatch", "failed"];
    Judge::new(
        ["sfdisk", &sector, "--verify", disk],
        &["No errors detected.", "Header version: 1.0"],
        REJECTS,
    )
}

/// `mdadm --examine`: the superblock of a member.
#[must_use]
pub fn mdadm_superblock(member: &str) -> Judge {
    const WANTS: &[&str] = &["Magic : a92b4efc", "Version : 1.2", "State : clean", " - correct"];
    Judge::new(["mdadm", "--examine", member], WANTS, &["expected", "mdadm:"])
}

/// `mdadm --examine-bitmap`: the write-intent bitmap of a member.
#[must_use]
pub fn mdadm_bitmap(member: &str) -> Judge {
    const WANTS: &[&str] = &["Magic : 6d746962", "Version : 4", "State : OK", ", 0 dirty (0.0%)"];
    Judge::new(["mdadm", "--examine-bitmap", member], WANTS, &["invalid", "mdadm:"])
}

/// `mdadm --examine-badblocks`: the bad block log of a member.
#[must_use]
pub fn mdadm_bad_blocks(member: &str) -> Judge {
    Judge::new(["mdadm", "--examine-badblocks", member], &["Bad-blocks list is empty"], &["mdadm:"])
}

/// `pvck --dump headers`: label, PV header and metadata area header.
#[must_use]
pub fn pvck_headers(device: &str) -> Judge {
    const WANTS: &[&str] = &["label_header.id LABELONE", "mda_header_1.magic"];
    lvm(Judge::new(["pvck", "--dump", "headers", device], WANTS, LVM_REJECTS))
}

/// `pvck --dump metadata`: the metadata text against its checksum.
#[must_use]
pub fn pvck_metadata(device: &str) -> Judge {
    lvm(Judge::new(
        ["pvck", "--dump", "metadata", device],
        &["metadata text at", "physical_volumes {"],
        LVM_REJECTS,
    ))
}

const LVM_REJECTS: &[&str] = &["CHECK:", "WARNING", "Found bad", "zero metadata", "Failed to read"];

/// LVM complains about file descriptors that it inherits; they are not the disk's fault.
fn lvm(judge: Judge) -> Judge {
    Judge { call: judge.call.with_env("LVM_SUPPRESS_FD_WARNINGS", 1), ..judge }
}

/// `e2fsck -fn`: an ext4 file system.
#[must_use]
pub fn e2fsck(file: &str) -> Judge {
    const REJECTS: &[&str] = &["WARNING", "Fix?", "? no", "corrupt", "invalid"];
    Judge::new(["e2fsck", "-fn", file], &["Pass 5: Checking group summary information"], REJECTS)
}

/// `fsck.vfat -n`: a FAT file system.
#[must_use]
pub fn fsck_vfat(file: &str) -> Judge {
    const REJECTS: &[&str] = &["differ", "Dirty bit", "wrong", "Reclaim", "invalid", "Leaving", "error"];
    Judge::new(["fsck.vfat", "-n", file], &[" files, ", " clusters"], REJECTS)
}

/// Asks for a disk's partition table; [`normalized_table`] reads it.
#[must_use]
pub fn sfdisk_json(disk: &str, sector_size: u64) -> ToolCall {
    let sector = format!("--sector-size={sector_size}");
    ToolCall::new(["sfdisk", &sector, "--json", disk]).with_env("LC_ALL", "C")
}

/// `sfdisk --json` without the path of the disk, so that it can be compared.
///
/// # Errors
/// Not JSON.
pub fn normalized_table(json: &str) -> Result<String, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_str(json)?;
    let disk = value["partitiontable"]["device"].as_str().unwrap_or_default();
    let text = serde_json::to_string_pretty(&value)? + "\n";
    Ok(if disk.is_empty() { text } else { text.replace(disk, "disk") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "judge/recorded.rs"]
mod tests;
