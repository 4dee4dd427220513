//! What comes next in a first boot: facts → one thing to do, to wait for, or to leave to a person. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::action::Action;
use super::group::{self, Unmade};
use super::replica::Replica;
use crate::model::membership::{FirstSync, Membership, Promoted, Volume};
use crate::units::Bytes;

/// Told by a node whose part is done.
pub(super) const READY: &str = "xbuild-ready";
pub(super) const YES: &str = "yes";

/// What a node sees before every step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Corosync's key is there.
    pub key: bool,
    /// Pacemaker runs.
    pub manager: bool,
    /// Nodes that pacemaker sees in this part of the cluster; empty without quorum.
    pub online: Vec<String>,
    /// Whether pacemaker has resources; none while it cannot say.
    pub configured: Option<bool>,
    /// This node's copies, by resource.
    pub copies: BTreeMap<String, Copy>,
    /// What nodes have told, by attribute and node.
    pub told: BTreeMap<String, BTreeMap<String, String>>,
    /// What the device of a resource that is primary here carries: kind and label. None is nothing.
    pub content: BTreeMap<String, Option<(String, String)>>,
    /// Shared volume groups that pacemaker waits for, and that this node makes.
    pub groups: BTreeMap<String, Unmade>,
}

/// A copy of a resource on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copy {
    /// Its backing device carries nothing.
    Blank,
    /// It carries these, and no metadata of DRBD.
    Foreign {
        /// The backing device.
        device: String,
        /// What wipefs calls them.
        kinds: Vec<String>,
    },
    /// It has metadata, and is not configured in the kernel.
    Down,
    /// It is configured in the kernel.
    Up {
        /// What the kernel says.
        replica: Replica,
        /// Its metadata is as it was made: nobody has ever written to it.
        fresh: bool,
        /// The backing device.
        backing: PathBuf,
        /// Bytes of data; 0 while that is not known.
        size: Bytes,
    },
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This is to be done, then the facts are others.
    Act(Action),
    /// Others have to move first; in words.
    Wait(String),
    /// Only a person can decide.
    Stop {
        /// What is there.
        message: String,
        /// The way out.
        hint: String,
    },
    /// Nothing is left to do.
    Done,
}

/// What node `me` does next.
#[must_use]
pub fn next(cluster: &Membership, me: &str, facts: &Facts) -> Next {
    let view = View { cluster, me, facts };
    let steps = [View::metadata, View::manager, View::quorum, View::devices, View::ready, View::configure];
    steps.iter().find_map(|step| step(&view)).unwrap_or(Next::Done)
}

/// Each step is nothing once it is done.
struct View<'a> {
    cluster: &'a Membership,
    me: &'a str,
    facts: &'a Facts,
}

