//! `xinstall import`: a node gets a device that other nodes export, and keeps it while the export moves.

mod aoe;
mod handshake;
mod nbd;
mod netlink;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use self::nbd::Import;
use crate::model::membership::{Export, Membership, Protocol};
use crate::model::suggest;
use crate::notify;

/// How long until the network is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the kernel shows devices.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `/dev`.
    pub dev: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { dev: PathBuf::from("/dev"), sys: PathBuf::from("/sys") }
    }
}

/// Imports the export `name`, and tells systemd when its device is there. With AoE it returns then; with NBD only with an error.
///
/// # Errors
/// If there is no such export, or the kernel cannot be asked.
pub fn run(cluster: &Membership, name: &str, roots: &Roots) -> Result<()> {
    let export = find(cluster, name)?;
    match export.protocol {
        Protocol::Aoe { shelf, slot } => {
            aoe::wait(shelf, slot, roots)?;
            println!("{name} is {}", export.protocol.device());
            ready()
        }
        Protocol::Nbd { address, port, minor, .. } => nbd(name, address, port, minor)?.keep(&roots.sys),
    }
}

/// Lets go of the device, if somebody has to.
///
/// # Errors
/// If there is no such export, or the kernel refuses.
pub fn end(cluster: &Membership, name: &str, roots: &Roots) -> Result<()> {
    match find(cluster, name)?.protocol {
        Protocol::Aoe { .. } => Ok(()),
        Protocol::Nbd { address, port, minor, .. } => nbd(name, address, port, minor)?.end(&roots.sys),
    }
}

fn find<'a>(cluster: &'a Membership, name: &str) -> Result<&'a Export> {
    let Some(export) = cluster.export(name) else {
        let known = cluster.exports.iter().map(|export| export.name.as_str());
        bail!("unknown export `{name}`: {}", suggest::hint(name, "export", known));
    };
    Ok(export)
}

fn nbd(name: &str, address: IpAddr, port: u32, minor: u32) -> Result<Import<'_>> {
    let port = u16::try_from(port).with_context(|| format!("{port} is no port"))?;
    Ok(Import { name, server: SocketAddr::new(address, port), minor })
}

fn ready() -> Result<()> {
    notify::ready().context("cannot tell systemd that the device is there")
}
