//! Whether the first boot of a cluster's node is over: what has to be made once is made.

use super::finding::{Area, Finding};
use super::node::Node;
use crate::model::membership::Membership;

/// The first boot leaves it when all is done.
const DONE: &str = "/var/lib/xbuild/first-boot.done";

/// None for a node that has nothing to make.
pub(super) fn look(node: &Node<'_>, cluster: &Membership) -> Option<Finding> {
    if cluster.promoted.is_empty() && cluster.ocfs2.is_none() && cluster.fencing.is_empty() {
        return None;
    }
    let hint = "see what it waits for: journalctl -u xbuild-firstboot";
    Some(if node.path(DONE).exists() {
        Finding::well(Area::FirstBoot, &node.name, "finished")
    } else {
        Finding::ill(Area::FirstBoot, &node.name, "not finished", hint)
    })
}
