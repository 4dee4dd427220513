//! What is to be rehearsed: the nodes of a cluster, scaled, with secrets of their own.

use std::fs::{self, DirBuilder};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use installer::model::cluster::Cluster;
use installer::model::fencing::FenceAgent;
use installer::model::membership::FenceDevice;
use installer::model::node::{Interface, NodeSpec, Port};
use installer::model::resolve::Profiles;
use installer::model::secret::{Kind, Secret};
use rand::RngCore as _;
use rand::rngs::OsRng;

use super::bmc::Account;
use super::hardware::Card;
use super::scale::{self, Scaled};
use crate::failure::{Hinted as _, with_hint};
use crate::secret;
use crate::secrets::{Folder, State};
use crate::vm::Accelerator;

/// Random bytes of a BMC's password, written as twice as many digits: it takes 20.
const PASSWORD: usize = 8;

/// A cluster that can be rehearsed.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// Where everything goes that is made for it.
    pub folder: PathBuf,
    /// Its nodes, scaled, in the order of the cluster file.
    pub nodes: Vec<Planned>,
    /// What is not as it will be.
    pub scaled: Vec<Scaled>,
    /// Its secrets.
    pub secrets: Vec<Secret>,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What it is made of.
    pub spec: NodeSpec,
    /// What stands on its machine.
    pub serial: Option<String>,
    /// Its BMC, and the switch that leads to it.
    pub bmc: Option<(Account, String)>,
}

impl Planned {
    /// Its host name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.spec.identity.as_ref().map_or("", |identity| &identity.hostname)
    }

    /// Its interfaces.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        self.spec.identity.as_ref().map_or(&[], |identity| &identity.interfaces)
    }

    /// Its cards, by MAC address and interface; a switch is called as the interface, and has given out no port yet.
    #[must_use]
    pub fn cards(&self) -> Vec<Card> {
        let card = |name: &str, mac: &str| Card { mac: mac.to_owned(), network: name.to_owned(), port: 0 };
        self.interfaces().iter().flat_map(|one| one.port.macs().map(|mac| card(&one.name, mac))).collect()
    }
}

impl Blueprint {
    /// Reads a cluster file and makes what it needs below `folder`; another rehearsal's secrets there are taken again.
    ///
    /// # Errors
    /// What is wrong in the file, or cannot be rehearsed.
    pub fn draw(file: &Path, profiles: &Profiles, folder: &Path, accelerator: Accelerator) -> Result<Self> {
        let specs = specs_of(&Cluster::load(file, profiles)?, profiles)?;
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let (text, scaled) = scale::scale(&text, &specs, accelerator)?;
        let folder = own(folder)?;
        let file = folder.join("cluster.toml");
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let scaled_cluster = Cluster::load(&file, profiles)
            .context("the cluster file is sound, but not once it is scaled for a rehearsal")?;
        let specs = specs_of(&scaled_cluster, profiles)?;
        let secrets = scaled_cluster.secrets();
        make_secrets(&folder, &secrets)?;
        let nodes = nodes(&scaled_cluster, specs, &folder)?;
        Ok(Self { folder, nodes, scaled, secrets })
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Planned> {
        self.nodes.iter().find(|node| node.name() == name)
    }

    /// The folder with the rehearsal's secrets.
    #[must_use]
    pub fn secrets_folder(&self) -> Folder {
        secrets_folder(&self.folder)
    }
}

fn secrets_folder(folder: &Path) -> Folder {
    Folder::new(Some(&folder.join("secrets")), folder)
}

/// A folder that is ours alone: what nodes write to their disks is as secret as what is on their images.
fn own(folder: &Path) -> Result<PathBuf> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    let open = fs::metadata(folder)?.mode() & 0o077 != 0;
    let message = || format!("{} is open to others, and a rehearsal has secrets", folder.display());
    ensure!(!open, with_hint(message(), format!("name a new folder, or `chmod 700 {}`", folder.display())));
    folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))
}

fn specs_of(cluster: &Cluster, profiles: &Profiles) -> Result<Vec<NodeSpec>> {
    let node = |name: &str| {
        cluster.node(name, profiles).map_err(|problem| with_hint(&problem.message, &problem.hint))
    };
    cluster.nodes().map(node).collect()
}

