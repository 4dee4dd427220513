//! An install: from what a medium holds and what the machine is to a node on its disks.
//!
//! Everything that can fail without a write is tried before the first one ([`Prepared`]): who the machine is, what its
//! disks are to become, whether what lies on them may go, whether the payload has it all, whether the tools are there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};

use crate::apply::{self, Failure, Old, OldKind, Removal, Root, Step};
use crate::arguments::Arguments;
use crate::console::Console;
use crate::content::Additions;
use crate::facts::{self, Firmware, Found, Machine};
use crate::finished;
use crate::format::Epoch;
use crate::host::Run;
use crate::identity::candidates::{self, Unidentified};
use crate::kept;
use crate::medium::Opened;
use crate::model::cluster::Cluster;
use crate::model::node::NodeSpec;
use crate::model::resolve::{Profiles, load_profiles};
use crate::network;
use crate::payload::{Payload, Progress};
use crate::plan::{Plan, Refusal, Seed, plan_node};
use crate::report::{self, Known, Report};
use crate::role::Role;
use crate::secrets::{self, Secrets};
use crate::units::Bytes;
use crate::wipe::{self, Owners};

/// The cluster file on a medium, beside `profiles/` and `overlays/`.
pub const CLUSTER: &str = "cluster.toml";
/// The stream with these three.
pub const SOURCE: &str = "source";
/// Where they are unpacked.
const SOURCES: &str = "/run/xinstall/source";

/// How an install ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The node is on its disks.
    Installed,
    /// Nobody said yes; nothing was written.
    Declined,
}

/// Installs this machine, and tells whoever the cluster file names how it has ended.
///
/// # Errors
/// Why not, and what state each disk is in.
pub fn run(
    host: &mut dyn Run,
    console: &mut Console,
    medium: &Opened,
    arguments: &Arguments,
) -> Result<Ended> {
    let mut known = Known::default();
    let ended = attempt(host, console, medium, arguments, &mut known);
    match &ended {
        Ok(Ended::Installed) => tell(host, console, medium, &known, None),
        Ok(Ended::Declined) => {}
        Err(error) => tell(host, console, medium, &known, Some(error)),
    }
    if let (Ok(Ended::Installed), Some(node)) = (&ended, &known.node) {
        console.say(&format!("installed {node} in {:.1} s", known.start.elapsed().as_secs_f64()));
    }
    ended
}

fn attempt(
    host: &mut dyn Run,
    console: &mut Console,
    medium: &Opened,
    arguments: &Arguments,
    known: &mut Known,
) -> Result<Ended> {
    let prepared = Prepared::new(host, medium, arguments, known).or_else(|error| {
        if error.is::<Unidentified>() {
            // There may be nobody at the console for a long time.
            tell(host, console, medium, known, Some(&error));
        }
        identify(console, error, known)?;
        Prepared::new(host, medium, arguments, known)
    })?;
    console.say(&prepared.describe());
    if !prepared.spec.install.unattended && !prepared.is_confirmed(console)? {
        return Ok(Ended::Declined);
    }
    prepared.apply(console, &medium.payload)?;
    Ok(Ended::Installed)
}

/// If nobody knows which node this is, a person may: the cluster file is not always right.
///
/// # Errors
/// Any other error, as it is; and when there is nobody to ask.
pub fn identify(console: &mut Console, error: Error, known: &mut Known) -> Result<()> {
    let unknown = error.downcast::<Unidentified>()?;
    known.node = Some(choose(console, &unknown)?);
    Ok(())
}

/// An install from a stick needs no network, but whoever is to be told is there.
fn tell(host: &mut dyn Run, console: &mut Console, medium: &Opened, known: &Known, failed: Option<&Error>) {
    let Some(address) = &known.address else { return };
    let report = Report::new(known, failed, console.log().unwrap_or_default());
    let sent = report.send(address).or_else(|error| {
        ensure!(medium.device.is_some(), error);
        network::bring_up(host, console, None)?;
        report.send(address)
    });
    if let Err(error) = sent {
        console.say(&format!("note: nobody was told: {error:#}"));
    }
}

/// Without what readers of tars say about it: a tar that did not arrive is not damaged.
fn plain(error: Error) -> Error {
    let payload = report::payload_error(&error).cloned();
    payload.map_or(error, Into::into)
}

/// An install with which nothing can go wrong any more but writing.
#[derive(Debug)]
pub struct Prepared {
    /// The machine.
    pub machine: Machine,
    /// The node's name, or that of its profile.
    pub name: String,
    /// What it is to be.
    pub spec: NodeSpec,
    /// Its disks.
    pub plan: Plan,
    epoch: Epoch,
    additions: Additions,
    steps: Vec<Step>,
}

