#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::{Copy, Facts, Next, YES, next};
use crate::firstboot::action::Action;
use crate::firstboot::replica::Replica;
use crate::model::membership::{FirstSync, Member, Membership, Ocfs2, Promoted, Volume};
use crate::units::Bytes;

const NODES: [&str; 2] = ["a", "b"];

fn cluster(first_sync: FirstSync) -> Membership {
    let member = |(at, name): (usize, &str)| Member {
        number: at as u32 + 1,
        name: name.to_owned(),
        addresses: vec!["10.0.0.1".parse().unwrap()],
    };
    Membership {
        cluster: "lab".to_owned(),
        members: NODES.into_iter().enumerate().map(member).collect(),
        promoted: vec![Promoted {
            name: "xen".to_owned(),
            minor: 1,
            // The order in the file is not that of the numbers.
            nodes: vec!["b".to_owned(), "a".to_owned()],
            primaries: 2,
            first_sync,
        }],
        ocfs2: Some(Ocfs2 {
            name: "ocfs2".to_owned(),
            port: 7777,
            nodes: Vec::new(),
            o2cb: Vec::new(),
            volumes: vec![Volume {
                resource: "xen".to_owned(),
                import: None,
                label: "XEN".to_owned(),
                mount: "/XEN".to_owned(),
                slots: 2,
            }],
        }),
        ..Membership::default()
    }
}

/// What there is of one node.
#[derive(Clone, Debug, Default)]
struct Node {
    metadata: bool,
    zeros: bool,
    up: bool,
    manager: bool,
    primary: bool,
    told: BTreeMap<String, String>,
}

/// Two nodes as DRBD and pacemaker would have them.
#[derive(Clone, Debug)]
struct World {
    nodes: [Node; 2],
    /// Both copies were made and nobody has said yet which counts.
    fresh: bool,
    synced: bool,
    syncs: usize,
    content: Option<(String, String)>,
    made: usize,
    configured: bool,
    loads: usize,
}

impl World {
    fn new(zeros: [bool; 2]) -> Self {
        let nodes = zeros.map(|zeros| Node { zeros, manager: true, ..Node::default() });
        Self {
            nodes,
            fresh: true,
            synced: false,
            syncs: 0,
            content: None,
            made: 0,
            configured: false,
            loads: 0,
        }
    }

    fn copy(&self, at: usize) -> Copy {
        let (own, peer) = (&self.nodes[at], &self.nodes[1 - at]);
        if !own.metadata || !own.up {
            return if own.metadata { Copy::Down } else { Copy::Blank };
        }
        let role = |node: &Node| if node.primary { "Primary" } else { "Secondary" }.to_owned();
        let disk = |synced: bool| if synced { "UpToDate" } else { "Inconsistent" }.to_owned();
        // The first node's copy counts where one does.
        let (own_disk, peer_disk) =
            (disk(!self.fresh && (self.synced || at == 0)), disk(!self.fresh && (self.synced || at == 1)));
        let connection = match (peer.up, self.fresh || self.synced, at) {
            (false, ..) => "WFConnection",
            (true, true, _) => "Connected",
            (true, false, 0) => "SyncSource",
            (true, false, _) => "SyncTarget",
        };
        let replica = Replica {
            connection: connection.to_owned(),
            role: role(own),
            peer_role: if peer.up { role(peer) } else { "Unknown".to_owned() },
            disk: own_disk,
            peer_disk: if peer.up { peer_disk } else { "DUnknown".to_owned() },
        };
        Copy::Up { replica, fresh: self.fresh, backing: "/dev/sdb1".into(), size: Bytes::MIB }
    }

    fn facts(&self, at: usize) -> Facts {
        let mut told: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (name, node) in NODES.into_iter().zip(&self.nodes) {
            for (attribute, value) in &node.told {
                told.entry(attribute.clone()).or_default().insert(name.to_owned(), value.clone());
            }
        }
        let both = self.nodes.iter().all(|node| node.manager);
        let content = self.nodes[at].primary.then(|| ("xen".to_owned(), self.content.clone()));
        Facts {
            key: true,
            manager: self.nodes[at].manager,
            online: if both { NODES.map(str::to_owned).to_vec() } else { Vec::new() },
            configured: self.nodes[at].manager.then_some(self.configured),
            copies: [("xen".to_owned(), self.copy(at))].into(),
            told: if both { told } else { BTreeMap::new() },
            content: content.into_iter().collect(),
            groups: BTreeMap::new(),
        }
    }

