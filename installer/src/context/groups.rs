//! What LVM and pacemaker are told of volume groups that several nodes use.

use serde::Serialize;

use super::exports::all_but;
use crate::model::membership::{self, Exported, Membership, SharedGroup};
use crate::plan::{Device, Plan};

/// The shared groups of a cluster, and the part that one node has in them.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Groups {
    /// This node uses one.
    lvmlockd: bool,
    /// Nodes that use none, and have no need of dlm.
    without_dlm: Vec<String>,
    shared_groups: Vec<Group>,
}

#[derive(Clone, Debug, Serialize)]
struct Group {
    name: String,
    /// Exports that are its physical volumes.
    exports: Vec<String>,
    /// Nodes that do not use it.
    elsewhere: Vec<String>,
    /// File systems on its volumes.
    gfs2: Vec<FileSystem>,
}

#[derive(Clone, Debug, Serialize)]
struct FileSystem {
    /// The volume.
    name: String,
    device: String,
    mount: String,
}

impl Groups {
    pub(super) fn new(membership: &Membership, hostname: &str) -> Self {
        let users: Vec<String> = membership.groups.iter().flat_map(|group| group.nodes.clone()).collect();
        Self {
            lvmlockd: users.iter().any(|name| name == hostname),
            without_dlm: all_but(&users, membership),
            shared_groups: membership.groups.iter().map(|group| Group::new(group, membership)).collect(),
        }
    }
}

impl Group {
    fn new(group: &SharedGroup, membership: &Membership) -> Self {
        let volumes = group.volumes.iter();
        Self {
            name: group.name.clone(),
            exports: group.devices.iter().map(|device| device.export.clone()).collect(),
            elsewhere: all_but(&group.nodes, membership),
            gfs2: volumes.filter_map(|volume| FileSystem::new(group, volume)).collect(),
        }
    }
}

impl FileSystem {
    fn new(group: &SharedGroup, volume: &membership::SharedVolume) -> Option<Self> {
        let gfs2 = volume.gfs2.as_ref()?;
        Some(Self {
            device: format!("/dev/{}/{}", group.name, volume.name),
            name: volume.name.clone(),
            mount: gfs2.mount.clone(),
        })
    }
}

/// Physical volumes of shared groups as a node finds them: what is its own, and what it imports.
pub(super) fn devices(membership: &Membership, plan: &Plan, node: &str) -> (Vec<Device>, Vec<String>) {
    let groups = membership.groups.iter().filter(|group| group.nodes.iter().any(|name| name == node));
    let exports =
        groups.flat_map(|group| &group.devices).filter_map(|device| membership.export(&device.export));
    let (mut own, mut imported) = (Vec::new(), Vec::new());
    for export in exports {
        match &export.on {
            Exported::Local { node: owner, carrier } if owner == node => own.extend(plan.device(carrier)),
            Exported::Local { .. } | Exported::Replicated(_) => imported.push(export.protocol.device()),
        }
    }
    (own, imported)
}
