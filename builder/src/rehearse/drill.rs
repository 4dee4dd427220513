//! What may go wrong, and what a cluster is expected to do about it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::blueprint::{Blueprint, Planned};
use super::health::{self, well};
use super::ipmi::Order;
use super::machine::Medium;
use super::node::Node;
use super::{Rack, table};
use crate::failure::with_hint;
use crate::planned;

/// For nodes to start and be well; emulated ones need minutes.
pub(super) const WELL: Duration = Duration::from_secs(45 * 60);
/// For one question.
pub(super) const ANSWER: Duration = Duration::from_secs(120);
/// How long a broken part is left alone: longer than anything takes to notice it, once that is scaled.
const BROKEN: Duration = Duration::from_secs(180);

/// What a user wants to see fail; whether there is such a thing is to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Everything, one after the other.
    All,
    /// One thing.
    One(Drill),
}

/// One thing that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drill {
    /// A node loses its power; its BMC has its own.
    PowerCut(String),
    /// A disk of a node fails every request.
    Disk(String, usize),
    /// The cables of an interface are pulled out of a node.
    Link(String, String),
}

/// What has become of a drill.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub drill: String,
    /// What was expected.
    pub expected: &'static str,
    /// What happened.
    pub happened: String,
    /// How long it took.
    pub took: Duration,
    /// Whether that is what was expected.
    pub held: bool,
}

const FORMS: &str = "write power-cut=NODE, disk=NODE:N, link=NODE:NET or all";

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let drill = match text.split_once('=') {
            Some(("power-cut", node)) if !node.is_empty() => Drill::PowerCut(node.to_owned()),
            Some(("disk", rest)) => match rest.split_once(':').map(|(node, number)| (node, number.parse())) {
                Some((node, Ok(number))) => Drill::Disk(node.to_owned(), number),
                _ => return Err("a disk is NODE:N, such as disk=storage1:0".to_owned()),
            },
            Some(("link", rest)) => match rest.split_once(':') {
                Some((node, network)) => Drill::Link(node.to_owned(), network.to_owned()),
                None => return Err("a link is NODE:NET, such as link=storage1:lan".to_owned()),
            },
            _ => return Err(FORMS.to_owned()),
        };
        Ok(Self::One(drill))
    }
}

impl fmt::Display for Drill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerCut(node) => write!(f, "power-cut={node}"),
            Self::Disk(node, number) => write!(f, "disk={node}:{number}"),
            Self::Link(node, network) => write!(f, "link={node}:{network}"),
        }
    }
}

/// The drills that are wished for, in that order.
///
/// # Errors
/// The first thing that is not there.
pub fn drills(wishes: &[Wish], blueprint: &Blueprint) -> Result<Vec<Drill>> {
    let mut drills = Vec::new();
    for wish in wishes {
        match wish {
            Wish::All => drills.extend(all(blueprint)?),
            Wish::One(drill) => {
                check(drill, blueprint)?;
                drills.push(drill.clone());
            }
        }
    }
    Ok(drills)
}

fn all(blueprint: &Blueprint) -> Result<Vec<Drill>> {
    let mut drills = Vec::new();
    for node in &blueprint.nodes {
        let name = || node.name().to_owned();
        drills.push(Drill::PowerCut(name()));
        drills.extend((0..disks(node)?).map(|number| Drill::Disk(name(), number)));
        drills.extend(links(node).into_iter().map(|network| Drill::Link(name(), network.to_owned())));
    }
    Ok(drills)
}

fn check(drill: &Drill, blueprint: &Blueprint) -> Result<()> {
    let (Drill::PowerCut(name) | Drill::Disk(name, _) | Drill::Link(name, _)) = drill;
    let names: Vec<&str> = blueprint.nodes.iter().map(Planned::name).collect();
    let unknown = || with_hint(format!("{drill}: unknown node `{name}`"), known("nodes", &names));
    let node = blueprint.node(name).ok_or_else(unknown)?;
    match drill {
        Drill::PowerCut(_) => {}
        Drill::Disk(_, number) => {
            let count = disks(node)?;
            let hint = format!("its disks are 0 to {}", count.saturating_sub(1));
            ensure!(*number < count, with_hint(format!("{drill}: {name} has no disk {number}"), hint));
        }
        Drill::Link(_, network) => {
            let links = links(node);
            let message = format!("{drill}: {name} has no card in `{network}`");
            ensure!(links.contains(&network.as_str()), with_hint(message, known("links", &links)));
        }
    }
    Ok(())
}

