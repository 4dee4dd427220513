//! Whether volume groups that several nodes use lie on what all of them reach.

use super::super::{Draft, Node};
use super::export::exporters;
use crate::model::document::Entry;
use crate::model::export::{Export, Exported};
use crate::model::lvm::{Group, Lvm, Volume};
use crate::model::names;
use crate::model::problem::{Problem, Problems};
use crate::model::resolve::Profiles;
use crate::model::shared::Shared;
use crate::model::storage::Carrier;
use crate::model::value::Placed;
use crate::model::words::Name;

pub(super) fn check(draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    let Some(Entry { value: lvm, .. }) = &draft.high_availability.lvm else { return };
    let groups = lvm.groups.iter().map(|group| (&group.value.name, group.at("name")));
    names::once("volume group", "give each volume group a name of its own", groups, problems);
    let named = |volume: &Volume| format!("{}/{}", volume.group, volume.name);
    let volumes = lvm.volumes.iter().map(|volume| (named(&volume.value), volume.at("name")));
    names::once("volume", "give each volume of a group a name of its own", volumes, problems);
    let exports = lvm.groups.iter().flat_map(|group| &group.value.exports);
    let exports = exports.map(|export| (&export.value, export.place.clone()));
    names::once("export", "a device is the physical volume of one group", exports, problems);
    for group in &lvm.groups {
        for export in &group.value.exports {
            physical_volume(export, draft, problems);
        }
        problems.extend(nodes(group, draft));
        problems.extend(local_namesake(group, draft, profiles));
    }
    for volume in &lvm.volumes {
        place(volume, lvm, problems);
    }
    if let (Some(entry), None) = (&draft.high_availability.lvm, &draft.high_availability.fencing) {
        let hint = "add `[fencing]`: dlm waits until a node that is gone has been fenced";
        problems.push(Problem::at(entry.at(""), "shared volume groups, and nothing that fences", hint));
    }
}

fn export<'a>(name: &Name, draft: &'a Draft) -> Option<&'a Export> {
    draft.exports.iter().map(|export| &export.value).find(|export| export.name == *name)
}

fn physical_volume(named: &Placed<Name>, draft: &Draft, problems: &mut Problems) {
    let Some(export) = export(&named.value, draft) else {
        let known = draft.exports.iter().map(|export| export.value.name.as_str());
        return names::known("export", named.value.as_str(), named.place.clone(), known, problems);
    };
    match &export.on {
        Exported::Local(carrier @ (Carrier::Partition(_) | Carrier::Volume { .. })) => {
            let message =
                format!("`{carrier}` is no array, and its node has to find it by a name of its own");
            problems.push(Problem::at(
                named.place.clone(),
                message,
                "export an array: `on = \"array:NAME\"`",
            ));
        }
        Exported::Local(Carrier::Array(_)) | Exported::Drbd(_) => {}
    }
    let mounted = Shared::Export(export.name.to_string());
    let volumes = draft.high_availability.ocfs2.iter().flat_map(|ocfs2| &ocfs2.value.volumes);
    if let Some(volume) = volumes.map(|volume| &volume.value).find(|volume| volume.on == mounted) {
        let message = format!("`{}` carries the file system `{}`", export.name, volume.label);
        problems.push(Problem::at(named.place.clone(), message, "take an export that carries nothing"));
    }
}

/// Nodes that reach every physical volume.
pub(super) fn users<'a>(group: &Group, draft: &'a Draft) -> Vec<&'a Node> {
    let exports: Vec<_> = group.exports.iter().filter_map(|name| export(&name.value, draft)).collect();
    let nodes = draft.nodes.iter().map(|node| &node.value);
    nodes.filter(|node| exports.iter().all(|export| reaches(node, export, draft))).collect()
}

fn reaches(node: &Node, export: &Export, draft: &Draft) -> bool {
    let has = exporters(export, draft).iter().any(|exporter| exporter.name == node.name);
    match export.on {
        Exported::Local(_) => has || node.is_in(&export.network),
        Exported::Drbd(_) => !has && node.is_in(&export.network),
    }
}

fn nodes(group: &Entry<Group>, draft: &Draft) -> Option<Problem> {
    let known = group.value.exports.iter().all(|name| export(&name.value, draft).is_some());
    let users = users(&group.value, draft).len();
    (known && users < 2).then(|| {
        let message = format!("{users} of the nodes reach all of `{}`", group.value.name);
        let hint =
            "two or more must: those that have a device, and those in the network in which it is exported";
        Problem::at(group.at("exports"), message, hint)
    })
}

/// LVM knows groups by their names.
fn local_namesake(group: &Entry<Group>, draft: &Draft, profiles: &Profiles) -> Option<Problem> {
    let name = group.value.name.as_str();
    users(&group.value, draft).into_iter().find_map(|node| {
        let profile = profiles.resolve(node.profile.as_str()).ok()?;
        profile.layout.volume_groups.iter().any(|rule| rule.name == name).then(|| {
            let message = format!("node `{}` has a volume group `{name}` of its own", node.name);
            Problem::at(group.at("name"), message, "give the shared group another name")
        })
    })
}

fn place(volume: &Entry<Volume>, lvm: &Lvm, problems: &mut Problems) {
    let groups = || lvm.groups.iter().map(|group| &group.value);
    let Some(group) = groups().find(|group| group.name == volume.value.group) else {
        let known = groups().map(|group| group.name.as_str());
        return names::known(
            "volume group",
            volume.value.group.as_str(),
            volume.at("group"),
            known,
            problems,
        );
    };
    // Of a group without any it has been said.
    if let Some(export) = volume.value.export.as_ref().filter(|_| !group.exports.is_empty()) {
        let known = group.exports.iter().map(|export| export.value.as_str());
        names::known("physical volume", export.as_str(), volume.at("export"), known, problems);
    }
}
