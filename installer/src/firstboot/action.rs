//! What a first boot does, as values: each has a text for people and the commands for it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::zeros;
use crate::host::{Command, Run};
use crate::units::Bytes;

/// How long a copy is read until it is rather synced.
const PROOF: Duration = Duration::from_secs(120);

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write DRBD's metadata to a backing device that carries nothing.
    MakeMetadata {
        /// The resource.
        resource: String,
    },
    /// Attach the disk and look for the peer.
    BringUp {
        /// The resource.
        resource: String,
    },
    /// Start pacemaker, and with it corosync: it was left out while there was no key.
    StartManager,
    /// Read this node's copy, and tell the other node whether it is zeros.
    Prove {
        /// The resource.
        resource: String,
        /// What it lies on.
        backing: PathBuf,
        /// How much of that is data.
        size: Bytes,
    },
    /// Tell the other nodes.
    Tell {
        /// The attribute's name.
        name: String,
        /// Its value.
        value: &'static str,
    },
    /// Both copies are the same: call them up to date.
    SkipSync {
        /// The resource.
        resource: String,
    },
    /// This node's copy counts; the other one is synced in the background.
    StartSync {
        /// The resource.
        resource: String,
    },
    /// Become primary, to make the file system.
    Promote {
        /// The resource.
        resource: String,
    },
    /// Leave the device to pacemaker.
    Demote {
        /// The resource.
        resource: String,
    },
    /// Make the cluster file system.
    MakeFileSystem {
        /// `/dev/drbdMINOR`.
        device: String,
        /// Its label.
        label: String,
        /// How many nodes may mount it.
        slots: u32,
        /// The OCFS2 cluster that it belongs to.
        cluster: String,
    },
    /// Load pacemaker's configuration.
    Configure,
    /// Make a volume group that several nodes use.
    MakeGroup {
        /// Its name.
        group: String,
        /// Its physical volumes.
        devices: Vec<String>,
    },
    /// Join its lockspace.
    JoinGroup {
        /// Its name.
        group: String,
    },
    /// Make a volume of it.
    MakeVolume {
        /// The group.
        group: String,
        /// The volume.
        name: String,
        /// How large.
        size: Bytes,
        /// The physical volume that it lies on; none if any will do.
        device: Option<String>,
    },
    /// Activate a volume that has been made.
    OpenVolume {
        /// `/dev/GROUP/VOLUME`.
        device: String,
    },
    /// Make GFS2 on a volume.
    MakeGfs2 {
        /// `/dev/GROUP/VOLUME`.
        device: String,
        /// `CLUSTER:LABEL`.
        table: String,
        /// How many nodes may mount it.
        journals: u32,
    },
    /// Let pacemaker have a group that is made.
    Release {
        /// Its name.
        group: String,
    },
}

/// Where pacemaker's configuration lies.
pub const CONFIGURATION: &str = "/etc/xbuild/cluster.crm";

impl Action {
    /// The attribute by which a node tells that its copy is zeros.
    pub(super) fn zeros(resource: &str) -> String {
        format!("xbuild-zeros-{resource}")
    }

    /// The resource of pacemaker that activates a shared group.
    pub(super) fn activations(group: &str) -> String {
        format!("{group}-activations")
    }

    /// Does it.
    ///
    /// # Errors
    /// The command that failed, or why a copy cannot be read.
    pub fn perform(&self, host: &mut dyn Run) -> Result<()> {
        if let Self::Prove { resource, backing, size } = self {
            let zeros = zeros::only(backing, *size, PROOF);
            let zeros = zeros.with_context(|| format!("cannot read {}", backing.display()))?;
            println!("{resource}: {}", if zeros { "only zeros" } else { "not seen to be zeros" });
            host.run(&tell(&Self::zeros(resource), if zeros { "yes" } else { "no" }))?;
            return Ok(());
        }
        host.run(&self.command())?;
        Ok(())
    }

