//! What LVM and pacemaker are told of volume groups that several nodes use.

use serde::Serialize;

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
        let users = |node: &str| membership.groups.iter().any(|group| uses(group, node));
        let names = membership.members.iter().map(|member| &member.name);
        Self {
            lvmlockd: users(hostname),
            without_dlm: names.filter(|name| !users(name)).cloned().collect(),
            shared_groups: membership.groups.iter().map(|group| Group::new(group, membership)).collect(),
        }
    }
}

impl Group {
    fn new(group: &SharedGroup, membership: &Membership) -> Self {
        let names = membership.members.iter().map(|member| &member.name);
        let volumes = group.volumes.iter();
        Self {
            name: group.name.clone(),
            exports: group.devices.iter().map(|device| device.export.clone()).collect(),
            elsewhere: names.filter(|name| !uses(group, name)).cloned().collect(),
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

fn uses(group: &SharedGroup, node: &str) -> bool {
    group.nodes.iter().any(|name| name == node)
}

/// Physical volumes of shared groups as a node finds them: what is its own, and what it imports.
pub(super) fn devices(membership: &Membership, plan: &Plan, node: &str) -> (Vec<Device>, Vec<String>) {
    let groups = membership.groups.iter().filter(|group| uses(group, node));
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
