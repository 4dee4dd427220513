//! The machine of a node: QEMU, its power, its disks and its cables.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::agent::Agent;
use super::chassis::Power;
use super::control::Control;
use super::hardware::{self, Hardware, Sockets};
use super::ipmi::Order;
use super::keeper::{Keeper, tail};
use super::switch::Switch;
use crate::failure::with_hint;
use crate::sandbox::Sandbox;
use crate::tools::Tools;
use crate::vm::Accelerator;

/// Bytes of a console that an error shows.
const CONSOLE_TAIL: usize = 3000;

/// A machine in the rack. QEMU runs all the time, and the machine in it is off or on.
#[derive(Debug)]
pub struct Machine {
    hardware: Hardware,
    switches: Arc<BTreeMap<String, Switch>>,
    agent: Agent,
    control: Control,
    tools: Tools,
    log: PathBuf,
    sockets: Sockets,
    /// One order at a time, whoever gives it; holds how many nodes of disks have been added.
    orders: Mutex<u32>,
    qemu: Keeper,
}

/// What a disk of a machine is replaced by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// What it was when the machine was built.
    Own,
    /// Something that fails every request.
    Broken,
    /// A new disk of the same size.
    Blank,
}

impl Machine {
    /// Starts QEMU with the machine switched off. `folder` takes its console's log and what it writes to its disks.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(
        tools: &Tools,
        hardware: Hardware,
        folder: &Path,
        sockets: Sockets,
        switches: Arc<BTreeMap<String, Switch>>,
    ) -> Result<Self> {
        let agent = Agent::listen(&sockets.path("agent"))?;
        let control = Control::listen(&sockets.path("qmp"))?;
        for disk in &hardware.disks {
            run(&overlay(tools, disk, folder), "qemu-img")?;
        }
        let log = folder.join("console.log");
        // QEMU goes on with it.
        File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let accelerator = Accelerator::of_host();
        let sandbox = hardware.machine(&sockets, &log).sandbox(tools, accelerator);
        let name = format!("QEMU of {}", hardware.node);
        let qemu = Keeper::start(&name, sandbox, &folder.join("qemu.log"), fell_over)?;
        control.wait(|| qemu.check())?;
        let (orders, tools) = (Mutex::new(0), tools.clone());
        let machine = Self { hardware, switches, agent, control, tools, log, sockets, orders, qemu };
        machine.power_cards(false);
        Ok(machine)
    }

    /// What it is made of.
    #[must_use]
    pub fn hardware(&self) -> &Hardware {
        &self.hardware
    }

    /// What runs commands in it.
    #[must_use]
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Where its console can be reached.
    #[must_use]
    pub fn console(&self) -> PathBuf {
        self.sockets.path("console")
    }

    /// All that its console has said.
    #[must_use]
    pub fn console_log(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said).replace('\u{1b}', "")
    }

    /// What its console said last.
    #[must_use]
    pub fn console_tail(&self) -> String {
        tail(&self.console_log(), CONSOLE_TAIL).to_owned()
    }

    /// Whether QEMU still runs.
    ///
    /// # Errors
    /// How it has ended.
    pub fn check(&self) -> Result<()> {
        self.qemu.check()
    }

    /// Whether the machine has power.
    ///
    /// # Errors
    /// When QEMU does not say.
    pub fn is_on(&self) -> Result<bool> {
        let status = self.control.execute("query-status", json!({}))?;
        Ok(status["running"] == Value::Bool(true))
    }

    /// Does what its BMC can do; the result is whether it has power then.
    ///
    /// # Errors
    /// When QEMU refuses.
    pub fn order(&self, order: Order) -> Result<bool> {
        let _one_at_a_time = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let on = self.is_on()?;
        match (order, on) {
            (Order::Off, true) => self.off()?,
            (Order::On, false) => self.on()?,
            (Order::Reset, true) => {
                self.execute("system_reset")?;
                self.agent.forget();
            }
            (Order::Ask, _) | (Order::Off | Order::Reset, false) | (Order::On, true) => {}
        }
        self.is_on()
    }

    /// What is in memory is gone at once; what the node has flushed is in the files.
    fn off(&self) -> Result<()> {
        self.control.want(false);
        self.power_cards(false);
        self.execute("stop")?;
        self.execute("system_reset")?;
        self.agent.forget();
        Ok(())
    }

    /// A machine that has shut down by itself must be reset before it can run.
    fn on(&self) -> Result<()> {
        self.execute("system_reset")?;
        self.agent.forget();
        self.power_cards(true);
        self.control.want(true);
        self.execute("cont")
    }

    fn execute(&self, command: &str) -> Result<()> {
        self.control.execute(command, json!({})).map(drop)
    }

    fn power_cards(&self, powered: bool) {
        for card in &self.hardware.cards {
            self.switches.get(&card.network).into_iter().for_each(|switch| switch.power(card.port, powered));
        }
    }

    /// Pulls the cables out of all cards of an interface, or plugs them in again; the node sees its carrier go and come.
    ///
    /// # Errors
    /// When it has no such interface with cards.
    pub fn plug(&self, network: &str, plugged: bool) -> Result<()> {
        let cards = self.hardware.cards.iter().enumerate().filter(|(_, card)| card.network == network);
        for (number, card) in cards.clone() {
            let switch = self.switches.get(network).context("BUG: a card without a switch")?;
            switch.plug(card.port, plugged);
            self.control.execute("set_link", json!({ "name": format!("card{number}"), "up": plugged }))?;
        }
        ensure!(cards.count() > 0, "{} has no card in `{network}`", self.hardware.node);
        Ok(())
    }

    /// Puts something else in the place of a disk, whether the machine is on or off.
    ///
    /// # Errors
    /// When there is no such disk, or QEMU refuses.
    pub fn change_disk(&self, number: usize, medium: Medium) -> Result<()> {
        let mut added = self.orders.lock().ok().context("BUG: an order was left in the middle")?;
        let disk = self.hardware.disks.get(number).ok_or_else(|| self.no_disk(number))?;
        *added += 1;
        let name = match medium {
            Medium::Own => format!("image{number}"),
            Medium::Broken | Medium::Blank => format!("other{added}"),
        };
        match medium {
            Medium::Own => {}
            Medium::Broken => self.add(hardware::broken(&name, size(&disk.image)?))?,
            Medium::Blank => {
                let file = disk.overlay.with_file_name(format!("{name}.qcow2"));
                run(&blank(&self.tools, &file, size(&disk.image)?)?, "qemu-img")?;
                self.add(hardware::image(&name, &file))?;
            }
        }
        let path = format!("/machine/peripheral/disk{number}/virtio-backend");
        let arguments = json!({ "path": path, "property": "drive", "value": name });
        self.control.execute("qom-set", arguments).map(drop)
    }

    fn add(&self, node: Value) -> Result<()> {
        self.control.execute("blockdev-add", node).map(drop)
    }

    fn no_disk(&self, number: usize) -> anyhow::Error {
        let count = self.hardware.disks.len();
        with_hint(
            format!("{} has no disk {number}", self.hardware.node),
            format!("its disks are 0 to {}", count.saturating_sub(1)),
        )
    }
}