    /// As `drbdadm` 8.4 and the others take it; reading a copy has none.
    #[must_use]
    pub fn command(&self) -> Command {
        let drbdadm = |words: &[&str], resource: &str| {
            Command::new(["drbdadm"].iter().chain(words).copied().chain([resource]))
        };
        match self {
            Self::MakeMetadata { resource } => drbdadm(&["--", "--force", "create-md"], resource),
            Self::BringUp { resource } => drbdadm(&["up"], resource),
            Self::StartManager => Command::new(["systemctl", "start", "pacemaker.service"]),
            Self::Prove { .. } => Command::default(),
            Self::Tell { name, value } => tell(name, value),
            Self::SkipSync { resource } => drbdadm(&["--", "--clear-bitmap", "new-current-uuid"], resource),
            Self::StartSync { resource } => drbdadm(&["primary", "--force"], resource),
            Self::Promote { resource } => drbdadm(&["primary"], resource),
            Self::Demote { resource } => drbdadm(&["secondary"], resource),
            Self::MakeFileSystem { device, label, slots, cluster } => Command::new([
                "mkfs.ocfs2".to_owned(),
                "-q".to_owned(),
                // To DRBD what is discarded is written: it would copy the whole device when a node dies soon after.
                "--nodiscard".to_owned(),
                "-L".to_owned(),
                label.clone(),
                "-N".to_owned(),
                slots.to_string(),
                "--cluster-stack=o2cb".to_owned(),
                format!("--cluster-name={cluster}"),
                device.clone(),
            ]),
            Self::Configure => Command::new(["crm", "-F", "configure", "load", "replace", CONFIGURATION]),
            Self::MakeGroup { group, devices } => {
                let words = ["vgcreate", "--shared", group].map(str::to_owned);
                Command::new(words.into_iter().chain(devices.iter().cloned()))
            }
            Self::JoinGroup { group } => Command::new(["vgchange", "--lock-start", group]),
            Self::MakeVolume { group, name, size, device } => {
                let size = format!("{}b", size.0);
                // What an earlier life has left on the disks is in nobody's volume any more.
                let wipe = ["--yes", "--wipesignatures", "y"];
                let words = ["lvcreate"].into_iter().chain(wipe);
                let words = words.chain(["--activate", "sy", "--size", &size, "--name", name, group]);
                Command::new(words.chain(device.as_deref()))
            }
            Self::OpenVolume { device } => Command::new(["lvchange", "--activate", "sy", device]),
            Self::MakeGfs2 { device, table, journals } => {
                let journals = journals.to_string();
                let words = ["mkfs.gfs2", "-q", "-O", "-p", "lock_dlm", "-t", table, "-j", &journals, device];
                Command::new(words)
            }
            Self::Release { group } => {
                let resource = Self::activations(group);
                let set = ["--set-parameter", "target-role", "--parameter-value", "Started"];
                Command::new(["crm_resource", "--resource", &resource, "--meta"].into_iter().chain(set))
            }
        }
    }
}

fn tell(name: &str, value: &str) -> Command {
    Command::new(["attrd_updater", "--name", name, "--update", value])
}

