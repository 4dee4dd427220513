//! The rack before the rack: the nodes of a cluster in QEMU, from the very images that they will have, with switches between
//! them and BMCs that really switch them.
//!
//! The rooms: `blueprint` says what is to be rehearsed, `scale` how it differs from the real one. `hardware` and `machine` are
//! a node's machine, `qmp`, `control` and `keeper` how QEMU is led, `agent` how the node in it is. `switch` is a network; `bmc`,
//! `ipmi` and `chassis` are what fences; `socket_folder` is where the sockets of all these are. `drill` is what may go wrong,
//! `outcome` what becomes of it.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use installer::model::resolve::Profiles;

use self::blueprint::{Blueprint, Planned};
use self::bmc::Bmc;
use self::hardware::{Card, Disk, Hardware, Sockets};
use self::ipmi::Order;
use self::machine::{Machine, Mains};
use self::node::Node;
use self::socket_folder::SocketFolder;
use self::switch::{Plug, Switch};
use crate::image::{self, KernelChoice, Request};
use crate::manifest::Made;
use crate::planned;
use crate::session::Session;
use crate::tools::Tools;
use crate::vm::{Drive, Firmware, Format};

pub mod agent;
pub mod blueprint;
pub mod bmc;
pub mod chassis;
pub mod control;
pub mod drill;
pub mod hardware;
pub mod health;
pub mod ipmi;
pub mod keeper;
pub mod machine;
pub mod node;
pub mod outcome;
pub mod qmp;
pub mod scale;
pub mod socket_folder;
pub mod switch;
pub mod table;
pub mod vlan;
pub mod worker;

/// How long until a condition is looked at again, at the least.
const POLL: Duration = Duration::from_secs(1);
/// How many times as long as a look the pause after it is: looking must not keep nodes from what it waits for.
const REST: u32 = 2;

/// A cluster in QEMU. All of it ends when this is dropped.
#[derive(Debug)]
pub struct Rack {
    nodes: Vec<Node>,
    // After the nodes, which have something in both.
    _switches: Arc<BTreeMap<String, Switch>>,
    _sockets: SocketFolder,
}

/// Where the cables go: the ends of each switch, by its name, and the ports of each card.
#[derive(Default)]
struct Cables {
    plugs: BTreeMap<String, Vec<Plug>>,
}

impl Cables {
    fn add(&mut self, switch: &str, plug: Plug) -> usize {
        let plugs = self.plugs.entry(switch.to_owned()).or_default();
        plugs.push(plug);
        plugs.len() - 1
    }

    fn cards(&mut self, node: &Planned, sockets: &Sockets) -> Vec<Card> {
        let mut cards = node.cards();
        for (number, card) in cards.iter_mut().enumerate() {
            let [ours, theirs] = sockets.card(number);
            card.port = self.add(&card.network, Plug::Card { ours, theirs });
        }
        cards
    }
}

impl Rack {
    /// Makes the images of all nodes and puts these into a rack, switched off.
    ///
    /// # Errors
    /// When an image cannot be made, or something of the rack does not start.
    pub fn build(session: &Session, profiles: &Profiles, blueprint: &Blueprint) -> Result<Self> {
        for node in &blueprint.nodes {
            make_images(session, profiles, blueprint, node)?;
        }
        Self::assemble(&session.tools, blueprint)
    }

