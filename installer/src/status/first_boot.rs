//! Whether the first boot of a cluster's node is over: what has to be made once is made.

use super::finding::{Area, Finding};
use super::node::Node;
use crate::firstboot;
use crate::model::membership::Membership;

/// None for a node that has nothing to make.
pub(super) fn look(node: &Node<'_>, cluster: &Membership) -> Option<Finding> {
    if cluster.promoted.is_empty() && cluster.ocfs2.is_none() && cluster.fencing.is_empty() {
        return None;
    }
    let hint = "see what it waits for: journalctl -u xbuild-firstboot; if it has stopped, and the cause is gone: systemctl start xbuild-firstboot";
    Some(if node.path(firstboot::DONE).exists() {
        Finding::well(Area::FirstBoot, &node.name, "finished")
    } else {
        Finding::ill(Area::FirstBoot, &node.name, "not finished", hint)
    })
}
