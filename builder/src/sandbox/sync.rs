//! fsync and its kind turned into nothing: a build that dies is thrown away, so durability costs time for nothing.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

const SYNCS: [libc::c_long; 6] = [
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_sync_file_range,
    libc::SYS_msync,
];

/// From here on this process and its children get an instant success from every sync call.
///
/// # Errors
/// When the kernel has no seccomp filters.
pub fn suppress() -> Result<()> {
    let rules = SYNCS.into_iter().map(|call| (call, Vec::new())).collect::<BTreeMap<_, _>>();
    // An errno of 0 is a success that did nothing (seccomp(2), SECCOMP_RET_ERRNO).
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(0), TargetArch::x86_64)
        .context("cannot make the sync filter")?;
    let program: BpfProgram = filter.try_into().context("cannot compile the sync filter")?;
    seccompiler::apply_filter(&program).context("cannot install the sync filter")
}