fn known(what: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("known {what}: {}", names.join(", "))
}

fn disks(node: &Planned) -> Result<usize> {
    Ok(planned::Planned::new(node.spec.clone(), None)?.plan.disks.len())
}

/// Interfaces with cards.
fn links(node: &Planned) -> Vec<&str> {
    let cards = node.interfaces().iter().filter(|interface| interface.port.macs().next().is_some());
    cards.map(|interface| interface.name.as_str()).collect()
}

impl Drill {
    const fn expected(&self, fenced: bool) -> &'static str {
        match (self, fenced) {
            (Self::PowerCut(_), true) => "another node fences it, it starts again, and all are well",
            (Self::PowerCut(_), false) => "the others go on; with its power back all are well",
            (Self::Disk(..), _) => "the others go on; with the disk back and a restart all are well",
            (Self::Link(..), _) => "one node at least goes on; with the cable back all are well",
        }
    }

    /// Does it, and sees what becomes of it. The rack is well afterwards, if it held.
    ///
    /// # Errors
    /// When the rack itself fails; a cluster that fails is an outcome.
    pub fn run(&self, rack: &Rack) -> Result<Outcome> {
        let (Self::PowerCut(name) | Self::Disk(name, _) | Self::Link(name, _)) = self;
        let node = rack.node(name)?;
        Ok(outcome(&self.to_string(), self.expected(node.bmc.is_some()), || match self {
            Self::PowerCut(_) => cut_power(rack, node),
            Self::Disk(_, number) => break_disk(rack, node, *number),
            Self::Link(_, network) => cut_link(rack, node, network),
        }))
    }

    /// It is not done, because something before it has not held.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn left_out(&self, rack: &Rack) -> Result<Outcome> {
        let (Self::PowerCut(name) | Self::Disk(name, _) | Self::Link(name, _)) = self;
        let expected = self.expected(rack.node(name)?.bmc.is_some());
        let (drill, happened) = (self.to_string(), "left out: the cluster is not well".to_owned());
        Ok(Outcome { drill, expected, happened, took: Duration::ZERO, held: false })
    }
}

/// The first drill of all.
#[must_use]
pub fn first_boot(rack: &Rack) -> Outcome {
    outcome("first boot", "all nodes start and form a cluster by themselves", || {
        rack.power_on_all()?;
        health::begun(rack).map(|()| "so they did".to_owned())
    })
}

/// The second one, where there is something that fences: on a real rack a person does the same.
#[must_use]
pub fn fencing(rack: &Rack) -> Option<Outcome> {
    let fenced = rack.nodes().iter().any(|node| node.bmc.is_some());
    fenced.then(|| {
        outcome("fencing", "each node is switched off once by its fence device, and all are well", || {
            health::prove_fencing(rack)?;
            well(rack).map(|()| "so they were".to_owned())
        })
    })
}

fn outcome(drill: &str, expected: &'static str, run: impl FnOnce() -> Result<String>) -> Outcome {
    let start = Instant::now();
    let (happened, held) = match run() {
        Ok(happened) => (happened, true),
        Err(error) => (format!("{error:#}"), false),
    };
    Outcome { drill: drill.to_owned(), expected, happened, took: start.elapsed(), held }
}

/// What nodes have in their memory goes with it, and their BMCs live on.
fn cut_power(rack: &Rack, node: &Node) -> Result<String> {
    let (start, others) = (Instant::now(), Boots::of_others(rack, node));
    node.machine.order(Order::Off)?;
    let mut happened = String::new();
    if node.bmc.is_some() {
        rack.until(&format!("another node fences {}, which starts again", node.name), WELL, || node.boot())?;
        happened = format!("fenced and started again after {} s, ", start.elapsed().as_secs());
    } else {
        watch(rack, || false)?;
        others.check(rack)?;
        node.machine.order(Order::On)?;
    }
    well(rack)?;
    others.check(rack)?;
    Ok(happened + "all well")
}