impl Prepared {
    /// Looks at everything, and writes to no disk. What it finds out is `known` from then on, whatever fails later;
    /// a node that is known before is not looked for.
    ///
    /// # Errors
    /// The first thing that stands in the way; about disks all at once. [`Unidentified`] if nobody knows which node it is.
    pub fn new(
        host: &mut dyn Run,
        medium: &Opened,
        arguments: &Arguments,
        known: &mut Known,
    ) -> Result<Self> {
        let sources = Sources::unpack(&medium.payload)?;
        known.address = sources.cluster.as_ref().and_then(|cluster| cluster.install().report);
        let machine = facts::probe::probe(&facts::probe::Roots::default(), host)?;
        known.machine = Some(machine.clone());
        ensure!(
            machine.firmware != Firmware::Uefi { secure_boot: true },
            "Secure Boot is switched on, and would not start what is installed: nobody has signed it\n\
             hint: switch it off in the firmware's settings"
        );
        let chosen = known.node.take();
        let (name, spec, seed) = sources.node(chosen, &machine, &medium.payload, arguments)?;
        known.node = Some(name.clone());
        known.address.clone_from(&spec.install.report);
        let mut disks = machine.disks.clone();
        disks.retain(|disk| medium.device.as_ref().is_none_or(|stick| !has_partition(disk, stick)));
        let facts: Vec<_> = disks.iter().map(|disk| disk.facts.clone()).collect();
        let plan = plan_node(&spec, &facts, &seed).map_err(|refusals| refused(&refusals))?;
        known.planned = plan.disks.iter().map(|disk| disk.name.clone()).collect();
        check_firmware(machine.firmware, &plan)?;
        let mark = finished::mark(medium.payload.manifest())?;
        if !arguments.again {
            finished::refuse(host, &mark, &plan, &disks)?;
        }
        let removal = removal(&sources, &spec, &plan, &disks)?;
        kept::check(&kept::Roots::default(), host, &plan, &removal).map_err(|refusals| refused(&refusals))?;
        let role = Role::read(medium.payload.stream(&format!("role/{}", spec.profile))?)
            .with_context(|| format!("cannot read what the payload has of {}", spec.profile))?;
        check_room(&medium.payload, &spec.profile, &plan)?;
        let secrets = secrets_of(&medium.payload, sources.cluster.as_ref(), &name)?;
        let files = role.complete(&spec, &plan, &sources.profiles.overlay_folders(&spec), &secrets)?;
        let additions = Additions::new(files, spec.access.root_password_hash.clone());
        let steps = apply::steps(&plan, &removal, role.epoch(), &mark)?;
        let missing = missing_programs(&steps);
        ensure!(missing.is_empty(), "this installer has no {}: it was not made whole", missing.join(", "));
        Ok(Self { machine, name, spec, plan, epoch: role.epoch(), additions, steps })
    }

    /// The plan, and what the disks hold now.
    #[must_use]
    pub fn describe(&self) -> String {
        let planned = |disk: &&Found| self.plan.disks.iter().any(|planned| planned.name == disk.facts.name);
        let now = self.machine.disks.iter().filter(planned).map(|disk| {
            let contents: BTreeSet<&str> =
                disk.contents.iter().map(|content| content.kind.as_str()).collect();
            let contents = contents.into_iter().collect::<Vec<_>>().join(", ");
            let contents = if contents.is_empty() { "nothing" } else { &contents };
            format!("{}: {contents} on it now\n", disk.describe())
        });
        let install = &self.spec.install;
        let policy = format!("wipe policy: {}\n", install.wipe.as_str());
        format!(
            "this machine becomes {}\n{}{policy}\n{}",
            self.name,
            now.collect::<String>(),
            self.plan.draw()
        )
    }

    /// Asks for the node's name: nobody types that by mistake.
    fn is_confirmed(&self, console: &mut Console) -> io::Result<bool> {
        let question = format!(
            "to install, type the name of the node ({}); anything else leaves all as it is:",
            self.name
        );
        Ok(console.ask(&question)? == self.name)
    }

    fn apply(&self, console: &mut Console, payload: &Payload) -> Result<()> {
        let stream = payload.stream(&format!("rootfs/{}", self.spec.profile))?;
        let console = RefCell::new(console);
        let progress = stream.progress();
        let input = io::BufReader::with_capacity(1 << 20, stream);
        let tar = Told { input, progress, done: 0, told: 0, console: &console };
        let root = Root { tar, additions: self.additions.clone(), epoch: self.epoch };
        let mut door = apply::Machine::default();
        let mut watch = |step: &Step| console.borrow_mut().say(&step.what);
        let applied = apply::apply(&self.steps, root, &mut door, &mut watch);
        Ok(applied.map_err(|failure| Failure { because: plain(failure.because), ..failure })?)
    }
}

