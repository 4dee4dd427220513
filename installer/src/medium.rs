//! Where an install comes from: a stick that is plugged in, a folder, or a web server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::host::{Command, Run};
use crate::payload::{Folder, Http, Patience, Payload, Source, TrustedKeys};

/// Label of the file system of a stick.
pub const LABEL: &str = "XBUILD";
/// Folder of the payload on it.
pub const PAYLOAD: &str = "payload";
/// Where it is mounted.
const MOUNT: &str = "/run/medium";
/// How long a stick may take to show up: hubs are slow, and some of them are switched on one after the other.
const PLUGGED: Duration = Duration::from_secs(60);
/// Of the public keys that payloads may be signed with.
const KEYS: &str = "/etc/xbuild";
/// How long a server may say nothing.
const STALLED: Duration = Duration::from_secs(30);

/// Where an install comes from, as the kernel argument `xbuild.source=` and the option `--from` say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A stick, wherever it is plugged in.
    Stick,
    /// A folder with a payload.
    Folder(PathBuf),
    /// The address of a payload.
    Web(String),
}

impl Medium {
    /// `stick`, an address, or a path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "stick" => Self::Stick,
            _ if text.contains("://") => Self::Web(text.trim_end_matches('/').to_owned()),
            _ => Self::Folder(text.into()),
        }
    }

    /// Opens its payload, which one of this installer's keys must have signed. A stick is mounted for it; for an address
    /// the network is set up, if it is not.
    ///
    /// # Errors
    /// When it is not there, or nobody of ours has signed it.
    pub fn open(&self, host: &mut dyn Run) -> Result<Opened> {
        let mut device = None;
        let source: Arc<dyn Source> = match self {
            Self::Stick => {
                let stick = find_stick(host)?;
                mount(host, &stick)?;
                device = Some(stick);
                Arc::new(Folder::new(Path::new(MOUNT).join(PAYLOAD)))
            }
            Self::Folder(path) => Arc::new(Folder::new(path)),
            Self::Web(address) => Arc::new(Http::new(address, STALLED)?),
        };
        let payload = Payload::open(source, &keys()?, Patience::default())?;
        Ok(Opened { payload, device })
    }
}

/// A medium in use.
#[derive(Debug)]
pub struct Opened {
    /// What is on it.
    pub payload: Payload,
    /// The partition that it is, if it is one: its disk is not to be installed on.
    pub device: Option<String>,
}

impl Opened {
    /// Leaves `text` on the stick, for whoever pulls it out.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn leave(&self, host: &mut dyn Run, name: &str, text: &str) -> Result<()> {
        let Some(device) = &self.device else { return Ok(()) };
        host.run(&Command::new(["mount", "-o", "remount,rw", device, MOUNT]))?;
        let written = fs::write(Path::new(MOUNT).join(name), text);
        host.run(&Command::new(["mount", "-o", "remount,ro", device, MOUNT]))?;
        written.with_context(|| format!("cannot write {name} on the stick"))
    }
}

fn find_stick(host: &mut dyn Run) -> Result<String> {
    let find = Command::new(["findfs", &format!("LABEL={LABEL}")]);
    let end = Instant::now() + PLUGGED;
    loop {
        let said = host.output(&find)?;
        if said.succeeded() {
            return Ok(said.stdout.trim().to_owned());
        }
        ensure!(
            Instant::now() < end,
            "no file system with the label {LABEL} has shown up in {} s: is the stick still plugged in?",
            PLUGGED.as_secs()
        );
        thread::sleep(Duration::from_millis(200));
    }
}

fn mount(host: &mut dyn Run, device: &str) -> Result<()> {
    fs::create_dir_all(MOUNT)?;
    host.run(&Command::new(["mount", "-t", "vfat", "-o", "ro", device, MOUNT]))?;
    Ok(())
}

/// The keys that came with this installer.
fn keys() -> Result<TrustedKeys> {
    let folder = fs::read_dir(KEYS).with_context(|| format!("this installer has no keys in {KEYS}"))?;
    let mut keys = Vec::new();
    for entry in folder {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        keys.push((path.display().to_string(), text));
    }
    Ok(TrustedKeys::read(keys)?)
}

#[cfg(test)]
mod tests {
    use super::Medium;

    #[test]
    fn a_medium_is_a_stick_an_address_or_a_folder() {
        assert_eq!(Medium::parse("stick"), Medium::Stick);
        let web = Medium::Web("http://192.0.2.1/x/payload".to_owned());
        assert_eq!(Medium::parse("http://192.0.2.1/x/payload/"), web);
        assert_eq!(Medium::parse("/srv/payload"), Medium::Folder("/srv/payload".into()));
    }
}
