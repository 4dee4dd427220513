//! Looking at this machine: the only reader of sysfs, and of what `wipefs` and `sfdisk` say.

mod disk;
mod tree;

use std::path::PathBuf;

use self::tree::Tree;
use super::attribute;
use super::found::{Found, natural};
use super::machine::{Firmware, Machine, Nic};
use super::usage::Usage;
use crate::host::{CommandFailed, Run};
use crate::units::Bytes;

/// EFI's global variables.
const SECURE_BOOT: &str = "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// `ARPHRD_ETHER`.
const ETHERNET: &str = "1";

/// Where a machine shows itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// sysfs.
    pub sys: PathBuf,
    /// procfs.
    pub proc: PathBuf,
    /// Device nodes. Commands get their names below `/dev` all the same.
    pub dev: PathBuf,
}

impl Default for Roots {
    /// This machine.
    fn default() -> Self {
        Self { sys: "/sys".into(), proc: "/proc".into(), dev: "/dev".into() }
    }
}

/// Why a machine could not be looked at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeFailed {
    /// A file that every machine has.
    #[error("cannot read {path}: {because}")]
    Unreadable {
        /// Which.
        path: String,
        /// The kernel's reason.
        because: String,
    },
    /// A program is not there.
    #[error(transparent)]
    Command(#[from] CommandFailed),
    /// A program said something else than it does on other machines.
    #[error("`{command}` said what nobody understands: {because}")]
    Output {
        /// As it can be pasted.
        command: String,
        /// What is wrong with it.
        because: String,
    },
}

/// Looks at a machine, and changes nothing. efivarfs must be mounted for Secure Boot to be seen.
///
/// # Errors
/// When sysfs or procfs are not there, or a program that is needed. A disk that cannot be read is no error: see
/// [`Found::unreadable`].
pub fn probe(roots: &Roots, host: &mut dyn Run) -> Result<Machine, ProbeFailed> {
    let (sys, proc, dev) = (Tree::new(&roots.sys), Tree::new(&roots.proc), Tree::new(&roots.dev));
    let usage = Usage::parse(&proc.required("mounts")?, &proc.required("swaps")?);
    let mut disks = Vec::new();
    for name in sys.entries("block")? {
        disks.extend(disk::Probe { sys: &sys, dev: &dev, usage: &usage, name: &name }.look(host)?);
    }
    disks.sort_by_key(Found::order);
    Ok(Machine {
        firmware: firmware(&sys),
        memory: attribute::memory(&proc.required("meminfo")?).unwrap_or(Bytes::ZERO),
        serial: sys.text("class/dmi/id/product_serial").unwrap_or_default(),
        nics: nics(&sys),
        disks,
    })
}

fn firmware(sys: &Tree) -> Firmware {
    if !sys.has("firmware/efi") {
        return Firmware::Bios;
    }
    let secure_boot = sys.bytes(SECURE_BOOT).is_some_and(|variable| attribute::secure_boot(&variable));
    Firmware::Uefi { secure_boot }
}

/// Cards, not what is built on them: these have a device.
fn nics(sys: &Tree) -> Vec<Nic> {
    let nic = |name: String| {
        let at = format!("class/net/{name}");
        let is_card =
            sys.has(&format!("{at}/device")) && sys.text(&format!("{at}/type")).as_deref() == Some(ETHERNET);
        let mac = sys.text(&format!("{at}/address")).filter(|_| is_card)?.to_ascii_lowercase();
        let driver = sys.place(&format!("{at}/device/driver"));
        let driver = driver.and_then(|place| place.rsplit('/').next().map(str::to_owned));
        Some(Nic { name, mac, driver })
    };
    let mut nics: Vec<Nic> = sys.names("class/net").into_iter().filter_map(nic).collect();
    nics.sort_by_key(|nic| natural(&nic.name));
    nics
}
