//! Volume groups that several nodes use, put together for those nodes.

use super::Cluster;
use crate::model::gfs2;
use crate::model::lvm;
use crate::model::membership::{Export, Exported, Gfs2, SharedDevice, SharedGroup, SharedVolume};
use crate::model::storage::Carrier;

impl Cluster {
    pub(super) fn groups(&self) -> Vec<SharedGroup> {
        let Some(lvm) = &self.high_availability.lvm else { return Vec::new() };
        lvm.value.groups.iter().map(|group| self.group(&group.value, &lvm.value)).collect()
    }

    fn group(&self, group: &lvm::Group, lvm: &lvm::Lvm) -> SharedGroup {
        let all = self.exports();
        let named = |name: &str| all.iter().find(|export| export.name == name);
        let exports: Vec<&Export> =
            group.exports.iter().filter_map(|name| named(name.value.as_str())).collect();
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|node| node.number);
        let names = nodes.iter().map(|node| node.name.as_str());
        let volumes =
            lvm.volumes.iter().map(|volume| &volume.value).filter(|volume| volume.group == group.name);
        let nodes: Vec<String> = names
            .filter(|name| exports.iter().all(|export| export.reaches(name)))
            .map(str::to_owned)
            .collect();
        SharedGroup {
            name: group.name.to_string(),
            devices: exports.iter().map(|export| device(export)).collect(),
            volumes: volumes.map(|volume| self.volume(volume, nodes.len())).collect(),
            nodes,
        }
    }

    fn volume(&self, volume: &lvm::Volume, nodes: usize) -> SharedVolume {
        let on = Carrier::Volume { group: volume.group.to_string(), name: volume.name.to_string() };
        let gfs2 = self.high_availability.gfs2.iter().flat_map(|gfs2| &gfs2.value.volumes);
        let gfs2 = gfs2.map(|entry| &entry.value).find(|gfs2| gfs2.on == on);
        SharedVolume {
            name: volume.name.to_string(),
            size: volume.size,
            export: volume.export.as_ref().map(ToString::to_string),
            gfs2: gfs2.map(|gfs2| file_system(gfs2, nodes)),
        }
    }
}

/// [`super::check`] has seen to it that what a node has itself is an array.
fn device(export: &Export) -> SharedDevice {
    let local = match &export.on {
        Exported::Local { node, carrier: Carrier::Array(array) } => {
            Some((node.clone(), format!("/dev/md/{array}")))
        }
        Exported::Local { .. } | Exported::Replicated(_) => None,
    };
    SharedDevice { export: export.name.clone(), imported: export.protocol.device(), local }
}

fn file_system(gfs2: &gfs2::Volume, nodes: usize) -> Gfs2 {
    Gfs2 {
        label: gfs2.label.to_string(),
        mount: gfs2.mount.to_string(),
        journals: gfs2.journals.map_or(nodes as u32, |journals| journals.0),
    }
}
