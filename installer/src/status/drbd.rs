//! DRBD: the resources that pacemaker promotes.

mod minor;

pub(super) use self::minor::{Minor, Minors};

use super::finding::{Area, Finding};
use super::node::Node;
use super::split_brain::{self, SplitBrain};
use crate::model::membership::{Membership, Promoted};

const PROC: &str = "/proc/drbd";

/// What the kernel has; nothing if it has no DRBD.
pub(super) fn minors(node: &Node<'_>) -> Minors {
    node.text(PROC).map(|text| minor::parse(&text)).unwrap_or_default()
}

/// Every resource of which this node has a copy.
pub(super) fn look(node: &mut Node<'_>, cluster: &Membership, minors: &Minors) -> Vec<Finding> {
    let ours: Vec<&Promoted> =
        cluster.promoted.iter().filter(|device| device.nodes.contains(&node.name)).collect();
    let is_alone = |device: &&Promoted| minors.get(&device.minor).is_some_and(Minor::is_alone);
    let log = if ours.iter().any(is_alone) { split_brain::log(node) } else { String::new() };
    let judged = |device: &&Promoted| Case::new(node, device, minors, &log).judge();
    ours.iter().map(judged).collect()
}

/// One resource, as this node sees it.
struct Case<'a> {
    name: &'a str,
    primaries: usize,
    node: &'a str,
    peer: &'a str,
    minor: Option<&'a Minor>,
    split: bool,
}

impl<'a> Case<'a> {
    fn new(node: &'a Node<'_>, device: &'a Promoted, minors: &'a Minors, log: &str) -> Self {
        let peer = device.nodes.iter().find(|name| **name != node.name);
        let minor = minors.get(&device.minor);
        Self {
            name: &device.name,
            primaries: device.primaries as usize,
            node: &node.name,
            peer: peer.map_or("its peer", String::as_str),
            minor,
            split: minor.is_some_and(Minor::is_alone) && split_brain::is_split(log, device.minor),
        }
    }

    fn judge(&self) -> Finding {
        let name = self.name;
        let Some(minor) = self.minor else {
            let hint = format!("pacemaker brings it up; without pacemaker: drbdadm up {name}");
            return Finding::ill(Area::Drbd, name, "not configured", hint);
        };
        if self.split {
            let state = format!("split brain: {}", minor.words());
            let split = SplitBrain { resource: name, node: self.node, peer: self.peer };
            return Finding::ill(Area::Drbd, name, state, split.way_out());
        }
        let hint = self.disk(minor).or_else(|| self.connection(minor)).or_else(|| self.copies(minor));
        Finding::judged(Area::Drbd, name, minor.words(), hint.or_else(|| self.roles(minor)))
    }

    /// Without its own disk it works on the peer's.
    fn disk(&self, minor: &Minor) -> Option<String> {
        let name = self.name;
        matches!(minor.replica.disk.as_str(), "Diskless" | "Failed" | "Detaching").then(|| {
            format!(
                "the disk is well: drbdadm attach {name}\n\
                 the disk is broken: xinstall replace-disk; drbdadm create-md {name}; drbdadm attach {name}"
            )
        })
    }

    fn connection(&self, minor: &Minor) -> Option<String> {
        let Self { name, peer, .. } = self;
        let frozen =
            if minor.frozen { format!("\nwrites wait until {peer} is fenced") } else { String::new() };
        if minor.replica.connection == "StandAlone" {
            return Some(format!(
                "find out why it stands alone: journalctl --dmesg --grep=drbd; then: drbdadm connect {name}{frozen}"
            ));
        }
        minor.is_alone().then(|| {
            format!(
                "is {peer} up, and can it be reached? There: xinstall status; if it stands alone: \
                 drbdadm connect {name}{frozen}"
            )
        })
    }

