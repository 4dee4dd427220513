//! A cluster in the rack that comes up from blank disks.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use builder::rehearse::blueprint::Blueprint;
use builder::rehearse::node::Node;
use builder::rehearse::{Rack, health, scale};
use builder::vm::Accelerator;

use crate::rack::{load, make_images};
use crate::xbuild::workshop;

/// For nodes to start and find each other.
pub const START: Duration = Duration::from_secs(30 * 60);
/// For a question.
pub const ANSWER: Duration = Duration::from_secs(120);

/// A rack whose nodes have come up.
#[derive(Debug)]
pub struct Rehearsal {
    /// The rack.
    pub rack: Rack,
    start: Instant,
}

impl Rehearsal {
    /// Makes the nodes of a cluster file, starts them, and waits until the first boot of each is done.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn up(name: &str, file: &Path) -> Self {
        let start = Instant::now();
        let folder = workshop().join(name);
        // Another run's nodes are not blank.
        drop(fs::remove_dir_all(&folder));
        let blueprint = Blueprint::draw(file, &load(), &folder, Accelerator::of_host()).expect("a blueprint");
        println!("{}", scale::draw(&blueprint.scaled));
        let rack = Rack::assemble(&make_images(&blueprint), &blueprint).expect("a rack");
        rack.power_on_all().expect("power");
        let rehearsal = Self { rack, start };
        for node in rehearsal.rack.nodes() {
            rehearsal.until(&format!("the first boot of {} is done", node.name), || {
                node.good("test -e /var/lib/xbuild/first-boot.done", ANSWER).ok()
            });
        }
        rehearsal.say("the first boot is done");
        rehearsal
    }

    /// The node of that name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn node(&self, name: &str) -> &Node {
        self.rack.node(name).expect("a node of the file")
    }

    /// What happened, and when.
    pub fn say(&self, text: &str) {
        println!("{:>5} s  {text}", self.start.elapsed().as_secs());
    }

    /// Waits until there is a result.
    ///
    /// # Panics
    /// When there is none in time.
    pub fn until<T>(&self, what: &str, condition: impl FnMut() -> Option<T>) -> T {
        self.rack.until(what, START, condition).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Lets each fence device switch its node off once, as it has to be before a node may be called well.
    ///
    /// # Panics
    /// When one does not.
    pub fn prove_fencing(&self) {
        health::prove_fencing(&self.rack).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Waits until every node says that it is well.
    ///
    /// # Panics
    /// When one is not, in time.
    pub fn well(&self) {
        health::well(&self.rack).unwrap_or_else(|error| panic!("{error:#}"));
    }
}
