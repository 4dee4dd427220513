//! Arrays put together on paper from the members that are there (what may be left out: `analyze_sbs` and the levels'
//! `run` in the kernel's `drivers/md`).

use std::rc::Rc;

use installer::units::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::damage::Damage;
use super::device::{Content, Device};
use super::md::level::{self, Copies, Level};
use super::md::{MOST_SLOTS, Role, Superblock};
use super::member::Member;
use super::source::{Dealt, Mirror, Shared, Window};

/// An array.
#[derive(Clone, Debug, Serialize)]
pub struct Array {
    /// What its device is called.
    pub name: String,
    /// That, with the host that it belongs to.
    pub full_name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// RAID level.
    pub level: Level,
    /// How the level arranges things, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// Bytes of a chunk; 0 where the level has none.
    pub chunk: Bytes,
    /// Its size, if it follows from what the members say.
    pub size: Option<Bytes>,
    /// Nothing was being written.
    pub clean: bool,
    /// Of the newest member.
    pub events: u64,
    /// Its members by their role.
    pub slots: Vec<Slot>,
    /// Spares, and members that do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Other>,
    /// Whether it could start.
    pub verdict: Verdict,
    /// What it carries, if that can be found out.
    pub device: Option<Device>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Damage::is_none")]
    pub damage: Damage,
}

/// A place for a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Slot {
    /// A member is there.
    Present {
        /// On this device.
        device: String,
    },
    /// A member is there, and being rebuilt.
    Rebuilding {
        /// On this device.
        device: String,
        /// Up to here.
        done: Bytes,
    },
    /// The array has a member that was not found.
    Missing,
    /// The array was running without one.
    Empty,
}

/// A device of an array that has no place in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Its name.
    pub device: String,
    /// What it is, in a word.
    pub what: &'static str,
}

/// What md would do with the members that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Start it with all members.
    Whole,
    /// Start it, when told to do without the others.
    Degraded,
    /// Not start it.
    CannotStart,
}

/// A member, and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its device.
    pub device: String,
    /// What it says.
    pub member: Member,
    /// Its bytes.
    pub source: Shared,
}

impl Found {
    /// The device as a member, if it is one.
    #[must_use]
    pub fn of(device: &Device) -> Option<Self> {
        let Content::Member(member) = &device.content else { return None };
        Some(Self {
            device: device.name.clone(),
            member: (**member).clone(),
            source: Rc::clone(&device.source),
        })
    }

    const fn superblock(&self) -> &Superblock {
        &self.member.superblock
    }
}

/// The arrays of these members, in the order in which they were found.
#[must_use]
pub fn assemble(found: &[Found]) -> Vec<(Array, Option<Shared>)> {
    let mut uuids: Vec<Uuid> = Vec::new();
    for uuid in found.iter().map(|found| found.superblock().array) {
        if !uuids.contains(&uuid) {
            uuids.push(uuid);
        }
    }
    let of = |uuid: &Uuid| found.iter().filter(|found| found.superblock().array == *uuid).collect::<Vec<_>>();
    uuids.iter().filter_map(|uuid| Paper::new(of(uuid))).map(Paper::array).collect()
}

/// An array while it is put together.
struct Paper<'a> {
    newest: &'a Superblock,
    slots: Vec<Slot>,
    /// Members that can be read, by their role.
    usable: Vec<Option<&'a Found>>,
    others: Vec<Other>,
    damage: Damage,
}

impl<'a> Paper<'a> {
    fn new(members: Vec<&'a Found>) -> Option<Self> {
        // A superblock with a wrong checksum is believed only if there is no other.
        let trust = |found: &&&Found| (found.superblock().is_whole, found.superblock().events);
        let newest = members.iter().max_by_key(trust)?.superblock();
        let count = usize::try_from(newest.slots.min(MOST_SLOTS)).ok()?;
        let expected = |role: usize| newest.roles.iter().any(|known| is_role(*known, role));
        let slots = (0..count).map(|role| if expected(role) { Slot::Missing } else { Slot::Empty }).collect();
        let mut paper =
            Self { newest, slots, usable: vec![None; count], others: Vec::new(), damage: Damage::none() };
        members.into_iter().for_each(|found| paper.place(found));
        Some(paper)
    }

    fn place(&mut self, found: &'a Found) {
        match self.role(found) {
            Ok(role) => self.take(found, role),
            Err(what) => self.others.push(Other { device: found.device.clone(), what }),
        }
    }

