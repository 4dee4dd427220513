//! What becomes of a drill: it is done to the rack, and a cluster that fails is an outcome, too.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::drill::Drill;
use super::health::{self, well};
use super::ipmi::Order;
use super::machine::Medium;
use super::node::Node;
use super::{Rack, table};

/// For nodes to start and be well; emulated ones need minutes.
pub(super) const WELL: Duration = Duration::from_secs(45 * 60);
/// For one question.
pub(super) const ANSWER: Duration = Duration::from_secs(120);
/// How long a broken part is left alone: longer than anything takes to notice it, once that is scaled.
const BROKEN: Duration = Duration::from_secs(180);

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

impl Drill {
    /// Does it, and sees what becomes of it. The rack is well afterwards, if it held.
    ///
    /// # Errors
    /// When the rack itself fails; a cluster that fails is an outcome.
    pub fn run(&self, rack: &Rack) -> Result<Outcome> {
        let node = rack.node(self.node())?;
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
        let expected = self.expected(rack.node(self.node())?.bmc.is_some());
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
mod tests {
    use super::{Outcome, draw};
    use std::time::Duration;

    #[test]
    fn outcomes_are_a_table_with_one_line_each() {
        let outcome = |drill: &str, happened: &str, held| Outcome {
            drill: drill.into(),
            expected: "it goes on",
            happened: happened.into(),
            took: Duration::from_millis(61_900),
            held,
        };
        assert_eq!(
            draw(&[
                outcome("link=n1:lan", "so it did", true),
                outcome("disk=n1:0", "it hung\nconsole", false)
            ]),
            "drill        expected    happened   seconds  held\n\
             link=n1:lan  it goes on  so it did  61       yes\n\
             disk=n1:0    it goes on  it hung    61       no\n"
        );
    }
}
