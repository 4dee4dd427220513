//! `xinstall firstboot`: two installed nodes become a cluster, with no hand on a keyboard.
//!
//! The rooms: [`look`] sees what there is, [`next`] says from it what is to be done, waited for or left to a person (pure, and all
//! there is to decide), [`action`] are the commands, `zeros` reads what a copy holds, `replica` reads `/proc/drbd`. Nodes tell each
//! other what they know by attributes of pacemaker, which corosync's key keeps from strangers. Nothing is remembered but what is
//! there to be seen: a run that was ended anywhere is taken up by the next one.

mod action;
mod group;
mod look;
mod next;
mod replica;
mod zeros;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

pub use self::action::Action;
pub use self::group::{Content, Made, Unmade};
pub use self::look::{Roots, look};
pub use self::next::{Facts, Next, next};
pub use self::replica::{Replica, parse as parse_replicas};
use crate::host::Run;
use crate::model::membership::Membership;
use crate::notify;

/// Left behind when it is done; the unit does not start again.
pub const DONE: &str = "/var/lib/xbuild/first-boot.done";
/// How long until it looks again, at the least.
const PAUSE: Duration = Duration::from_secs(2);
/// How many times as long as a look the pause after it is: whoever waits must not keep the node from what it waits for.
const REST: u32 = 2;

/// Only a person can go on from here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}\nhint: {hint}")]
pub struct Stopped {
    /// What is there.
    pub message: String,
    /// The way out.
    pub hint: String,
}

/// Does what is left of the first boot of node `me`, and returns when the cluster works by itself.
///
/// # Errors
/// [`Stopped`], or a command that failed: what was done stays done.
pub fn run(host: &mut dyn Run, cluster: &Membership, me: &str) -> Result<()> {
    let roots = Roots::default();
    let mut said = String::new();
    let mut ready = false;
    let mut doubt = Doubt::default();
    loop {
        let begin = Instant::now();
        let facts = look(host, cluster, me, &roots)?;
        let next = next(cluster, me, &facts);
        if !ready && !matches!(next, Next::Act(Action::MakeMetadata { .. }) | Next::Stop { .. }) {
            // From here on pacemaker finds what it needs; it has waited for this.
            notify::ready().context("cannot tell systemd that pacemaker may start")?;
            ready = true;
        }
        match next {
            Next::Act(action) => {
                println!("{action}");
                said.clear();
                action.perform(host)?;
            }
            Next::Wait(what) => {
                if what != said {
                    println!("{what}");
                    said = what;
                }
                thread::sleep(PAUSE.max(begin.elapsed() * REST));
            }
            Next::Stop { message, hint } => {
                doubt.rule_out(Stopped { message, hint })?;
                thread::sleep(PAUSE);
                continue;
            }
            Next::Done => return done(Path::new(DONE)),
        }
        doubt = Doubt::default();
    }
}

/// A look takes a while, and what others do meanwhile is half in it: a state from before, generations of data from after it.
/// So nothing stops a first boot that has not been seen twice in a row.
#[derive(Debug, Default)]
struct Doubt(Option<Stopped>);

impl Doubt {
    /// # Errors
    /// What was seen the last time too.
    fn rule_out(&mut self, seen: Stopped) -> Result<(), Stopped> {
        if self.0.as_ref() == Some(&seen) {
            return Err(seen);
        }
        self.0 = Some(seen);
        Ok(())
    }
}

fn done(path: &Path) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    path.parent().map_or(Ok(()), fs::create_dir_all).with_context(context)?;
    fs::write(path, "").with_context(context)?;
    println!("the cluster works by itself from here on");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Doubt, Stopped};

    #[test]
    fn only_what_is_seen_twice_stops() {
        let seen = |message: &str| Stopped { message: message.to_owned(), hint: String::new() };
        let mut doubt = Doubt::default();
        assert_eq!(doubt.rule_out(seen("one")), Ok(()));
        assert_eq!(doubt.rule_out(seen("other")), Ok(()));
        assert_eq!(doubt.rule_out(seen("other")), Err(seen("other")));
    }
}
