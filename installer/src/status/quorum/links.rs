//! Corosync's links to the members that are there. A cluster with a broken link works until the other one breaks, too.

use super::super::finding::{Area, Finding};
use super::super::node::{Node, asking};
use crate::host::Command;
use crate::model::membership::{Member, Membership};

/// Each link; nothing if nobody else is there.
pub(super) fn look(node: &mut Node<'_>, cluster: &Membership, present: &[u32]) -> Vec<Finding> {
    let is_peer = |member: &&Member| member.name != node.name && present.contains(&member.number);
    let peers: Vec<&Member> = cluster.members.iter().filter(is_peer).collect();
    let links = peers.first().map_or(0, |peer| peer.addresses.len());
    if links == 0 {
        return Vec::new();
    }
    match node.host.run(&command()) {
        Ok(stats) => (0..links).map(|link| judge(&stats, link, &peers)).collect(),
        Err(error) => {
            vec![Finding::ill(Area::Quorum, "links", error.to_string(), "systemctl status corosync")]
        }
    }
}

fn command() -> Command {
    asking(&["corosync-cmapctl", "-m", "stats", "stats.knet."])
}

/// Keys are such as `stats.knet.node2.link0.connected (u8) = 1` (cmap_keys(7)).
fn judge(stats: &str, link: usize, peers: &[&Member]) -> Finding {
    let is_connected = |peer: &&&Member| {
        let key = format!("stats.knet.node{}.link{link}.connected ", peer.number);
        stats.lines().any(|line| line.starts_with(&key) && line.ends_with("= 1"))
    };
    let (connected, broken): (Vec<&Member>, Vec<&Member>) = peers.iter().partition(|peer| is_connected(peer));
    let subject = format!("link {link}");
    if broken.is_empty() {
        return Finding::well(Area::Quorum, &subject, format!("connected to {}", names(&connected)));
    }
    let addresses = broken.iter().filter_map(|peer| peer.addresses.get(link)).map(ToString::to_string);
    let hint = format!("check cable and interface: ping {}", addresses.collect::<Vec<_>>().join(", ping "));
    Finding::ill(Area::Quorum, &subject, format!("not connected to {}", names(&broken)), hint)
}

fn names(members: &[&Member]) -> String {
    members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{command, judge};
    use crate::model::membership::Member;

    const STATS: &str = "\
stats.knet.node1.link0.connected (u8) = 1
stats.knet.node2.link0.connected (u8) = 1
stats.knet.node2.link0.enabled (u8) = 1
stats.knet.node2.link1.connected (u8) = 0
stats.knet.node2.link1.enabled (u8) = 1
";

    #[test]
    fn a_link_that_is_broken_is_named() {
        let addresses = vec!["10.0.1.2".parse().unwrap(), "10.0.2.12".parse().unwrap()];
        let peer = Member { number: 2, name: "master2".to_owned(), addresses };
        let finding = judge(STATS, 0, &[&peer]);
        assert_eq!((finding.healthy, finding.state.as_str()), (true, "connected to master2"));
        let finding = judge(STATS, 1, &[&peer]);
        assert_eq!((finding.healthy, finding.state.as_str()), (false, "not connected to master2"));
        assert_eq!(finding.hint.unwrap(), "check cable and interface: ping 10.0.2.12");
    }

    #[test]
    fn the_statistics_are_asked_for_by_prefix() {
        assert_eq!(command().to_string(), "timeout 30 corosync-cmapctl -m stats stats.knet.");
    }
}
