//! What may go wrong, as a user names it.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, ensure};

use super::blueprint::{Blueprint, Planned};
use crate::failure::with_hint;
use crate::planned;

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
    let name = drill.node();
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
    /// The node that it is done to.
    #[must_use]
    pub fn node(&self) -> &str {
        let (Self::PowerCut(name) | Self::Disk(name, _) | Self::Link(name, _)) = self;
        name
    }

    /// What a cluster is expected to do about it.
    #[must_use]
    pub const fn expected(&self, fenced: bool) -> &'static str {
        match (self, fenced) {
            (Self::PowerCut(_), true) => "another node fences it, it starts again, and all are well",
            (Self::PowerCut(_), false) => "the others go on; with its power back all are well",
            (Self::Disk(..), _) => "the others go on; with the disk back and a restart all are well",
            (Self::Link(..), _) => "one node at least goes on; with the cable back all are well",
        }
    }
}

#[cfg(test)]
#[path = "drill_tests.rs"]
mod tests;