/// What a BMC switches is the machine of its node.
#[derive(Clone, Debug)]
pub struct Mains(pub Arc<Machine>);

impl Power for Mains {
    fn order(&self, order: Order) -> Result<bool> {
        self.0.order(order)
    }
}

/// QEMU itself fails, as it does once in some hundred boots while a kernel places the registers of PCI devices. The machine
/// is then switched on once more: no disk was touched.
fn fell_over(said: &str) -> bool {
    said.contains("iotlb_to_section: Assertion")
}

fn size(image: &Path) -> Result<u64> {
    let found = fs::metadata(image).with_context(|| format!("cannot look at {}", image.display()))?;
    Ok(found.len())
}

fn overlay(tools: &Tools, disk: &hardware::Disk, folder: &Path) -> Sandbox {
    let (image, file) = (disk.image.display().to_string(), disk.overlay.display().to_string());
    let argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", &image, &file];
    let sandbox = tools.run(argv).bind(folder, &folder.display().to_string());
    match disk.image.parent().filter(|parent| *parent != folder) {
        Some(parent) => sandbox.bind_read_only(parent, &parent.display().to_string()),
        None => sandbox,
    }
}

fn blank(tools: &Tools, file: &Path, size: u64) -> Result<Sandbox> {
    let folder = file.parent().context("BUG: a disk without a folder")?;
    let argv = ["qemu-img", "create", "-q", "-f", "qcow2", &file.display().to_string(), &size.to_string()];
    Ok(tools.run(argv).bind(folder, &folder.display().to_string()))
}

fn run(sandbox: &Sandbox, what: &str) -> Result<()> {
    let finished = sandbox.output()?;
    ensure!(finished.status.success(), "{what} failed: {}", finished.stderr.trim());
    Ok(())
}