/// Profiles, overlays and the cluster file of a medium.
struct Sources {
    profiles: Profiles,
    cluster: Option<Cluster>,
}

impl Sources {
    fn unpack(payload: &Payload) -> Result<Self> {
        let folder = PathBuf::from(SOURCES);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let unpacked = tar::Archive::new(payload.stream(SOURCE)?).unpack(&folder);
        unpacked.map_err(|error| plain(error.into())).context("cannot unpack the profiles")?;
        let profiles = load_profiles(&folder)?;
        let file = folder.join(CLUSTER);
        let cluster = file.exists().then(|| Cluster::load(&file, &profiles)).transpose()?;
        Ok(Self { profiles, cluster })
    }

    /// Which node of the cluster file this machine is, if nobody has chosen one; without a cluster file, a generic node of
    /// the payload's profile.
    fn node(
        &self,
        chosen: Option<String>,
        machine: &Machine,
        payload: &Payload,
        arguments: &Arguments,
    ) -> Result<(String, NodeSpec, Seed)> {
        let Some(cluster) = &self.cluster else {
            let profile = only_profile(payload)?;
            let spec = self.profiles.resolve(&profile).map_err(|problem| anyhow!("{}", problem.message))?;
            let seed = Seed::node("generic", &machine_id(machine));
            return Ok((profile, spec, seed));
        };
        let find = || candidates::find(&arguments.line, machine, &cluster.marks());
        let name = chosen.map_or_else(find, Ok)?;
        let spec = cluster.node(&name, &self.profiles).map_err(|problem| anyhow!("{}", problem.message))?;
        let seed = Seed::node(cluster.name(), &name);
        Ok((name, spec, seed))
    }
}

/// What the medium has of this node's secrets; other nodes' are forgotten at once.
fn secrets_of(payload: &Payload, cluster: Option<&Cluster>, node: &str) -> Result<Secrets> {
    let there = payload.manifest().streams.contains_key(secrets::STREAM);
    let Some(cluster) = cluster.filter(|_| there) else { return Ok(Secrets::default()) };
    let read = Secrets::read(payload.stream(secrets::STREAM)?);
    let all = read.map_err(plain).context("cannot read the secrets on the medium")?;
    Ok(all.of(&cluster.secrets(), node))
}

fn choose(console: &mut Console, unknown: &Unidentified) -> Result<String> {
    console.say(&format!("{}\nhint: {}", unknown.message, unknown.hint));
    loop {
        let question = format!("which node is it? ({})", unknown.candidates.join(", "));
        let answer = console.ask(&question)?;
        if unknown.candidates.contains(&answer) {
            return Ok(answer);
        }
        console.say(&format!("`{answer}` is none of them"));
    }
}

/// Two generic nodes never share an id.
fn machine_id(machine: &Machine) -> String {
    let mac = machine.nics.first().map(|nic| nic.mac.as_str()).unwrap_or_default();
    format!("{}/{mac}", machine.serial)
}

fn only_profile(payload: &Payload) -> Result<String> {
    let names = payload.manifest().streams.keys().filter_map(|name| name.as_str().strip_prefix("rootfs/"));
    match names.collect::<Vec<_>>().as_slice() {
        [profile] => Ok((*profile).to_owned()),
        others => bail!(
            "the payload has {} profiles and no cluster file: nobody knows which one to take",
            others.len()
        ),
    }
}

pub(crate) fn refused(refusals: &[Refusal]) -> Error {
    let lines: Vec<_> =
        refusals.iter().map(|refusal| format!("{}\nhint: {}", refusal.message, refusal.hint)).collect();
    anyhow!("{}", lines.join("\nerror: "))
}

fn has_partition(disk: &Found, device: &str) -> bool {
    disk.facts.name == device || disk.partitions.iter().any(|piece| piece.device == device)
}

fn check_firmware(firmware: Firmware, plan: &Plan) -> Result<()> {
    let (name, boots) = match firmware {
        Firmware::Bios => ("BIOS", plan.firmware.has_bios()),
        Firmware::Uefi { .. } => ("UEFI", plan.firmware.has_uefi()),
    };
    ensure!(
        boots,
        "this machine has started by {name}, and would not start what layout `{}` makes\n\
         hint: switch its firmware over, or set `firmware` in the layout",
        plan.layout
    );
    Ok(())
}