    /// The place of a member, or what it is instead of one.
    fn role(&mut self, found: &Found) -> Result<usize, &'static str> {
        let (device, superblock) = (&found.device, found.superblock());
        let role = match superblock.role {
            Role::Active(role) => usize::from(role),
            Role::Spare => return Err("spare"),
            Role::Faulty => return Err("faulty"),
            Role::Journal => return Err("journal"),
        };
        if found.member.is_refused {
            return Err("refused by md");
        }
        // md overlooks one change: it may have been the last one before the power went.
        if superblock.events.saturating_add(1) < self.newest.events {
            let (has, newest) = (superblock.events, self.newest.events);
            self.damage.add(format!(
                "{device} is out of date: it has seen {has} events, and the newest member {newest}"
            ));
            return Err("out of date");
        }
        if superblock.is_replacement {
            return Err("replacement");
        }
        match self.slots.get(role) {
            Some(Slot::Missing | Slot::Empty) => Ok(role),
            Some(_) => {
                self.damage.add(format!("{device} claims to be member {role}, and so does another one"));
                Err("double")
            }
            None => {
                self.damage.add(format!("{device} claims to be member {role} of {}", self.slots.len()));
                Err("misplaced")
            }
        }
    }

    fn take(&mut self, found: &'a Found, role: usize) {
        let (device, rebuilt) = (found.device.clone(), found.superblock().rebuilt);
        if let Some(slot) = self.slots.get_mut(role) {
            *slot = match rebuilt {
                Some(done) => Slot::Rebuilding { device, done },
                None => Slot::Present { device },
            };
        }
        if let Some(usable) = self.usable.get_mut(role).filter(|_| rebuilt.is_none()) {
            *usable = Some(found);
        }
    }

    fn verdict(&self) -> Verdict {
        let present: Vec<bool> = self.usable.iter().map(Option::is_some).collect();
        if !present.is_empty() && present.iter().all(|present| *present) {
            Verdict::Whole
        } else if level::suffices(self.newest.level, self.newest.layout, &present) && !present.is_empty() {
            Verdict::Degraded
        } else {
            Verdict::CannotStart
        }
    }

    fn array(self) -> (Array, Option<Shared>) {
        let newest = self.newest;
        let name = Some(newest.short_name()).filter(|name| !name.is_empty());
        let verdict = self.verdict();
        let size = level::size(newest.level, newest.layout, newest.slots, newest.member_size, newest.chunk);
        let source = if verdict == Verdict::CannotStart { None } else { self.source(size) };
        let array = Array {
            name: name.map_or_else(|| newest.array.to_string(), str::to_owned),
            full_name: newest.name.clone(),
            uuid: newest.array,
            level: newest.level,
            layout: level::layout(newest.level, newest.layout),
            chunk: newest.chunk,
            size: size.or_else(|| source.as_ref().map(|source| source.size())),
            clean: newest.clean,
            events: newest.events,
            verdict,
            device: None,
            slots: self.slots,
            others: self.others,
            damage: self.damage,
        };
        (array, source)
    }

    /// What the array carries, where the level lets chunks be found by arithmetic.
    fn source(&self, size: Option<Bytes>) -> Option<Shared> {
        let Superblock { level, layout, member_size, chunk, .. } = *self.newest;
        if self.newest.reshaping {
            return None;
        }
        let copies = Copies::of(layout);
        match level {
            Level::Raid1 => {
                Some(Rc::new(Mirror::new(self.data(member_size).into_iter().flatten().collect(), size?)))
            }
            Level::Raid10 if copies.far == 1 => {
                shared(Dealt::new(self.data(member_size), chunk, copies.near.into(), size?))
            }
            Level::Raid0 => self.striped(chunk),
            _ => None,
        }
    }

    /// RAID0 says nothing of its size: each member gives what it has. Unequal ones are not looked at.
    fn striped(&self, chunk: Bytes) -> Option<Shared> {
        let rounded =
            |found: &Found| found.superblock().data_size.0.checked_div(chunk.0)?.checked_mul(chunk.0);
        let sizes: Option<Vec<u64>> = self.usable.iter().map(|found| found.and_then(rounded)).collect();
        let (sizes, count) = (sizes?, self.usable.len() as u64);
        let size = *sizes.first().filter(|first| sizes.iter().all(|size| size == *first))?;
        shared(Dealt::new(self.data(Bytes(size)), chunk, 1, Bytes(size.checked_mul(count)?)))
    }

    /// The data of each member.
    fn data(&self, size: Bytes) -> Vec<Option<Shared>> {
        let window = |found: &&Found| -> Shared {
            Rc::new(Window::new(&found.source, found.superblock().data_offset, size))
        };
        self.usable.iter().map(|found| found.as_ref().map(window)).collect()
    }
}

fn shared(dealt: Option<Dealt>) -> Option<Shared> {
    dealt.map(|dealt| -> Shared { Rc::new(dealt) })
}

fn is_role(known: Role, role: usize) -> bool {
    matches!(known, Role::Active(known) if usize::from(known) == role)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "array_tests.rs"]
mod tests;