impl View<'_> {
    /// Before pacemaker starts, which would fail for good over a copy without metadata.
    fn metadata(&self) -> Option<Next> {
        self.own().find_map(|resource| match self.facts.copies.get(&resource.name) {
            Some(Copy::Blank) => Some(Next::Act(Action::MakeMetadata { resource: resource.name.clone() })),
            Some(Copy::Foreign { device, kinds }) => Some(foreign(&resource.name, device, kinds)),
            _ => None,
        })
    }

    fn manager(&self) -> Option<Next> {
        let facts = self.facts;
        if !facts.key {
            let text = "waits for /etc/corosync/authkey: the secrets of the cluster are not on this node yet";
            return Some(Next::Wait(text.to_owned()));
        }
        (!facts.manager).then_some(Next::Act(Action::StartManager))
    }

    /// From a cluster that is configured a node takes what it finds: pacemaker brings up the rest, and waits only for what has
    /// to be made with its help.
    fn quorum(&self) -> Option<Next> {
        match self.facts.configured {
            Some(true) => return Some(self.groups().unwrap_or(Next::Done)),
            None => return Some(Next::Wait("waits for pacemaker to answer".to_owned())),
            Some(false) => {}
        }
        let members = self.cluster.members.iter().map(|member| member.name.as_str());
        let missing: Vec<&str> =
            members.filter(|name| self.facts.online.iter().all(|online| online != name)).collect();
        (!missing.is_empty()).then(|| {
            Next::Wait(format!(
                "waits for {} to join: a new cluster begins with all its nodes",
                missing.join(", ")
            ))
        })
    }

    fn groups(&self) -> Option<Next> {
        self.cluster.groups.iter().find_map(|group| {
            let unmade = self.facts.groups.get(&group.name)?;
            Some(group::next(&self.cluster.cluster, group, self.me, unmade))
        })
    }

    fn devices(&self) -> Option<Next> {
        self.own().find_map(|resource| {
            let Some(Copy::Up { replica, .. }) = self.facts.copies.get(&resource.name) else {
                return Some(Next::Act(Action::BringUp { resource: resource.name.clone() }));
            };
            self.connected(resource, replica)
        })
    }

    fn connected(&self, resource: &Promoted, replica: &Replica) -> Option<Next> {
        let name = &resource.name;
        let peer = resource.nodes.iter().find(|node| *node != self.me).map_or("", String::as_str);
        match (replica.connection.as_str(), replica.disk.as_str(), replica.peer_disk.as_str()) {
            ("StandAlone", ..) => Some(parted(name, peer)),
            (_, "Diskless" | "Failed", _) => Some(diskless(name)),
            ("Connected", "Inconsistent", "Inconsistent") => Some(self.first_sync(resource)),
            ("Connected", "UpToDate", "UpToDate") => self.file_system(resource, replica),
            ("SyncSource" | "PausedSyncS", "UpToDate", _) | ("SyncTarget" | "PausedSyncT", _, "UpToDate") => {
                self.file_system(resource, replica)
            }
            (connection, ..) => Some(Next::Wait(format!(
                "{name}: waits for {peer} (connection {connection}, disks {}/{})",
                replica.disk, replica.peer_disk
            ))),
        }
    }

    /// Two new copies: one of the nodes says what is on both.
    fn first_sync(&self, resource: &Promoted) -> Next {
        let name = &resource.name;
        let Some(Copy::Up { fresh: true, backing, size, .. }) = self.facts.copies.get(name) else {
            return Next::Stop {
                message: format!("{name}: neither copy is complete, and this one is not new"),
                hint: format!(
                    "look which node was written to last (`drbdadm show-gi {name}` on both); there, and only if its data \
                     may be incomplete: `drbdadm primary --force {name}`"
                ),
            };
        };
        let attribute = Action::zeros(name);
        let Some(own) = self.told_by(&attribute, self.me) else {
            return Next::Act(match resource.first_sync {
                FirstSync::Skip => Action::Tell { name: attribute, value: YES },
                FirstSync::IfNeeded => {
                    Action::Prove { resource: name.clone(), backing: backing.clone(), size: *size }
                }
            });
        };
        let others: Vec<&String> = resource.nodes.iter().filter(|node| *node != self.me).collect();
        let told: Vec<Option<&str>> = others.iter().map(|node| self.told_by(&attribute, node)).collect();
        let Some(waiting) = others.iter().zip(&told).find(|(_, told)| told.is_none()) else {
            return self.begin(resource, own == YES && told.iter().all(|told| *told == Some(YES)));
        };
        Next::Wait(format!("{name}: waits for {} to read its copy", waiting.0))
    }

    fn begin(&self, resource: &Promoted, same: bool) -> Next {
        let name = resource.name.clone();
        match self.leader(resource) {
            leader if leader != self.me => Next::Wait(format!("{name}: waits for {leader} to begin")),
            _ if same => Next::Act(Action::SkipSync { resource: name }),
            _ => Next::Act(Action::StartSync { resource: name }),
        }
    }

    /// Made by one node; pacemaker starts from two secondaries.
    fn file_system(&self, resource: &Promoted, replica: &Replica) -> Option<Next> {
        if self.leader(resource) != self.me {
            return None;
        }
        let name = || resource.name.clone();
        let primary = replica.role == "Primary";
        if self.told_by(&made(&resource.name), self.me) == Some(YES) {
            return primary.then(|| Next::Act(Action::Demote { resource: name() }));
        }
        let done = Next::Act(Action::Tell { name: made(&resource.name), value: YES });
        let Some((volume, cluster)) = self.volume(&resource.name) else { return Some(done) };
        if !primary {
            return Some(Next::Act(Action::Promote { resource: name() }));
        }
        let device = resource.device();
        Some(match self.facts.content.get(&resource.name).cloned().flatten() {
            None => Next::Act(Action::MakeFileSystem {
                device,
                label: volume.label.clone(),
                slots: volume.slots,
                cluster: cluster.to_owned(),
            }),
            Some((kind, label)) if kind == "ocfs2" && label == volume.label => done,
            Some((kind, _)) => foreign(&resource.name, &device, &[kind]),
        })
    }

    fn ready(&self) -> Option<Next> {
        let told = self.told_by(READY, self.me) == Some(YES);
        (!told).then(|| Next::Act(Action::Tell { name: READY.to_owned(), value: YES }))
    }

    /// By the first node, once: what is there then is somebody's.
    fn configure(&self) -> Option<Next> {
        let mut members = self.cluster.members.iter().map(|member| member.name.as_str());
        let loader = members.clone().next().unwrap_or_default();
        if loader != self.me {
            return Some(Next::Wait(format!("waits for {loader} to load pacemaker's configuration")));
        }
        let busy = members.find(|member| self.told_by(READY, member) != Some(YES));
        Some(
            busy.map_or(Next::Act(Action::Configure), |busy| {
                Next::Wait(format!("waits for {busy} to be ready"))
            }),
        )
    }

    /// Resources that this node has a copy of.
    fn own(&self) -> impl Iterator<Item = &Promoted> {
        self.cluster.promoted.iter().filter(|resource| resource.nodes.iter().any(|node| node == self.me))
    }

    /// Of the nodes with a copy the one with the lowest number.
    fn leader<'r>(&self, resource: &'r Promoted) -> &'r str {
        let number = |node: &&String| {
            self.cluster.members.iter().position(|member| member.name == **node).unwrap_or(usize::MAX)
        };
        resource.nodes.iter().min_by_key(number).map_or("", String::as_str)
    }

    fn volume(&self, resource: &str) -> Option<(&Volume, &str)> {
        let ocfs2 = self.cluster.ocfs2.as_ref()?;
        Some((ocfs2.volumes.iter().find(|volume| volume.resource == resource)?, &ocfs2.name))
    }

    fn told_by(&self, attribute: &str, node: &str) -> Option<&str> {
        self.facts.told.get(attribute)?.get(node).map(String::as_str)
    }
}

