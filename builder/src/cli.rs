//! What can be asked of `xbuild`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::image::KernelChoice;
use crate::rehearse::drill::Wish;
use crate::sandbox::Sandbox;
use crate::vm::{Firmware, Format};

/// Makes bootable Debian node images for Xen clusters from signed packages.
#[derive(Debug, Parser)]
#[command(name = "xbuild", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
}

/// What holds for every command.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The folder with profiles/ and overlays/ [default: this one or the nearest above it]
    #[arg(long, global = true, value_name = "DIR", env = "XBUILD_SOURCE")]
    pub source: Option<PathBuf>,
    /// Where downloads and finished stages are kept [default: $XDG_CACHE_HOME/xbuild or ~/.cache/xbuild]
    #[arg(long, global = true, value_name = "DIR", env = "XBUILD_CACHE")]
    pub cache: Option<PathBuf>,
    /// Address of a Debian mirror [default: the cluster file, else the host's apt sources]
    #[arg(long, global = true, value_name = "URL", env = "XBUILD_MIRROR")]
    pub mirror: Option<String>,
    /// Address of a mirror of Debian's security archive [default: likewise]
    #[arg(long, global = true, value_name = "URL", env = "XBUILD_MIRROR_SECURITY")]
    pub mirror_security: Option<String>,
    /// OpenPGP keys of a private mirror, instead of Debian's pinned ones
    #[arg(long, global = true, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// OpenPGP secret key that signs the packages of xbuild's own [default: made once, below ~/.local/share/xbuild]
    #[arg(long, global = true, value_name = "FILE", env = "XBUILD_SIGNING_KEY")]
    pub signing_key: Option<PathBuf>,
    /// Use nothing but the cache
    #[arg(long, global = true)]
    pub offline: bool,
    /// Take exactly the packages that xbuild.lock names
    #[arg(long, global = true)]
    pub locked: bool,
    /// Show the commands that are run
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Tell machines instead of people: JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a node's disks as image files
    Image(ImageArgs),
    /// Show what would be on the disks, and make nothing
    Plan(NodeArgs),
    /// Say everything that is wrong with the profiles and the cluster file
    Check {
        /// The cluster file
        #[arg(value_name = "FILE")]
        cluster: Option<PathBuf>,
    },
    /// Print what editors are to know of files, as JSON Schema
    Schema {
        /// Of which files
        #[arg(value_enum)]
        of: Described,
    },
    /// Write xbuild.lock: the packages that builds take with --locked
    Lock,
    /// Boot images in QEMU, the serial console on this terminal (Ctrl-A X ends it)
    Boot(BootArgs),
    /// Start a whole cluster in QEMU, as the rack will, and see what it does when parts of it fail
    Rehearse(RehearseArgs),
    /// Explain what lies on disks, whoever made them; the exit status is 1 if any of it is damaged
    Inspect {
        /// Image files, block devices, or a folder with disk0.img …
        #[arg(value_name = "DISK", required = true)]
        disks: Vec<PathBuf>,
    },
    /// Make what machines are started from to be installed: a stick, or a folder for a web server
    Media(MediaArgs),
    /// Make a key pair that signs what installers unpack: xbuild.key, which is secret, and xbuild.pub
    Keygen {
        /// Where the two files go; none is overwritten [default: ~/.local/share/xbuild, where builds look for the key]
        #[arg(short, long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Make the secrets of a cluster, or make them anew
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Show what the cache holds, or empty it
    Cache {
        /// Remove everything but the packages that were downloaded and the kernels
        #[arg(long)]
        prune: bool,
    },
    /// Run one program in a sandbox, as builds do
    #[command(hide = true)]
    Sandbox(Sandbox),
    /// The inside of `sandbox`
    #[command(hide = true)]
    SandboxInit(Sandbox),
}

/// Files that people write.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Described {
    /// The cluster file
    Cluster,
    /// Profiles
    Profile,
}

/// Which node, on which disks.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("which").required(true).args(["profile", "node"]))]
pub struct NodeArgs {
    /// A generic node of this profile: DHCP, its name from its serial number or MAC
    #[arg(long, value_name = "NAME", conflicts_with = "cluster")]
    pub profile: Option<String>,
    /// The cluster file
    #[arg(long, value_name = "FILE", requires = "node")]
    pub cluster: Option<PathBuf>,
    /// A node of the cluster file
    #[arg(long, value_name = "NAME", requires = "cluster")]
    pub node: Option<String>,
    /// Disks, such as 2x8G,1x4G [default: the node's in the cluster file, else the smallest that do]
    #[arg(long, value_name = "LIST")]
    pub disks: Option<String>,
}

