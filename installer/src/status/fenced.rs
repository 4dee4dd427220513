//! Which nodes have really been switched off once. Pacemaker forgets it when all nodes were down; the files here stay.
//!
//! `xbuild-fence-event` writes one after each fencing, on the nodes that were there. A node that was not hears of it from
//! pacemaker's history, which the others tell it when it comes back, and `status` keeps what it sees.

use std::collections::BTreeMap;
use std::io;

use super::monitor::FenceEvent;
use super::node::Node;

/// A file for each node; the overlay makes it, and names it as the alert's recipient.
pub(super) const FOLDER: &str = "/var/lib/xbuild/fenced";
/// Somebody has said that a node is off (daemons/fenced/fenced_remote.c): no device has shown anything.
const BY_HAND: &str = "a human";

/// When it was, by the name of the node.
pub(super) type Fenced = BTreeMap<String, String>;

/// What is on file.
pub(super) fn read(node: &Node<'_>) -> Fenced {
    let text = |name: &String| node.text(&format!("{FOLDER}/{name}")).unwrap_or_default();
    node.names(FOLDER).into_iter().map(|name| (name.clone(), text(&name))).collect()
}

/// What the history has of these nodes, and nobody has on file.
pub(super) fn seen(history: &[FenceEvent], nodes: &[&str], known: &Fenced) -> Fenced {
    let is_proof = |event: &&FenceEvent| {
        let off = ["off", "reboot"].contains(&event.action.as_str());
        event.succeeded && off && event.delegate != BY_HAND && !event.delegate.is_empty()
    };
    let is_new =
        |event: &&FenceEvent| nodes.contains(&event.target.as_str()) && !known.contains_key(&event.target);
    let proofs = history.iter().filter(is_proof).filter(is_new);
    proofs.map(|event| (event.target.clone(), format!("{} {}", event.completed, event.action))).collect()
}

/// Keeps it.
pub(super) fn remember(node: &Node<'_>, seen: &Fenced) -> io::Result<()> {
    seen.iter().try_for_each(|(name, when)| node.create(&format!("{FOLDER}/{name}"), &format!("{when}\n")))
}
