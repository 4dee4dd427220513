//! Whether the parts of a cluster give each other enough time.
//!
//! A DRBD peer that is gone freezes every write, the disk heartbeat of OCFS2 with it, until the peer is noticed, fenced,
//! and, for a node that imports the device, exported by the other one. If OCFS2 loses patience before that, *the survivor
//! fences itself*, and nobody is left. It has two kinds of patience:
//!
//! * A node that cannot write for `(threshold - 1) * 2 s` fences itself (`fs/ocfs2/cluster/heartbeat.c`).
//! * The peer counts as dead once it has not written for `threshold * 2 s`, which are counted from the end of the freeze.
//!   `idle-timeout` and `(threshold + 2) * 2 s` after the peer's last word, if it does not count as dead by then, a survivor
//!   without the lowest number takes itself for the cut-off half (`tcp_internal.h`, `quorum.c`).

use super::super::Draft;
use crate::model::corosync::Corosync;
use crate::model::document::Entry;
use crate::model::drbd::Drbd;
use crate::model::export::{Exported, Protocol};
use crate::model::ocfs2::Ocfs2;
use crate::model::problem::{Problem, Problems};
use crate::model::shared::Shared;

/// Until the other node has promoted the device, taken the address and started the export: three steps of pacemaker, each
/// of which took less than three seconds on emulated machines.
const FAILOVER: u64 = 20_000;
/// Until a request without an answer is sent again: `RETRY` of `import/netlink.rs`.
const NBD_RETRY: u64 = 10_000;

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    let parts = &draft.high_availability;
    let (Some(corosync), Some(ocfs2)) = (&parts.corosync, &parts.ocfs2) else { return };
    for device in &draft.drbd {
        let Some(freeze) = Freeze::of(draft, &corosync.value, &device.value, ocfs2) else { continue };
        problems.extend(idle(&freeze, ocfs2));
        problems.extend(dead(&freeze, ocfs2));
    }
}

const LOWER: &str = "or lower the times of `[drbd.net]`, `[corosync]` or `[fencing]`";

fn idle(freeze: &Freeze<'_>, ocfs2: &Entry<Ocfs2>) -> Option<Problem> {
    let (frozen, idle) = (freeze.whole(), ocfs2.value.idle_timeout());
    (frozen >= idle).then(|| {
        let message = format!("OCFS2 gives up a silent node after {}, and {freeze}", Seconds(idle));
        let hint = format!("set `idle-timeout = {}` or more, {LOWER}", frozen + 1000);
        Problem::at(ocfs2.at("idle-timeout"), message, hint)
    })
}

fn dead(freeze: &Freeze<'_>, ocfs2: &Entry<Ocfs2>) -> Option<Problem> {
    let (frozen, dead) = (freeze.whole(), ocfs2.value.dead_time());
    (frozen >= dead).then(|| {
        let message = format!("OCFS2 fences a node whose disk is silent for {}, and {freeze}", Seconds(dead));
        let hint = format!("set `heartbeat-threshold = {}` or more, {LOWER}", frozen / 2000 + 2);
        Problem::at(ocfs2.at("heartbeat-threshold"), message, hint)
    })
}

/// How long a device may take no writes when a node dies, in milliseconds.
struct Freeze<'a> {
    device: &'a str,
    detection: u64,
    fencing: u64,
    /// 0 where the nodes of OCFS2 have copies of their own.
    failover: u64,
}

impl<'a> Freeze<'a> {
    /// None for a device without OCFS2 on it, or where nobody is fenced.
    fn of(draft: &Draft, corosync: &Corosync, device: &'a Drbd, ocfs2: &Entry<Ocfs2>) -> Option<Self> {
        Some(Self {
            device: device.name.as_str(),
            detection: device.detection().max(corosync.detection()),
            fencing: draft.high_availability.fencing.as_ref()?.value.duration(),
            failover: failover(draft, ocfs2, device.name.as_str())?,
        })
    }

    const fn whole(&self) -> u64 {
        self.detection + self.fencing + self.failover
    }
}

impl std::fmt::Display for Freeze<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { device, detection, fencing, failover } = self;
        let whole = Seconds(self.whole());
        let (detection, fencing) = (Seconds(*detection), Seconds(*fencing));
        write!(f, "`{device}` can be frozen for {whole}: noticing takes {detection}, fencing {fencing}")?;
        match failover {
            0 => Ok(()),
            failover => write!(f, ", its export by the other node {}", Seconds(*failover)),
        }
    }
}

/// How long it takes in addition until a node of OCFS2 reaches a DRBD device again: not at all where it has a copy.
fn failover(draft: &Draft, ocfs2: &Entry<Ocfs2>, device: &str) -> Option<u64> {
    ocfs2.value.volumes.iter().find_map(|volume| match &volume.value.on {
        Shared::Drbd(name) => (name == device).then_some(0),
        Shared::Export(name) => {
            let export = draft.exports.iter().find(|export| export.value.name.as_str() == name)?;
            let retry = match export.value.protocol {
                Protocol::Aoe { .. } => 0,
                Protocol::Nbd { .. } => NBD_RETRY,
            };
            (export.value.on == Exported::Drbd(device.to_owned())).then_some(FAILOVER + retry)
        }
    })
}

/// Milliseconds, as people read them.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0 / 1000, self.0 % 1000 / 100) {
            (whole, 0) => write!(f, "{whole} s"),
            (whole, tenth) => write!(f, "{whole}.{tenth} s"),
        }
    }
}