    /// What the programs would do, and refuse to do.
    fn perform(&mut self, at: usize, action: Action) {
        let peer_primary = self.nodes[1 - at].primary;
        let node = &mut self.nodes[at];
        match action {
            Action::MakeMetadata { .. } => {
                assert!(!node.metadata, "metadata is made over metadata");
                node.metadata = true;
            }
            Action::BringUp { .. } => node.up = true,
            Action::StartManager => node.manager = true,
            Action::Prove { .. } => {
                assert!(self.fresh, "a copy is read that somebody may write to");
                let value = if node.zeros { YES } else { "no" };
                node.told.insert(Action::zeros("xen"), value.to_owned());
            }
            Action::Tell { name, value } => drop(node.told.insert(name, value.to_owned())),
            Action::SkipSync { .. } => {
                assert!(
                    self.fresh && self.nodes.iter().all(|node| node.up),
                    "copies that differ are called the same"
                );
                (self.fresh, self.synced) = (false, true);
            }
            Action::StartSync { .. } => {
                assert!(self.fresh && at == 0 && !peer_primary);
                self.nodes[at].primary = true;
                self.fresh = false;
                self.syncs += 1;
            }
            Action::Promote { .. } => node.primary = true,
            Action::Demote { .. } => node.primary = false,
            Action::MakeFileSystem { label, .. } => {
                assert!(node.primary && self.content.is_none(), "a file system is made over another one");
                self.content = Some(("ocfs2".to_owned(), label));
                self.made += 1;
            }
            Action::Configure => {
                assert!(!self.configured && self.nodes.iter().all(|node| !node.primary));
                self.configured = true;
                self.loads += 1;
            }
            Action::MakeGroup { .. }
            | Action::JoinGroup { .. }
            | Action::MakeVolume { .. }
            | Action::OpenVolume { .. }
            | Action::MakeGfs2 { .. }
            | Action::Release { .. } => panic!("there is no group in this cluster"),
        }
    }

    /// What a node knows only while it runs is gone.
    fn reboot(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        *node = Node { metadata: node.metadata, zeros: node.zeros, manager: true, ..Node::default() };
    }

    /// One look and what follows from it; whether the node has nothing left to do.
    fn step(&mut self, cluster: &Membership, at: usize) -> bool {
        match next(cluster, NODES[at], &self.facts(at)) {
            Next::Act(action) => self.perform(at, action),
            Next::Wait(_) => {}
            Next::Done => return true,
            Next::Stop { message, .. } => panic!("{message}"),
        }
        false
    }

    fn comes_to_an_end(&mut self, cluster: &Membership) -> bool {
        (0..100).any(|_| [0, 1].map(|at| self.step(cluster, at)) == [true, true])
    }
}

/// Which node takes a step, or loses power, or that a sync ends.
#[derive(Clone, Copy, Debug)]
enum Event {
    Step(usize),
    Reboot(usize),
    Synced,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (0..2_usize).prop_map(Event::Step),
        1 => (0..2_usize).prop_map(Event::Reboot),
        1 => Just(Event::Synced),
    ]
}

proptest! {
    /// In whatever order the nodes run and wherever they are cut off: the file system is made once, pacemaker is told once.
    #[test]
    fn two_nodes_come_to_the_same_end(zeros in [proptest::bool::ANY, proptest::bool::ANY], events in vec(event(), 0..60)) {
        let cluster = cluster(FirstSync::IfNeeded);
        let mut world = World::new(zeros);
        for event in events {
            match event {
                Event::Step(at) => drop(world.step(&cluster, at)),
                Event::Reboot(at) => world.reboot(at),
                Event::Synced => world.synced |= !world.fresh && world.nodes.iter().all(|node| node.up),
            }
        }
        prop_assert!(world.comes_to_an_end(&cluster), "they never end: {world:?}");
        prop_assert_eq!((world.made, world.loads), (1, 1));
        prop_assert_eq!(world.syncs, usize::from(zeros != [true, true]));
    }
}

