//! Whether the nodes of a shared volume group can mount what is on its volumes.

use super::super::Draft;
use super::lvm::users;
use crate::model::document::Entry;
use crate::model::gfs2::{Gfs2, Volume};
use crate::model::lvm;
use crate::model::names;
use crate::model::problem::{Problem, Problems};
use crate::model::storage::Carrier;

pub(super) fn check(draft: &Draft, sound: bool, problems: &mut Problems) {
    let Some(gfs2) = &draft.high_availability.gfs2 else { return };
    let volumes = &gfs2.value.volumes;
    let labels = volumes.iter().map(|volume| (&volume.value.label, volume.at("label")));
    names::once("label", "give each file system a label of its own", labels, problems);
    let devices = volumes.iter().map(|volume| (volume.value.on.to_string(), volume.at("on")));
    names::once("device", "a device carries one file system", devices, problems);
    for volume in volumes {
        on(volume, draft, problems);
        problems.extend(journals(volume, draft));
    }
    if sound {
        problems.extend(quorum(gfs2, draft));
    }
}

fn shared(draft: &Draft) -> impl Iterator<Item = &lvm::Volume> {
    let lvm = draft.high_availability.lvm.iter();
    lvm.flat_map(|lvm| &lvm.value.volumes).map(|volume| &volume.value)
}

fn carrier(volume: &lvm::Volume) -> String {
    Carrier::Volume { group: volume.group.to_string(), name: volume.name.to_string() }.to_string()
}

fn on(volume: &Entry<Volume>, draft: &Draft, problems: &mut Problems) {
    let known: Vec<String> = shared(draft).map(carrier).collect();
    let known = known.iter().map(String::as_str);
    names::known("shared volume", &volume.value.on.to_string(), volume.at("on"), known, problems);
}

fn journals(volume: &Entry<Volume>, draft: &Draft) -> Option<Problem> {
    let journals = volume.value.journals?;
    let on = volume.value.on.to_string();
    let carrying = shared(draft).find(|shared| carrier(shared) == on)?;
    let groups = draft.high_availability.lvm.iter().flat_map(|lvm| &lvm.value.groups);
    let group = groups.map(|group| &group.value).find(|group| group.name == carrying.group)?;
    let users = users(group, draft).len();
    ((journals.0 as usize) < users).then(|| {
        let message = format!("{journals} journals for {users} nodes: the last one could not mount it");
        Problem::at(volume.at("journals"), message, "leave the line out: there is a journal for each node")
    })
}

/// Without quorum dlm blocks, and so does everything that would stop.
fn quorum(gfs2: &Entry<Gfs2>, draft: &Draft) -> Option<Problem> {
    let manager =
        draft.high_availability.pacemaker.as_ref().map(|entry| entry.value.clone()).unwrap_or_default();
    let policy = manager.properties.iter().find(|(name, _)| *name == "no-quorum-policy")?.1;
    (policy != "freeze").then(|| {
        let message =
            format!("nodes without quorum shall `{policy}`, and GFS2 cannot be unmounted without it");
        let hint = "add `[pacemaker]` with `no-quorum-policy = \"freeze\"`: they wait then";
        let place = draft
            .high_availability
            .pacemaker
            .as_ref()
            .map_or_else(|| gfs2.at(""), |entry| entry.at("no-quorum-policy"));
        Problem::at(place, message, hint)
    })
}
