//! Whether the nodes can mount what they share.

use super::super::{Draft, Node};
use crate::model::document::Entry;
use crate::model::drbd::{Drbd, Primaries};
use crate::model::export::{Export, Exported};
use crate::model::names;
use crate::model::ocfs2::{Ocfs2, Volume};
use crate::model::problem::{Problem, Problems};
use crate::model::shared::Shared;

/// The kernel's limit for the name of a cluster (`OCFS2_CLUSTER_NAME_LEN`).
const NAME: usize = 16;

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    let Some(ocfs2) = &draft.high_availability.ocfs2 else { return };
    problems.extend(name(ocfs2));
    for node in draft.nodes.iter().filter(|node| node.value.address_in(&ocfs2.value.network).is_none()) {
        let (node, network) = (&node.value.name, &ocfs2.value.network);
        let message = format!("node `{node}` has no fixed address in network `{network}`");
        let hint = format!("give it a `[[node.interface]]` with `network = \"{network}\"` and an `address`");
        problems.push(Problem::at(ocfs2.at("network"), message, hint));
    }
    let volumes = &ocfs2.value.volumes;
    let labels = volumes.iter().map(|volume| (&volume.value.label, volume.at("label")));
    names::once("label", "give each file system a label of its own", labels, problems);
    let devices = volumes.iter().map(|volume| (&volume.value.on, volume.at("on")));
    names::once("device", "a device carries one file system", devices, problems);
    for volume in volumes {
        on(volume, draft, problems);
        problems.extend(slots(volume, &draft.nodes));
    }
}

fn name(ocfs2: &Entry<Ocfs2>) -> Option<Problem> {
    let name = ocfs2.value.name.as_str();
    let fits = name.len() <= NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!fits).then(|| {
        let message = format!("`{name}` is not the name of an OCFS2 cluster");
        Problem::at(ocfs2.at("name"), message, format!("use at most {NAME} of a-z and 0-9"))
    })
}

fn on(volume: &Entry<Volume>, draft: &Draft, problems: &mut Problems) {
    let place = volume.at("on");
    match &volume.value.on {
        Shared::Export(name) => {
            match draft.exports.iter().find(|export| export.value.name.as_str() == name) {
                Some(export) => problems.extend(replicated(volume, &export.value)),
                None => {
                    let known = draft.exports.iter().map(|export| export.value.name.as_str());
                    names::known("export", name, place, known, problems);
                }
            }
        }
        Shared::Drbd(name) => match draft.drbd.iter().find(|device| device.value.name.as_str() == name) {
            Some(device) => problems.extend(primaries(volume, &device.value)),
            None => {
                let known = draft.drbd.iter().map(|device| device.value.name.as_str());
                names::known("DRBD resource", name, place, known, problems);
            }
        },
    }
}

/// Who exports a device of its own does not import it.
fn replicated(volume: &Entry<Volume>, export: &Export) -> Option<Problem> {
    let Exported::Local(carrier) = &export.on else { return None };
    let message = format!("`{carrier}` is a device of one node, which would not mount it");
    Some(Problem::at(volume.at("on"), message, "export a device that DRBD replicates: `on = \"drbd:NAME\"`"))
}

/// A secondary cannot even read its device.
fn primaries(volume: &Entry<Volume>, device: &Drbd) -> Option<Problem> {
    (device.primaries == Primaries::One).then(|| {
        let message = format!("`{}` has one primary, and both nodes mount what is on it", device.name);
        let hint = format!("add `primaries = \"both\"` to `[[drbd]]` `{}`", device.name);
        Problem::at(volume.at("on"), message, hint)
    })
}

fn slots(volume: &Entry<Volume>, nodes: &[Entry<Node>]) -> Option<Problem> {
    let slots = volume.value.slots.filter(|slots| (slots.0 as usize) < nodes.len())?;
    let message = format!("{slots} slots for {} nodes: the last one could not mount it", nodes.len());
    Some(Problem::at(volume.at("slots"), message, "leave the line out: there is a slot for each node"))
}