#[test]
fn a_sync_is_left_out_where_the_file_says_so() {
    let cluster = cluster(FirstSync::Skip);
    let mut world = World::new([false, false]);
    assert!(world.comes_to_an_end(&cluster) && world.syncs == 0 && world.made == 1, "{world:?}");
}

/// What the first node of a ready world would do if its copy were this.
fn with(copy: Copy) -> Next {
    let mut facts = World::new([true, true]).facts(0);
    facts.copies.insert("xen".to_owned(), copy);
    next(&cluster(FirstSync::IfNeeded), "a", &facts)
}

fn up(connection: &str, disks: [&str; 2], fresh: bool) -> Copy {
    let [disk, peer_disk] = disks.map(str::to_owned);
    let (role, peer_role) = ("Secondary".to_owned(), "Secondary".to_owned());
    let replica = Replica { connection: connection.to_owned(), role, peer_role, disk, peer_disk };
    Copy::Up { replica, fresh, backing: "/dev/sdb1".into(), size: Bytes::MIB }
}

fn stop(message: &str, hint: &str) -> Next {
    Next::Stop { message: message.to_owned(), hint: hint.to_owned() }
}

#[test]
fn what_only_a_person_can_decide_is_left_alone() {
    let foreign = Copy::Foreign { device: "/dev/sdb1".to_owned(), kinds: vec!["ext4".to_owned()] };
    let carries = stop(
        "xen: /dev/sdb1 carries ext4, and nobody has said that it may go",
        "if nobody needs it: `wipefs --all /dev/sdb1`, then `systemctl start xbuild-firstboot`",
    );
    assert_eq!(with(foreign), carries);
    let parted = stop(
        "xen: this node and b do not connect any more, perhaps after a split brain",
        "nothing was thrown away; `xinstall status` says what to do",
    );
    assert_eq!(with(up("StandAlone", ["UpToDate", "DUnknown"], false)), parted);
    let failed = stop(
        "xen: its disk has failed, or is not attached",
        "mend the disk (`xinstall replace-disk`), then `drbdadm attach xen`",
    );
    assert_eq!(with(up("Connected", ["Diskless", "UpToDate"], false)), failed);
    let old = stop(
        "xen: neither copy is complete, and this one is not new",
        "look which node was written to last (`drbdadm show-gi xen` on both); there, and only if its data may be \
         incomplete: `drbdadm primary --force xen`",
    );
    assert_eq!(with(up("Connected", ["Inconsistent", "Inconsistent"], false)), old);
}

#[test]
fn what_it_waits_for_is_said() {
    let wait = |text: &str| Next::Wait(text.to_owned());
    let waiting = with(up("WFConnection", ["Inconsistent", "DUnknown"], true));
    assert_eq!(waiting, wait("xen: waits for b (connection WFConnection, disks Inconsistent/DUnknown)"));
    let cluster = cluster(FirstSync::IfNeeded);
    let down = || Facts { copies: [("xen".to_owned(), Copy::Down)].into(), ..Facts::default() };
    let keyless =
        wait("waits for /etc/corosync/authkey: the secrets of the cluster are not on this node yet");
    assert_eq!(next(&cluster, "a", &down()), keyless);
    let key = Facts { key: true, ..down() };
    assert_eq!(next(&cluster, "a", &key), Next::Act(Action::StartManager));
    let mute = Facts { manager: true, ..key };
    assert_eq!(next(&cluster, "a", &mute), wait("waits for pacemaker to answer"));
    let alone = Facts { configured: Some(false), ..mute };
    assert_eq!(
        next(&cluster, "a", &alone),
        wait("waits for a, b to join: a new cluster begins with all its nodes")
    );
    // A node that comes into a cluster that works takes what it finds.
    assert_eq!(next(&cluster, "a", &Facts { configured: Some(true), ..alone }), Next::Done);
}