/// An image.
#[derive(Args, Debug)]
pub struct ImageArgs {
    /// Which node.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Where the images go [default: out/PROFILE or out/NODE]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// How the image files hold the disks
    #[arg(long, value_enum, default_value = "raw")]
    pub format: Format,
    /// Build twice, and say whether every byte is the same
    #[arg(long)]
    pub verify_reproducible: bool,
    /// The node's kernel
    #[arg(long, value_enum, default_value = "xbuild")]
    pub kernel: KernelChoice,
    /// Let root log in with this key (a line as in authorized_keys); may be repeated
    #[arg(long, value_name = "KEY")]
    pub ssh_key: Vec<String>,
    /// Let root log in on the console; a crypt(5) hash, as `openssl passwd -6` makes it
    #[arg(long, value_name = "HASH")]
    pub root_password_hash: Option<String>,
    /// Whether its secrets are in it.
    #[command(flatten)]
    pub secrets: WithSecrets,
}

/// Whether secrets go along.
#[derive(Args, Clone, Debug)]
pub struct WithSecrets {
    /// Put the secrets of the cluster there as well; what is made then is yours alone to read (mode 0600)
    #[arg(long)]
    pub with_secrets: bool,
    /// The folder with the secrets [default: beside the cluster file, lab.secrets for lab.toml]
    #[arg(long, value_name = "DIR", requires = "with_secrets")]
    pub secrets: Option<PathBuf>,
}

/// What to do with a cluster's secrets. None is ever shown.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Make what is missing, and say what is left to you; nothing is overwritten
    Init(SecretsArgs),
    /// Make new ones in the place of those that are there, and say which nodes need them
    Rotate {
        /// Whose they are.
        #[command(flatten)]
        arguments: SecretsArgs,
        /// Which, such as xen.drbd [default: all that xbuild makes]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// The secrets of a cluster.
#[derive(Args, Debug)]
pub struct SecretsArgs {
    /// The cluster file
    #[arg(long, value_name = "FILE")]
    pub cluster: PathBuf,
    /// The folder with the secrets [default: beside the cluster file, lab.secrets for lab.toml]
    #[arg(long, value_name = "DIR")]
    pub secrets: Option<PathBuf>,
}

/// Media.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("nodes").required(true), group = ArgGroup::new("kind").required(true))]
pub struct MediaArgs {
    /// The cluster file: each machine becomes the node that has its MAC or serial number
    #[arg(long, value_name = "FILE", group = "nodes")]
    pub cluster: Option<PathBuf>,
    /// Every machine becomes a generic node of this profile: DHCP, its name from its serial number or MAC
    #[arg(long, value_name = "NAME", group = "nodes")]
    pub profile: Option<String>,
    /// An image for a stick, for BIOS and UEFI, to be written with dd
    #[arg(long, value_name = "FILE", group = "kind")]
    pub usb: Option<PathBuf>,
    /// A folder for any web server; machines start its boot.ipxe by iPXE
    #[arg(long, value_name = "DIR", group = "kind")]
    pub pxe: Option<PathBuf>,
    /// The key that signs the payload, as `xbuild keygen` makes it [default: made once, below ~/.local/share/xbuild]
    #[arg(long, value_name = "FILE", env = "XBUILD_MEDIA_KEY")]
    pub media_key: Option<PathBuf>,
    /// Whether the secrets of all nodes are on it.
    #[command(flatten)]
    pub secrets: WithSecrets,
}

/// A cluster in QEMU.
#[derive(Args, Debug)]
pub struct RehearseArgs {
    /// The cluster file
    #[arg(value_name = "CLUSTER")]
    pub cluster: PathBuf,
    /// What is to fail: power-cut=NODE, disk=NODE:N, link=NODE:NET, or all of these; may be repeated
    #[arg(long, value_name = "DRILL")]
    pub drill: Vec<Wish>,
    /// Leave it running at the end, with a console for each node, until you press Enter
    #[arg(long)]
    pub keep: bool,
    /// Where images, logs and made-up secrets go [default: out/CLUSTER.rehearsal]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// A machine in QEMU.
#[derive(Args, Debug)]
pub struct BootArgs {
    /// The folder with disk0.img … and manifest.json
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
    /// Keep what the node writes: the images get its identity, and no longer match their manifest
    #[arg(long)]
    pub keep: bool,
    /// Leave this disk out; may be repeated
    #[arg(long, value_name = "N")]
    pub without_disk: Vec<usize>,
    /// What boots the disks
    #[arg(long, value_enum, default_value = "bios")]
    pub firmware: Firmware,
    /// Memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub memory: u32,
}