fn removal(sources: &Sources, spec: &NodeSpec, plan: &Plan, disks: &[Found]) -> Result<Removal> {
    let owners = sources
        .cluster
        .as_ref()
        .map_or_else(Owners::default, |cluster| Owners::new(cluster.name(), cluster.nodes()));
    let case = wipe::Case { plan, disks, install: &spec.install, owners: &owners };
    let actions = wipe::decide(&case).map_err(|refusals| refused(&refusals))?;
    let mut removal =
        Removal { old: plan_disks(plan, disks).flat_map(old_partitions).collect(), ..Removal::default() };
    for action in actions {
        match action {
            wipe::Action::Wipe { device } => removal.wipe.push(device),
            wipe::Action::Keep { partition, .. } => {
                let disk = partition.disk(plan).context("BUG: a partition without a disk")?;
                removal.keep.push((disk.name.clone(), partition.number));
            }
            wipe::Action::KeepArray { name } => removal.keep_arrays.push(name),
            wipe::Action::KeepVolume { group, name } => removal.keep_volumes.push((group, name)),
        }
    }
    Ok(removal)
}

fn plan_disks<'a>(plan: &'a Plan, disks: &'a [Found]) -> impl Iterator<Item = &'a Found> {
    disks.iter().filter(|disk| plan.disks.iter().any(|planned| planned.name == disk.facts.name))
}

/// Firmware may start what is in any FAT file system.
fn old_partitions(disk: &Found) -> impl Iterator<Item = Old> {
    disk.partitions.iter().map(|piece| {
        let is_fat =
            disk.contents.iter().any(|content| content.device == piece.device && content.kind == "vfat");
        let kind = if is_fat { OldKind::Esp } else { OldKind::Other };
        Old { disk: disk.facts.name.clone(), start: piece.start, size: piece.size, kind }
    })
}

/// What is unpacked must fit into the file systems, all of them together at least.
fn check_room(payload: &Payload, profile: &str, plan: &Plan) -> Result<()> {
    let name = format!("rootfs/{profile}");
    let stream = payload.manifest().streams.iter().find(|(stream, _)| stream.as_str() == name);
    let (_, stream) =
        stream.with_context(|| format!("the payload has no {name}: it was made for other nodes"))?;
    let mounted = plan.filesystems.iter().filter(|filesystem| filesystem.mount.is_some());
    let room = Bytes(mounted.map(|filesystem| filesystem.size.0).sum());
    ensure!(stream.size < room, "the node's files take {}, and its file systems have {room}", stream.size);
    Ok(())
}

/// Of the programs that are going to be run here those that are not there; what is in the node's root is not looked at.
pub(crate) fn missing_programs(steps: &[Step]) -> Vec<&str> {
    let programs: BTreeSet<&str> = steps.iter().filter_map(Step::program).collect();
    let path = std::env::var("PATH").unwrap_or_default();
    let is_missing = |program: &&str| !path.split(':').any(|folder| Path::new(folder).join(program).exists());
    programs.into_iter().filter(is_missing).collect()
}

/// A stream that tells how far it is, in tenths, and what had to be fetched again.
struct Told<'c, 'd, R> {
    input: R,
    progress: Progress,
    done: u64,
    told: u64,
    console: &'d RefCell<&'c mut Console>,
}

impl<R: Read> Read for Told<'_, '_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(bytes);
        for trouble in self.progress.troubles() {
            self.console.borrow_mut().say(&format!("note: {trouble}; trying again"));
        }
        let count = read?;
        self.done += count as u64;
        let total = self.progress.total();
        let tenths = self.done * 10 / total.0.max(1);
        if tenths > self.told {
            self.told = tenths;
            self.console.borrow_mut().say(&format!("  {} % of {total}", tenths * 10));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::plain;
    use crate::payload::{Because, PayloadError};
    use crate::report::explain;

    #[test]
    fn a_tar_that_does_not_arrive_is_not_damaged() {
        let unreadable = PayloadError::Unreadable {
            file: "chunks/00.zst".to_owned(),
            place: "http://192.0.2.1/payload".to_owned(),
            because: Because("no byte came for 30 s (7 tries)".to_owned()),
        };
        let read = anyhow::Error::new(io::Error::other(unreadable)).context("the root's tar is damaged");
        assert_eq!(
            explain(&plain(read)),
            "error: cannot read chunks/00.zst at http://192.0.2.1/payload: no byte came for 30 s (7 tries)\n\
             hint: check the cable, the network and the server, or the medium; then start the installation again"
        );
        let damaged = anyhow::anyhow!("no header").context("the root's tar is damaged");
        assert_eq!(explain(&plain(damaged)), "error: the root's tar is damaged: no header");
    }
}
