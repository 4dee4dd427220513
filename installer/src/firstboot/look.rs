//! What a node sees before every step of its first boot.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use super::group;
use super::next::{Copy, Facts, attributes};
use super::replica::{Replica, parse};
use crate::facts::content;
use crate::host::{Command, Run};
use crate::model::membership::{Membership, Promoted};
use crate::units::Bytes;

/// `CRM_EX_NOSUCH`: pacemaker has looked, and there is no such thing.
const NOTHING: i32 = 105;
/// The generation of data that new metadata begins with (`UUID_JUST_CREATED` of `drbd.h`).
const JUST_CREATED: &str = "0000000000000004:";

/// Where a node shows itself.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Corosync's key.
    pub key: PathBuf,
    /// `/proc/drbd`.
    pub drbd: PathBuf,
    /// `/sys/block`.
    pub block: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
}

impl Default for Roots {
    /// This node.
    fn default() -> Self {
        Self {
            key: "/etc/corosync/authkey".into(),
            drbd: "/proc/drbd".into(),
            block: "/sys/block".into(),
            dev: "/dev".into(),
        }
    }
}

/// What node `me` sees.
///
/// # Errors
/// Programs that are not there or fail; a copy whose state nobody can tell.
pub fn look(host: &mut dyn Run, cluster: &Membership, me: &str, roots: &Roots) -> Result<Facts> {
    let drbd = match fs::read_to_string(&roots.drbd) {
        // A driver that is a module is loaded by the first `drbdadm up`.
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text.with_context(|| format!("cannot read {}", roots.drbd.display()))?,
    };
    let replicas: BTreeMap<u32, Replica> = parse(&drbd).collect();
    let mut facts = Facts { key: roots.key.exists(), ..Facts::default() };
    for resource in cluster.promoted.iter().filter(|resource| resource.nodes.iter().any(|node| node == me)) {
        let replica = replicas.get(&resource.minor);
        facts.copies.insert(resource.name.clone(), copy(host, resource, replica, &roots.block)?);
        if replica.is_some_and(|replica| replica.role == "Primary") {
            let found = signatures(host, &resource.device())?;
            facts.content.insert(resource.name.clone(), found.into_iter().next());
        }
    }
    let active = Command::new(["systemctl", "is-active", "pacemaker.service"]);
    facts.manager = host.output(&active)?.succeeded();
    if facts.manager {
        ask_manager(host, cluster, &mut facts)?;
    }
    if facts.configured == Some(true) {
        for group in &cluster.groups {
            let unmade = group::look(host, group, me, &roots.dev)?;
            facts.groups.extend(unmade.map(|unmade| (group.name.clone(), unmade)));
        }
    }
    Ok(facts)
}

/// Pacemaker that has just been started does not answer yet: then nothing is known.
fn ask_manager(host: &mut dyn Run, cluster: &Membership, facts: &mut Facts) -> Result<()> {
    let mut said = |words: &[&str]| -> Result<Option<String>> {
        let output = host.output(&Command::new(words.iter().copied()))?;
        Ok(output.succeeded().then_some(output.stdout))
    };
    let quorum = said(&["crm_node", "--quorum"])?.is_some_and(|said| said.trim() == "1");
    let partition = said(&["crm_node", "--partition"])?.unwrap_or_default();
    if quorum {
        facts.online = partition.split_whitespace().map(str::to_owned).collect();
        for name in attributes(cluster) {
            let told = said(&["attrd_updater", "--query", "--all", "--name", &name])?;
            facts.told.insert(name, told.as_deref().map(attribute).unwrap_or_default());
        }
    }
    let resources = Command::new(["cibadmin", "--query", "--xpath", "//resources/*"]);
    facts.configured = match host.output(&resources)?.status {
        Some(0) => Some(true),
        Some(NOTHING) => Some(false),
        _ => None,
    };
    Ok(())
}

/// `name="xbuild-ready" host="master1" value="yes"`, a line for each node.
fn attribute(said: &str) -> BTreeMap<String, String> {
    let field = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    said.lines().filter_map(|line| Some((field(line, "host")?, field(line, "value")?))).collect()
}

fn copy(host: &mut dyn Run, resource: &Promoted, replica: Option<&Replica>, block: &Path) -> Result<Copy> {
    let backing = host.run(&Command::new(["drbdadm", "sh-ll-dev", &resource.name]))?;
    let backing = backing.trim();
    if let Some(replica) = replica {
        let identifiers = host.output(&Command::new(["drbdadm", "get-gi", &resource.name]))?;
        return Ok(Copy::Up {
            replica: replica.clone(),
            fresh: identifiers.succeeded() && identifiers.stdout.starts_with(JUST_CREATED),
            backing: backing.into(),
            size: size(&block.join(format!("drbd{}/size", resource.minor)))?,
        });
    }
    let kinds: Vec<String> = signatures(host, backing)?.into_iter().map(|(kind, _)| kind).collect();
    Ok(match kinds.as_slice() {
        [] => Copy::Blank,
        kinds if kinds.iter().any(|kind| kind == "drbd") => Copy::Down,
        _ => Copy::Foreign { device: backing.to_owned(), kinds },
    })
}

/// Kinds and labels.
pub(super) fn signatures(host: &mut dyn Run, device: &str) -> Result<Vec<(String, String)>> {
    let report = host.run(&content::list(device))?;
    let contents =
        content::parse(device, &report).map_err(|because| anyhow!("wipefs on {device}: {because}"))?;
    Ok(contents.into_iter().map(|content| (content.kind, content.label)).collect())
}

/// sysfs counts in 512 bytes.
fn size(path: &Path) -> Result<Bytes> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let sectors: u64 = text.trim().parse().with_context(|| format!("{} is no number", path.display()))?;
    Ok(Bytes(sectors * 512))
}