/// None of the user's: what is made up here opens nothing but the rehearsal.
fn make_secrets(folder: &Path, secrets: &[Secret]) -> Result<()> {
    let place = secrets_folder(folder);
    let states = place.init(secrets)?;
    for (secret, state) in secrets.iter().zip(states) {
        if state == State::Missing {
            let mut bytes = [0; PASSWORD];
            OsRng.fill_bytes(&mut bytes);
            let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let path = place.file(secret);
            secret::make(&path, format!("{password}\n").as_bytes(), secret::SECRET)
                .with_context(|| format!("cannot make {}", path.display()))?;
        }
    }
    Ok(())
}

fn nodes(cluster: &Cluster, specs: Vec<NodeSpec>, folder: &Path) -> Result<Vec<Planned>> {
    let marks = cluster.marks();
    let devices = specs.first().map(|spec| spec.membership.fencing.clone()).unwrap_or_default();
    let mut nodes: Vec<Planned> = specs
        .into_iter()
        .zip(marks)
        .map(|(spec, marks)| Planned { spec, serial: marks.serial, bmc: None })
        .collect();
    for (number, device) in devices.iter().enumerate() {
        let bmc = bmc(&nodes, device, number, folder)?;
        nodes
            .iter_mut()
            .filter(|node| node.name() == device.node)
            .for_each(|node| node.bmc = Some(bmc.clone()));
    }
    Ok(nodes)
}

/// The BMC that a fence agent will look for.
fn bmc(nodes: &[Planned], device: &FenceDevice, number: usize, folder: &Path) -> Result<(Account, String)> {
    let node = &device.node;
    ensure!(
        device.agent == FenceAgent::Ipmi,
        with_hint(
            format!("{node} is fenced by {}, which cannot be rehearsed", device.agent.program()),
            "rehearse with a copy of the cluster file that says `agent = \"ipmi\"`, or without `[fencing]`"
        )
    );
    let (Some((IpAddr::V4(address), 623)), Some(user), Some(name)) =
        (device.address, &device.user, &device.secret)
    else {
        bail!(with_hint(
            format!("the BMC of {node} cannot be rehearsed"),
            "give it an IPv4 address, port 623, a user and a secret"
        ))
    };
    let (switch, vlan, prefix) = place(nodes, address).ok_or_else(|| {
        with_hint(
            format!("the BMC of {node}, {address}, is in none of the cluster's networks"),
            "give a node an address in the BMC's network: nobody routes in a rehearsal",
        )
    })?;
    let secret = Secret::new(Kind::Password(name.clone()), Vec::new());
    let path = secrets_folder(folder).file(&secret);
    let password = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))
        .hint("remove the folder of the rehearsal, and try again")?;
    // Of those that nobody sells, and no node's: nodes have cards by the cluster file.
    let mac = [0x02, 0x62, 0x6d, 0x63, (number >> 8) as u8, number as u8];
    let (user, password) = (user.clone(), password.trim_end().to_owned());
    Ok((Account { address, prefix, mac, vlan, user, password }, switch))
}

/// The switch of the network that has this address, the VLAN there, and the prefix. It is where some node has an address
/// beside it.
fn place(nodes: &[Planned], address: Ipv4Addr) -> Option<(String, Option<u16>, u8)> {
    nodes.iter().flat_map(Planned::interfaces).find_map(|interface| {
        let (IpAddr::V4(own), prefix) = interface.network.as_ref()?.address? else { return None };
        let (switch, vlan) = match &interface.port {
            Port::Vlan { id, on } => (on, Some(*id)),
            Port::Card(_) | Port::Bond { .. } => (&interface.name, None),
        };
        is_beside(own, prefix, address).then(|| (switch.clone(), vlan, prefix))
    })
}

fn is_beside(one: Ipv4Addr, prefix: u8, other: Ipv4Addr) -> bool {
    let hosts = 32 - u32::from(prefix);
    (one.to_bits() ^ other.to_bits()).checked_shr(hosts).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::is_beside;

    #[test]
    fn neighbours_share_their_prefix() {
        let [one, near, far] = [[10, 0, 2, 11], [10, 0, 2, 101], [10, 0, 3, 1]].map(Into::into);
        assert!(is_beside(one, 24, near) && !is_beside(one, 24, far) && is_beside(one, 16, far));
        assert!(is_beside(one, 0, far) && is_beside(one, 32, one) && !is_beside(one, 32, near));
    }
}