/// Names of everything that nodes tell.
pub(super) fn attributes(cluster: &Membership) -> Vec<String> {
    let of = |resource: &Promoted| [Action::zeros(&resource.name), made(&resource.name)];
    cluster.promoted.iter().flat_map(of).chain([READY.to_owned()]).collect()
}

/// Told by the node that has made what lies on a resource.
fn made(resource: &str) -> String {
    format!("xbuild-made-{resource}")
}

pub(super) fn foreign(resource: &str, device: &str, kinds: &[String]) -> Next {
    Next::Stop {
        message: format!(
            "{resource}: {device} carries {}, and nobody has said that it may go",
            kinds.join(" and ")
        ),
        hint: format!("if nobody needs it: `wipefs --all {device}`, then `systemctl start xbuild-firstboot`"),
    }
}

fn parted(resource: &str, peer: &str) -> Next {
    Next::Stop {
        message: format!(
            "{resource}: this node and {peer} do not connect any more, perhaps after a split brain"
        ),
        hint: "nothing was thrown away; `xinstall status` says what to do".to_owned(),
    }
}

fn diskless(resource: &str) -> Next {
    Next::Stop {
        message: format!("{resource}: its disk has failed, or is not attached"),
        hint: format!("mend the disk (`xinstall replace-disk`), then `drbdadm attach {resource}`"),
    }
}

#[cfg(test)]
#[path = "next_tests.rs"]
mod tests;
