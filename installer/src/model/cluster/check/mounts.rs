//! Whether file systems of several nodes are mounted where nothing else is.

use super::super::Draft;
use crate::model::names;
use crate::model::problem::{Place, Problem, Problems};
use crate::model::resolve::Profiles;
use crate::model::storage::FilesystemRule;
use crate::model::words::MountPoint;

const ELSEWHERE: &str = "mount each file system at a place of its own";

pub(super) fn check(draft: &Draft, profiles: &Profiles, problems: &mut Problems) {
    names::once("mount point", ELSEWHERE, shared(draft), problems);
    problems.extend(shared(draft).filter_map(|(mount, place)| of_a_node(mount, place, draft, profiles)));
}

fn shared(draft: &Draft) -> impl Iterator<Item = (&MountPoint, Place)> {
    let ocfs2 = draft.high_availability.ocfs2.iter().flat_map(|ocfs2| &ocfs2.value.volumes);
    let gfs2 = draft.high_availability.gfs2.iter().flat_map(|gfs2| &gfs2.value.volumes);
    let ocfs2 = ocfs2.map(|volume| (&volume.value.mount, volume.at("mount")));
    ocfs2.chain(gfs2.map(|volume| (&volume.value.mount, volume.at("mount"))))
}

/// What a node has mounted there from boot on would be out of sight.
fn of_a_node(mount: &MountPoint, place: Place, draft: &Draft, profiles: &Profiles) -> Option<Problem> {
    let node = draft.nodes.iter().map(|node| &node.value).find(|node| {
        let profile = profiles.resolve(node.profile.as_str());
        let there = |rule: &FilesystemRule| rule.mount.as_deref() == Some(mount.as_str());
        profile.is_ok_and(|profile| profile.layout.filesystems.iter().any(there))
    })?;
    let message = format!("node `{}` mounts a file system of its own at `{mount}`", node.name);
    Some(Problem::at(place, message, ELSEWHERE))
}