    /// Puts nodes whose images are there into a rack, switched off.
    ///
    /// # Errors
    /// When something of the rack does not start.
    pub fn assemble(tools: &Tools, blueprint: &Blueprint) -> Result<Self> {
        let folder = SocketFolder::new()?;
        let (mut cables, mut bmcs, mut machines) = (Cables::default(), Vec::new(), Vec::new());
        for node in &blueprint.nodes {
            let sockets = Sockets::new(folder.path(), node.name());
            let cards = cables.cards(node, &sockets);
            machines.push((hardware(blueprint, node, cards)?, sockets));
            bmcs.push(match &node.bmc {
                None => None,
                Some((account, switch)) => {
                    let (ours, theirs) = UnixDatagram::pair().context("cannot make a cable")?;
                    cables.add(switch, Plug::Wire(theirs));
                    Some((account, ours))
                }
            });
        }
        let start = |(name, plugs): (String, Vec<Plug>)| Ok((name.clone(), Switch::start(&name, plugs)?));
        let switches: BTreeMap<_, _> = cables.plugs.into_iter().map(start).collect::<Result<_>>()?;
        let switches = Arc::new(switches);
        let mut nodes = Vec::new();
        for ((hardware, sockets), bmc) in machines.into_iter().zip(bmcs) {
            let name = hardware.node.clone();
            let beside = blueprint.folder.join(&name);
            let place = sockets.path("bmc");
            let machine = Machine::start(tools, hardware, &beside, sockets, switches.clone());
            let machine = Arc::new(machine.with_context(|| format!("cannot start the machine of {name}"))?);
            let start = |(account, wire)| Bmc::start(tools, &place, account, wire, Mains(machine.clone()));
            let bmc =
                bmc.map(start).transpose().with_context(|| format!("cannot start the BMC of {name}"))?;
            nodes.push(Node { name, machine, bmc });
        }
        Ok(Self { nodes, _switches: switches, _sockets: folder })
    }

    /// All nodes, in the order of the cluster file.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&self, name: &str) -> Result<&Node> {
        let found = self.nodes.iter().find(|node| node.name == name);
        found.with_context(|| format!("BUG: there is no node {name} in the rack"))
    }

    /// Switches all nodes on.
    ///
    /// # Errors
    /// When QEMU refuses.
    pub fn power_on_all(&self) -> Result<()> {
        self.nodes.iter().try_for_each(|node| node.machine.order(Order::On).map(drop))
    }

    /// Waits until `condition` has a result, which it is asked for once a second, or less often if asking takes long.
    ///
    /// # Errors
    /// When the deadline has passed, or a program of the rack has ended; with the ends of all consoles.
    pub fn until<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + deadline;
        loop {
            let look = Instant::now();
            if let Some(found) = condition() {
                return Ok(found);
            }
            let pause = POLL.max(look.elapsed() * REST);
            self.nodes.iter().try_for_each(Node::check)?;
            if Instant::now() > end {
                let message = format!("not within {} s: {what}", deadline.as_secs());
                let excuses: Vec<_> = self.nodes.iter().map(|node| node.excuse("")).collect();
                bail!("{message}{}", excuses.join("\n"));
            }
            std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
        }
    }
}

fn make_images(session: &Session, profiles: &Profiles, blueprint: &Blueprint, node: &Planned) -> Result<()> {
    let planned::Planned { spec, plan } = planned::Planned::new(node.spec.clone(), None)?;
    let mut secrets = blueprint.secrets.clone();
    secrets.retain(|secret| secret.is_for(node.name()));
    let request = Request {
        overlays: profiles.overlay_folders(&spec),
        spec,
        plan,
        format: Format::Raw,
        kernel: KernelChoice::Xbuild,
        secrets: blueprint.secrets_folder().read(&secrets)?,
        out: blueprint.folder.join(node.name()),
    };
    image::check(&request.plan, request.kernel)?;
    image::build(session, &request).with_context(|| format!("cannot make the images of {}", node.name()))?;
    Ok(())
}

fn hardware(blueprint: &Blueprint, node: &Planned, cards: Vec<Card>) -> Result<Hardware> {
    let folder = blueprint.folder.join(node.name());
    let drives = Made::read(&folder)?.drives(&folder).into_iter();
    let disk = |drive: Drive| Disk {
        overlay: drive.path.with_extension("rehearsed"),
        image: drive.path,
        sector_size: drive.sector_size,
    };
    let (name, serial) = (node.name().to_owned(), node.serial.clone());
    let firmware = if node.spec.layout.firmware.has_bios() { Firmware::Bios } else { Firmware::Uefi };
    Ok(Hardware { node: name, serial, firmware, cards, disks: drives.map(disk).collect() })
}