/// The disk is asked for something, since nobody notices a disk that is not.
fn break_disk(rack: &Rack, node: &Node, number: usize) -> Result<String> {
    let (others, before) = (Boots::of_others(rack, node), node.boot());
    node.machine.change_disk(number, Medium::Broken)?;
    let read = format!("dd if=/dev/disk/by-id/virtio-disk{number} of=/dev/null bs=4k count=1 iflag=direct");
    let read = node.machine.agent().run(&read, ANSWER);
    ensure!(read.as_ref().is_ok_and(|output| output.status != 0), "the disk does not fail: {read:?}");
    watch(rack, || false)?;
    others.check(rack)?;
    let lived = node.boot() == before && node.run("true", ANSWER).is_ok();
    node.machine.change_disk(number, Medium::Own)?;
    // Off and on: a node that has lost its system does not restart by itself.
    node.machine.order(Order::Off)?;
    node.machine.order(Order::On)?;
    well(rack)?;
    others.check(rack)?;
    let itself = if lived { "went on without it" } else { "did not survive it" };
    Ok(format!("{} {itself}, the others went on, all well", node.name))
}

fn cut_link(rack: &Rack, node: &Node, network: &str) -> Result<String> {
    let before = Boots::of(rack.nodes().iter());
    node.machine.plug(network, false)?;
    watch(rack, || !before.restarted(rack).is_empty())?;
    let restarted = before.restarted(rack);
    node.machine.plug(network, true)?;
    ensure!(restarted.len() < rack.nodes().len(), "every node has been started anew or is gone");
    well(rack)?;
    Ok(match restarted.as_slice() {
        [] => "nobody was fenced, all well".to_owned(),
        names => format!("fenced: {}; all well", names.join(", ")),
    })
}

/// Looks on while a part is broken, until something has happened or it is clear that nothing does.
fn watch(rack: &Rack, mut happened: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + BROKEN;
    rack.until("the end of a broken part", WELL, || (happened() || Instant::now() > end).then_some(()))
}

/// Which boots nodes were in at some time.
struct Boots(BTreeMap<String, Option<String>>);

impl Boots {
    fn of<'a>(nodes: impl Iterator<Item = &'a Node>) -> Self {
        Self(nodes.map(|node| (node.name.clone(), node.boot())).collect())
    }

    fn of_others(rack: &Rack, node: &Node) -> Self {
        Self::of(rack.nodes().iter().filter(|other| other.name != node.name))
    }

    /// Nodes that are not what they were.
    fn restarted(&self, rack: &Rack) -> Vec<String> {
        let changed = |node: &&Node| self.0.get(&node.name).is_some_and(|boot| *boot != node.boot());
        rack.nodes().iter().filter(changed).map(|node| node.name.clone()).collect()
    }

    fn check(&self, rack: &Rack) -> Result<()> {
        let restarted = self.restarted(rack);
        ensure!(
            restarted.is_empty(),
            "started anew or gone, though nothing was done to it: {}",
            restarted.join(", ")
        );
        Ok(())
    }
}

/// The table of outcomes.
#[must_use]
pub fn draw(outcomes: &[Outcome]) -> String {
    let head = ["drill", "expected", "happened", "seconds", "held"].map(str::to_owned);
    // A table has lines; what a console said is told apart from it.
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let row = |outcome: &Outcome| {
        let held = if outcome.held { "yes" } else { "no" };
        let Outcome { drill, expected, happened, took, .. } = outcome;
        [drill.clone(), (*expected).to_owned(), first(happened), took.as_secs().to_string(), held.to_owned()]
    };
    table::draw(&std::iter::once(head).chain(outcomes.iter().map(row)).collect::<Vec<_>>())
}

#[cfg(test)]
#[path = "drill_tests.rs"]
mod tests;