    /// Both copies are whole, and writes go to both.
    fn copies(&self, minor: &Minor) -> Option<String> {
        let Self { name, peer, .. } = self;
        if minor.replica.connection.starts_with("PausedSync") {
            return Some(format!(
                "it waits for another one's sync, or was told to: drbdadm resume-sync {name}"
            ));
        }
        if minor.is_syncing() {
            return Some(format!("wait until the copies are the same, and do not stop {peer}: cat {PROC}"));
        }
        if minor.replica.disk != "UpToDate" {
            return Some(format!(
                "no copy is known to be whole. If {peer} has one, connect to it; after the first boot: see there. \
                 Only if this one is the best there is: drbdadm primary --force {name}"
            ));
        }
        if minor.replica.peer_disk != "UpToDate" {
            return Some(format!("the copy on {peer} is not whole. There: xinstall status"));
        }
        minor
            .frozen
            .then(|| format!("writes wait for a fencing: crm_mon -1; it is over: drbdadm resume-io {name}"))
    }

    fn roles(&self, minor: &Minor) -> Option<String> {
        let primaries =
            [&minor.replica.role, &minor.replica.peer_role].iter().filter(|role| **role == "Primary").count();
        let (name, wanted) = (self.name, self.primaries);
        (primaries != wanted).then(|| {
            format!(
                "it should be primary on {wanted}. Pacemaker promotes it: crm resource cleanup {name}-drbd; \
                 what forbids it: crm configure show type:location"
            )
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::minor::parse;
    use super::{Case, Finding};

    const UP: &str = "1: cs:Connected ro:Primary/Primary ds:UpToDate/UpToDate C r-----";

    fn judged(line: &str, split: bool, primaries: usize) -> Finding {
        let minors = parse(line);
        let (node, peer, minor) = ("master1", "master2", minors.get(&1));
        Case { name: "xen", primaries, node, peer, minor, split }.judge()
    }

    fn hint(line: &str) -> String {
        let finding = judged(line, false, 2);
        assert!(!finding.healthy);
        finding.hint.unwrap()
    }

    #[test]
    fn two_whole_copies_are_well() {
        let finding = judged(UP, false, 2);
        assert_eq!(finding.state, "Connected, Primary/Primary, UpToDate/UpToDate");
        assert!(finding.healthy);
        assert!(!judged(UP, false, 1).healthy);
        assert!(judged(&UP.replace("Primary/Primary", "Secondary/Primary"), false, 1).healthy);
        assert!(judged(&UP.replace("Connected", "VerifyS"), false, 2).healthy);
    }

    #[test]
    fn every_illness_has_its_way_out() {
        assert!(hint("1: cs:Unconfigured").ends_with("drbdadm up xen"));
        assert!(
            hint(&UP.replace("UpToDate/", "Diskless/")).starts_with("the disk is well: drbdadm attach xen\n")
        );
        assert!(hint(&UP.replace("Connected", "SyncSource")).starts_with("wait"));
        assert!(hint(&UP.replace("Connected", "PausedSyncS")).ends_with("drbdadm resume-sync xen"));
        assert!(hint(&UP.replace("/UpToDate", "/Inconsistent")).starts_with("the copy on master2"));
        assert!(hint(&UP.replace("UpToDate/UpToDate", "Inconsistent/Inconsistent")).contains("no copy"));
        assert!(hint(&UP.replace("r--", "s--")).contains("drbdadm resume-io xen"));
        assert!(hint(&UP.replace("Primary/", "Secondary/")).contains("it should be primary on 2"));
    }

    #[test]
    fn a_node_alone_says_whom_it_waits_for() {
        let alone = "1: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C s-----";
        assert!(judged(alone, false, 2).state.ends_with(", writes are frozen"));
        assert!(hint(alone).ends_with("writes wait until master2 is fenced"));
        let alone = "1: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----";
        assert!(hint(alone).ends_with("drbdadm connect xen"));
        assert!(!hint(alone).contains("discard"));
    }

    #[test]
    fn a_split_brain_comes_with_the_way_out() {
        let alone = "1: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----";
        let finding = judged(alone, true, 2);
        assert_eq!(finding.state, "split brain: StandAlone, Primary/Unknown, UpToDate/DUnknown");
        assert!(finding.hint.unwrap().contains("drbdadm connect --discard-my-data xen"));
    }
}
