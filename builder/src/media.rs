//! `xbuild media`: what machines are started from to become nodes.
//!
//! The rooms: `initramfs` is the installer as the kernel starts it, `usb` and `pxe` are the two ways to it. Both hold the
//! same: our kernel, that initramfs, and a payload with the root and the boot files of each role, the profiles, the overlays
//! and the cluster file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use installer::finished;
use installer::medium::PAYLOAD;
use installer::model::node::NodeSpec;
use installer::payload::Manifest;
use installer::payload::manifest::StreamName;
use installer::plan::Plan;
use installer::secrets::Secrets;
use tar::{Builder, Header};

use crate::image::{self, KernelChoice, Parts, Recipe};
use crate::media_key::MediaKey;
use crate::partial::Readers;
use crate::payload::{LEVEL, Packer, Streams};
use crate::session::Session;
use crate::stage::Stage;

mod initramfs;
mod pxe;
mod usb;

/// The menu on a stick.
const MENU: &str = include_str!("media/grub.cfg");
const KERNEL: &str = "vmlinuz";
const INITRAMFS: &str = "initrd.img";

/// Media to be made.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder with `profiles/` and `overlays/`.
    pub source: PathBuf,
    /// The cluster file; without one the installed node is generic.
    pub cluster: Option<PathBuf>,
    /// Each profile that a node may have, with a plan on the smallest disks that it takes.
    pub roles: Vec<Role>,
    /// What to make.
    pub kind: Kind,
    /// The secrets of all nodes, if they are to be on it.
    pub secrets: Secrets,
}

/// A profile that nodes may have.
#[derive(Clone, Debug)]
pub struct Role {
    /// A generic node of it.
    pub spec: NodeSpec,
    /// Its disks.
    pub plan: Plan,
    /// The folders of its overlays.
    pub overlays: Vec<PathBuf>,
}

/// What media are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An image for a stick.
    Usb(PathBuf),
    /// A folder for a web server.
    Pxe(PathBuf),
}

impl Kind {
    /// What to do with it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Usb(path) => {
                format!(
                    "write it to a stick: dd if={} of=/dev/STICK bs=4M oflag=direct status=progress",
                    path.display()
                )
            }
            Self::Pxe(path) => format!(
                "serve it, such as with `python3 -m http.server -d {}`, and let iPXE start boot.ipxe from there",
                path.display()
            ),
        }
    }
}

/// Makes the media, signed with `key`.
///
/// # Errors
/// Whatever fails; a stick's image then has not got its name, and a folder holds no payload that an installer takes.
pub fn build(session: &Session, request: &Request, key: &MediaKey) -> Result<()> {
    let parts = |role: &Role| {
        let Role { spec, plan, overlays } = role;
        image::parts(session, &Recipe { spec, plan, kernel: KernelChoice::Xbuild, overlays })
    };
    let parts: Vec<Parts> = request.roles.iter().map(parts).collect::<Result<_>>()?;
    let epoch = parts
        .iter()
        .map(|parts| parts.role.epoch())
        .max_by_key(|epoch| epoch.0)
        .context("media without a role")?;
    let kernel = session.kernel_image()?;
    let stage = session.reporter.stage("media")?;
    let make = |folder: &Path| -> Result<String> {
        stage.note("initramfs");
        fs::copy(&kernel, folder.join(KERNEL)).context("cannot copy the kernel")?;
        fs::write(folder.join(INITRAMFS), initramfs::make(session, &stage, &[key.public()])?)?;
        let manifest = pack(&stage, request, &parts, (key, epoch.0), &folder.join(PAYLOAD))?;
        finished::mark(&manifest)
    };
    match &request.kind {
        Kind::Pxe(folder) => {
            ensure!(request.secrets.is_empty(), "BUG: secrets for a web server");
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            make(folder)?;
            pxe::finish(&session.tools, folder)?;
        }
        Kind::Usb(image) => {
            let work = session.cache.private_scratch("media")?;
            let menu = MENU.replace("@MARKS@", finished::FOLDER).replace("@MARK@", &make(work.path())?);
            fs::create_dir_all(work.path().join("grub"))?;
            fs::write(work.path().join("grub/grub.cfg"), menu)?;
            stage.note("stick");
            usb::make(session, &stage, work.path(), epoch, (image, Readers::of(&request.secrets)))?;
            work.remove()?;
        }
    }
    stage.done();
    Ok(())
}

fn pack(
    stage: &Stage,
    request: &Request,
    parts: &[Parts],
    (key, created): (&MediaKey, u64),
    out: &Path,
) -> Result<Manifest> {
    let mut streams: Streams = BTreeMap::new();
    streams.insert(stream("source")?, Box::new(Cursor::new(sources(request)?)));
    if !request.secrets.is_empty() {
        let mut secrets = Vec::new();
        request.secrets.write(&mut secrets)?;
        streams.insert(stream(installer::secrets::STREAM)?, Box::new(Cursor::new(secrets)));
    }
    for parts in parts {
        let profile = &parts.role.facts.profile;
        stage.note(format!("payload {profile}"));
        let mut role = Vec::new();
        parts.role.write(&mut role)?;
        streams.insert(stream(&format!("role/{profile}"))?, Box::new(Cursor::new(role)));
        let root = File::open(parts.rootfs.tar()).context("cannot open the root's tar")?;
        let root: Box<dyn Read> = Box::new(BufReader::with_capacity(1 << 20, root));
        streams.insert(stream(&format!("rootfs/{profile}"))?, root);
    }
    Packer { out, key, created, level: LEVEL }.pack(streams)
}

fn stream(name: &str) -> Result<StreamName> {
    StreamName::try_from(name.to_owned()).map_err(|because| anyhow::anyhow!("BUG: {because}"))
}

/// Profiles, overlays and the cluster file, as a tar: on the node they are read by the same code as here.
fn sources(request: &Request) -> Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for folder in ["overlays", "profiles"] {
        add_folder(&mut tar, &request.source, Path::new(folder))?;
    }
    if let Some(cluster) = &request.cluster {
        let text = fs::read(cluster).with_context(|| format!("cannot read {}", cluster.display()))?;
        let mut header = header(text.len() as u64, 0o600);
        tar.append_data(&mut header, installer::install::CLUSTER, text.as_slice())?;
    }
    tar.into_inner().context("cannot end the tar of profiles and overlays")
}

/// In the order of their names.
fn add_folder(tar: &mut Builder<Vec<u8>>, base: &Path, folder: &Path) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(base.join(folder))?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (folder.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            let mut header = header(0, 0o755);
            header.set_entry_type(tar::EntryType::Directory);
            tar.append_data(&mut header, &path, std::io::empty())?;
            add_folder(tar, base, &path)?;
        } else if kind.is_symlink() {
            let mut header = header(0, 0o777);
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, &path, fs::read_link(entry.path())?)?;
        } else {
            use std::os::unix::fs::PermissionsExt as _;
            let bytes = fs::read(entry.path())?;
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            let mut header = header(bytes.len() as u64, if executable { 0o755 } else { 0o644 });
            tar.append_data(&mut header, &path, bytes.as_slice())?;
        }
    }
    Ok(())
}

fn header(size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_size(size);
    header
}
