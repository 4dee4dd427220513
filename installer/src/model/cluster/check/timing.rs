//! Whether the parts of a cluster give each other enough time.
//!
//! A DRBD peer that is gone freezes every write, the disk heartbeat of OCFS2 with it, until the peer is noticed, fenced,
//! and, for a node that imports the device, exported by the other one. If OCFS2 loses patience before that, *the survivor
//! fences itself*, and nobody is left (`ocfs2_hb`: `(threshold - 1) * 2 s`).

use super::super::Draft;
use crate::model::corosync::Corosync;
use crate::model::document::Entry;
use crate::model::drbd::Drbd;
use crate::model::export::Exported;
use crate::model::ocfs2::Ocfs2;
use crate::model::problem::{Problem, Problems};
use crate::model::shared::Shared;

/// Until the other node has promoted the device, taken the address and started the export: three steps of pacemaker, each
/// of which took less than three seconds on emulated machines.
const FAILOVER: u64 = 20_000;

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    let parts = &draft.high_availability;
    let (Some(corosync), Some(ocfs2)) = (&parts.corosync, &parts.ocfs2) else { return };
    for device in &draft.drbd {
        problems.extend(idle(&device.value, ocfs2));
        problems.extend(dead(draft, &corosync.value, device, ocfs2));
    }
}

/// OCFS2 must not give up a connection that DRBD still waits for.
fn idle(device: &Drbd, ocfs2: &Entry<Ocfs2>) -> Option<Problem> {
    let (detection, idle) = (device.detection(), ocfs2.value.idle_timeout());
    (detection >= idle).then(|| {
        let message = format!(
            "OCFS2 gives up a silent node after {}, and DRBD notices on `{}` only after {} that its peer is gone",
            Seconds(idle),
            device.name,
            Seconds(detection)
        );
        let hint = format!("set `idle-timeout = {}` or more, or lower `timeout`, `ko-count` or `ping-int` of `[drbd.net]`", detection + 1000);
        Problem::at(ocfs2.at("idle-timeout"), message, hint)
    })
}

/// The survivor must have its disk back before OCFS2 fences it.
fn dead(draft: &Draft, corosync: &Corosync, device: &Entry<Drbd>, ocfs2: &Entry<Ocfs2>) -> Option<Problem> {
    let path = path(draft, ocfs2, device.value.name.as_str())?;
    let fencing = draft.high_availability.fencing.as_ref()?.value.duration();
    let detection = device.value.detection().max(corosync.detection());
    let failover = if path == Path::Imported { FAILOVER } else { 0 };
    let (frozen, dead) = (detection + fencing + failover, ocfs2.value.dead_time());
    (frozen >= dead).then(|| {
        let exported = if failover > 0 { format!(", its export by the other node {}", Seconds(failover)) } else { String::new() };
        let message = format!(
            "OCFS2 fences a node whose disk is silent for {}, and `{}` can be frozen for {}: noticing takes {}, fencing {}{exported}",
            Seconds(dead),
            device.value.name,
            Seconds(frozen),
            Seconds(detection),
            Seconds(fencing),
        );
        let hint = format!("set `heartbeat-threshold = {}` or more, or lower the times of `[drbd.net]`, `[corosync]` or `[fencing]`", frozen / 2000 + 2);
        Problem::at(ocfs2.at("heartbeat-threshold"), message, hint)
    })
}

/// How a node of OCFS2 reaches a DRBD device.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    /// It has a copy.
    Own,
    /// Over the network.
    Imported,
}

fn path(draft: &Draft, ocfs2: &Entry<Ocfs2>, device: &str) -> Option<Path> {
    ocfs2.value.volumes.iter().find_map(|volume| match &volume.value.on {
        Shared::Drbd(name) => (name == device).then_some(Path::Own),
        Shared::Export(name) => {
            let export = draft.exports.iter().find(|export| export.value.name.as_str() == name)?;
            (export.value.on == Exported::Drbd(device.to_owned())).then_some(Path::Imported)
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