/// What is about to happen.
impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeMetadata { resource } => write!(out, "{resource}: nothing is there yet; make metadata"),
            Self::BringUp { resource } => write!(out, "{resource}: bring it up"),
            Self::StartManager => write!(out, "start pacemaker"),
            Self::Prove { resource, backing, .. } => {
                write!(out, "{resource}: see whether {} is all zeros", backing.display())
            }
            Self::Tell { name, value } => write!(out, "tell the other nodes: {name} is {value}"),
            Self::SkipSync { resource } => write!(out, "{resource}: both copies are the same, no sync"),
            Self::StartSync { resource } => {
                write!(out, "{resource}: this node's copy goes to the other node, in the background")
            }
            Self::Promote { resource } => write!(out, "{resource}: primary, to make the file system"),
            Self::Demote { resource } => write!(out, "{resource}: secondary, for pacemaker to begin with"),
            Self::MakeFileSystem { device, label, .. } => write!(out, "{label}: make OCFS2 on {device}"),
            Self::Configure => write!(out, "load {CONFIGURATION}"),
            Self::MakeGroup { group, devices } => {
                write!(out, "{group}: make it of {}", devices.join(" and "))
            }
            Self::JoinGroup { group } => write!(out, "{group}: join its lockspace"),
            Self::MakeVolume { group, name, .. } => write!(out, "{group}: make volume {name}"),
            Self::OpenVolume { device } => write!(out, "activate {device}"),
            Self::MakeGfs2 { device, table, .. } => write!(out, "{table}: make GFS2 on {device}"),
            Self::Release { group } => write!(out, "{group}: let pacemaker have it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Action;
    use crate::units::Bytes;

    #[test]
    fn commands_are_what_a_person_would_type() {
        let resource = || "xen".to_owned();
        let (group, device) = (|| "vgmesh".to_owned(), || "/dev/etherd/e18.0".to_owned());
        let file_system = Action::MakeFileSystem {
            device: "/dev/drbd1".to_owned(),
            label: "XEN".to_owned(),
            slots: 2,
            cluster: "ocfs2".to_owned(),
        };
        let expected = [
            (Action::MakeMetadata { resource: resource() }, "drbdadm -- --force create-md xen"),
            (Action::BringUp { resource: resource() }, "drbdadm up xen"),
            (Action::StartManager, "systemctl start pacemaker.service"),
            (
                Action::Tell { name: "xbuild-ready".to_owned(), value: "yes" },
                "attrd_updater --name xbuild-ready --update yes",
            ),
            (Action::SkipSync { resource: resource() }, "drbdadm -- --clear-bitmap new-current-uuid xen"),
            (Action::StartSync { resource: resource() }, "drbdadm primary --force xen"),
            (Action::Promote { resource: resource() }, "drbdadm primary xen"),
            (Action::Demote { resource: resource() }, "drbdadm secondary xen"),
            (
                file_system,
                "mkfs.ocfs2 -q --nodiscard -L XEN -N 2 --cluster-stack=o2cb --cluster-name=ocfs2 /dev/drbd1",
            ),
            (Action::Configure, "crm -F configure load replace /etc/xbuild/cluster.crm"),
            (
                Action::MakeGroup { group: group(), devices: vec!["/dev/md/export".to_owned(), device()] },
                "vgcreate --shared vgmesh /dev/md/export /dev/etherd/e18.0",
            ),
            (Action::JoinGroup { group: group() }, "vgchange --lock-start vgmesh"),
            (
                Action::MakeVolume {
                    group: group(),
                    name: "guests".to_owned(),
                    size: Bytes::mib(256),
                    device: Some(device()),
                },
                "lvcreate --yes --wipesignatures y --activate sy --size 268435456b --name guests vgmesh /dev/etherd/e18.0",
            ),
            (
                Action::OpenVolume { device: "/dev/vgmesh/guests".to_owned() },
                "lvchange --activate sy /dev/vgmesh/guests",
            ),
            (
                Action::MakeGfs2 {
                    device: "/dev/vgmesh/guests".to_owned(),
                    table: "mesh:guests".to_owned(),
                    journals: 2,
                },
                "mkfs.gfs2 -q -O -p lock_dlm -t mesh:guests -j 2 /dev/vgmesh/guests",
            ),
            (
                Action::Release { group: group() },
                "crm_resource --resource vgmesh-activations --meta --set-parameter target-role --parameter-value Started",
            ),
        ];
        for (action, command) in expected {
            assert_eq!(action.command().to_string(), command);
        }
        let proof =
            Action::Prove { resource: resource(), backing: "/dev/xbuild/drbd".into(), size: Bytes(1) };
        assert_eq!(proof.to_string(), "xen: see whether /dev/xbuild/drbd is all zeros");
    }
}
