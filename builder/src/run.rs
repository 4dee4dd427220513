//! From the command line to the work.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use installer::check::check;
use installer::model::access::{is_password_hash, is_public_key};
use installer::model::cluster::Cluster;
use installer::model::node::{Access, Mirrors, NodeSpec};
use installer::model::profile::Profile;
use installer::model::resolve::{Profiles, load_profiles};
use installer::units::Bytes;

use crate::cache::Cache;
use crate::cli::{BootArgs, Cli, Command, Common, Described, ImageArgs, MediaArgs, NodeArgs};
use crate::debian::fetch::Fetcher;
use crate::failure::{Hinted as _, with_hint};
use crate::image::{self, KernelChoice, Request};
use crate::inspect;
use crate::manifest::Made;
use crate::media;
use crate::media_key::{self, MediaKey};
use crate::partial::Readers;
use crate::planned::Planned;
use crate::privilege::become_root;
use crate::reproducible;
use crate::sandbox;
use crate::session::{Choices, Session};
use crate::signing::SigningKey;
use crate::stage::Reporter;
use crate::tools::Tools;
use crate::vm::{Accelerator, Machine};

mod rehearse;
mod secrets;

/// Does what the command line asks; the result is the exit code.
///
/// # Errors
/// Whatever fails, with its reason and a way out.
pub fn run(cli: Cli) -> Result<i32> {
    let common = &cli.common;
    match cli.command {
        Command::Image(arguments) => make_image(common, &arguments),
        Command::Plan(arguments) => show_plan(common, &arguments),
        Command::Check { cluster } => check_all(common, cluster.as_deref()),
        Command::Schema { of } => show_schema(of),
        Command::Lock => write_lock(common),
        Command::Boot(arguments) => boot(common, &arguments),
        Command::Rehearse(arguments) => rehearse::command(common, &arguments),
        Command::Inspect { disks } => inspect_disks(common, &disks),
        Command::Media(arguments) => make_media(common, &arguments),
        Command::Keygen { out } => make_key(common, out.as_deref()),
        Command::Secrets(command) => secrets::command(common, &command),
        Command::Cache { prune } => cache(common, prune),
        Command::Sandbox(arguments) => {
            if std::env::var_os(sandbox::INSIDE).is_none() {
                become_root()?;
            }
            sandbox::enter(&arguments)
        }
        Command::SandboxInit(arguments) => sandbox::init(&arguments),
    }
}

/// The folder given, else the nearest above the working directory that has profiles.
fn source(common: &Common) -> Result<PathBuf> {
    if let Some(source) = &common.source {
        return Ok(source.clone());
    }
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|folder| folder.join("profiles/base.toml").exists());
    found.map(Path::to_owned).ok_or_else(|| {
        with_hint(
            "there is no profiles/base.toml here or above",
            "run xbuild in its checkout, or name the folder with --source DIR",
        )
    })
}

fn profiles(source: &Path) -> Result<Profiles> {
    Ok(load_profiles(source)?)
}

fn plan_node(profiles: &Profiles, arguments: &NodeArgs) -> Result<Planned> {
    Planned::new(node(profiles, arguments)?, arguments.disks.as_deref())
}

fn node(profiles: &Profiles, arguments: &NodeArgs) -> Result<NodeSpec> {
    let found = match (&arguments.profile, &arguments.cluster, &arguments.node) {
        (Some(profile), ..) => profiles.resolve(profile),
        (None, Some(file), Some(node)) => {
            let cluster = Cluster::load(file, profiles)?;
            cluster.node(node, profiles)
        }
        _ => bail!("BUG: neither a profile nor a node"),
    };
    found.map_err(|problem| with_hint(&problem.message, &problem.hint))
}

fn show_plan(common: &Common, arguments: &NodeArgs) -> Result<i32> {
    let planned = plan_node(&profiles(&source(common)?)?, arguments)?;
    if common.json {
        show(&(serde_json::to_string_pretty(&planned.plan)? + "\n"))?;
    } else {
        show(&planned.plan.draw())?;
    }
    Ok(0)
}

fn check_all(common: &Common, cluster: Option<&Path>) -> Result<i32> {
    let problems = check(&source(common)?, cluster);
    if common.json {
        show(&(serde_json::to_string_pretty(&problems)? + "\n"))?;
    } else if problems.is_empty() {
        println!("all is well");
    } else {
        eprintln!("{problems}");
    }
    Ok(i32::from(!problems.is_empty()))
}

fn cache_root(common: &Common) -> Result<PathBuf> {
    common.cache.clone().map_or_else(Cache::default_root, Ok)
}

/// Runs `work` as root over our own files, with the cache held and the network open.
fn with_network<T>(common: &Common, work: impl FnOnce(&Network) -> Result<T>) -> Result<T> {
    become_root()?;
    let cache = Cache::open(&cache_root(common)?)?;
    let reporter = Reporter::new(common.json, common.verbose, cache.log());
    let fetcher = Fetcher::new(&cache, common.offline)?;
    let choices = Choices {
        source: source(common)?,
        mirrors: Mirrors { main: common.mirror.clone(), security: common.mirror_security.clone() },
        keyring: common.keyring.clone(),
        locked: common.locked,
        signing_key: common.signing_key.clone().map_or_else(SigningKey::default_path, Ok)?,
    };
    work(&Network { cache: &cache, reporter: &reporter, fetcher: &fetcher, choices: &choices })
}

/// What sessions are opened from.
struct Network<'a> {
    cache: &'a Cache,
    reporter: &'a Reporter,
    fetcher: &'a Fetcher,
    choices: &'a Choices,
}

impl Network<'_> {
    fn session<'s>(&'s self, cache: &'s Cache, named: &Mirrors) -> Result<Session<'s>> {
        Session::open(cache, self.reporter, self.fetcher, self.choices, named)
    }
}

fn make_image(common: &Common, arguments: &ImageArgs) -> Result<i32> {
    let profiles = profiles(&source(common)?)?;
    let mut planned = plan_node(&profiles, &arguments.node)?;
    grant_access(&mut planned.spec.access, arguments)?;
    image::check(&planned.plan, arguments.kernel)?;
    let secrets = secrets::of_node(&profiles, arguments)?;
    let name = planned.spec.identity.as_ref().map_or(&planned.spec.profile, |identity| &identity.hostname);
    let out = arguments.output.clone().unwrap_or_else(|| Path::new("out").join(name));
    let overlays = profiles.overlay_folders(&planned.spec);
    let Planned { spec, plan } = planned;
    let (kernel, format) = (arguments.kernel, arguments.format);
    let request = Request { spec, plan, kernel, overlays, secrets, format, out };
    let images = with_network(common, |network| {
        let images = image::build(&network.session(network.cache, &request.spec.mirrors)?, &request)?;
        if arguments.verify_reproducible {
            verify_reproducible(network, &request)?;
        }
        Ok(images)
    })?;
    if common.json {
        println!("{}", serde_json::json!({ "event": "images", "paths": images }));
    } else {
        images.iter().for_each(|image| println!("{}", image.display()));
        if Readers::of(&request.secrets) == Readers::Owner {
            eprintln!("they hold the node's secrets: nobody but you may read them");
        }
        eprintln!("to try it: {} boot {}", sandbox::program(), request.out.display());
    }
    Ok(0)
}

/// Builds once more, with nothing from the cache but downloads and kernels, in another folder.
fn verify_reproducible(network: &Network, request: &Request) -> Result<()> {
    let work = network.cache.scratch("again")?;
    let cache = network.cache.anew(work.path())?;
    let mut again = request.out.clone().into_os_string();
    again.push(".again");
    let again = Request { out: again.into(), ..request.clone() };
    image::build(&network.session(&cache, &request.spec.mirrors)?, &again)?;
    let stage = network.reporter.stage("compare")?;
    reproducible::compare(&request.plan, request.format, &request.out, &again.out)?;
    stage.done();
    work.remove()?;
    std::fs::remove_dir_all(&again.out).with_context(|| format!("cannot remove {}", again.out.display()))
}

/// What the options add to the cluster file's ways in.
fn grant_access(access: &mut Access, arguments: &ImageArgs) -> Result<()> {
    if let Some(key) = arguments.ssh_key.iter().find(|key| !is_public_key(key)) {
        bail!(with_hint(
            format!("`{key}` is not a public ssh key"),
            "give the line itself: --ssh-key \"$(cat ~/.ssh/id_ed25519.pub)\""
        ));
    }
    access.ssh_keys.extend(arguments.ssh_key.iter().cloned());
    if let Some(hash) = &arguments.root_password_hash {
        // What was given may be the password itself, so it is not shown.
        anyhow::ensure!(
            is_password_hash(hash),
            with_hint("--root-password-hash has no crypt(5) hash", "make one with `openssl passwd -6`")
        );
        access.root_password_hash = Some(hash.clone());
    }
    Ok(())
}

fn show_schema(of: Described) -> Result<i32> {
    let schema = match of {
        Described::Cluster => Cluster::schema(),
        Described::Profile => Profile::schema(),
    };
    show(&(serde_json::to_string_pretty(&schema)? + "\n"))?;
    Ok(0)
}

fn write_lock(common: &Common) -> Result<i32> {
    let source = source(common)?;
    let profiles = profiles(&source)?;
    let names: Vec<String> = profiles.names().map(str::to_owned).collect();
    // Profiles without a layout are no nodes; they are locked as part of those that extend them.
    let nodes = names.iter().filter_map(|name| profiles.resolve(name).ok());
    let kernels = [KernelChoice::Xbuild, KernelChoice::Debian];
    let layers: Vec<_> = nodes.flat_map(|spec| kernels.map(|kernel| image::layers(&spec, kernel))).collect();
    let lock =
        with_network(common, |network| network.session(network.cache, &Mirrors::default())?.lock(&layers))?;
    let path = source.join(crate::lock::FILE);
    lock.write(&path)?;
    println!("{}: {} packages", path.display(), lock.sets.values().map(Vec::len).sum::<usize>());
    Ok(0)
}

fn boot(common: &Common, arguments: &BootArgs) -> Result<i32> {
    let folder = arguments
        .folder
        .canonicalize()
        .with_context(|| format!("no images in {}", arguments.folder.display()))?;
    let made =
        Made::read(&folder).hint("name the folder that `xbuild image` has written, such as out/storage")?;
    let drives = made.drives(&folder).into_iter().enumerate();
    let disks = drives.filter(|(index, _)| !arguments.without_disk.contains(index)).map(|(_, drive)| drive);
    let machine = Machine {
        snapshot: !arguments.keep,
        firmware: arguments.firmware,
        memory: arguments.memory,
        extra: ["-serial", "mon:stdio"].map(str::to_owned).to_vec(),
        ..Machine::new(disks.collect())
    };
    become_root()?;
    let cache = Cache::open(&cache_root(common)?)?;
    let tools = match Tools::find(&cache, &made.tools) {
        Some(tools) => tools,
        None => bail!(with_hint(
            format!("the tools tree that made {} is not in the cache any more", folder.display()),
            "make the image again; what is cached is not made twice"
        )),
    };
    let status = machine.sandbox(&tools, Accelerator::of_host()).interactive()?;
    Ok(status.code().unwrap_or(1))
}

fn inspect_disks(common: &Common, disks: &[PathBuf]) -> Result<i32> {
    let report = inspect::inspect(&inspect::open::open(disks)?);
    let text = if common.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.draw() };
    show(&text)?;
    Ok(i32::from(!report.damaged.is_empty()))
}

/// On standard output; whoever reads only its begin has seen enough.
fn show(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write it"),
        _ => Ok(()),
    }
}

fn make_media(common: &Common, arguments: &MediaArgs) -> Result<i32> {
    let source = source(common)?;
    let profiles = profiles(&source)?;
    let (names, mirrors) = media_profiles(&profiles, arguments)?;
    let secrets = secrets::of_cluster(&profiles, arguments)?;
    let roles = names.iter().map(|name| role(&profiles, name)).collect::<Result<_>>()?;
    let kind = match (&arguments.usb, &arguments.pxe) {
        (Some(image), _) => media::Kind::Usb(image.clone()),
        (None, Some(folder)) => media::Kind::Pxe(folder.clone()),
        (None, None) => bail!("BUG: neither a stick nor a folder"),
    };
    let request = media::Request { source, cluster: arguments.cluster.clone(), roles, kind, secrets };
    let key = MediaKey::open(&arguments.media_key.clone().map_or_else(MediaKey::default_path, Ok)?)?;
    with_network(common, |network| media::build(&network.session(network.cache, &mirrors)?, &request, &key))?;
    let (media::Kind::Usb(path) | media::Kind::Pxe(path)) = &request.kind;
    if common.json {
        println!("{}", serde_json::json!({ "event": "media", "path": path }));
    } else {
        println!("{}", path.display());
        if Readers::of(&request.secrets) == Readers::Owner {
            eprintln!(
                "it holds the secrets of all nodes: nobody but you may read it, and whoever has the stick"
            );
        }
        eprintln!("{}", request.kind.hint());
    }
    Ok(0)
}

/// Which profiles the machines may get, and the mirrors that the cluster file names.
fn media_profiles(profiles: &Profiles, arguments: &MediaArgs) -> Result<(BTreeSet<String>, Mirrors)> {
    let Some(file) = &arguments.cluster else {
        return Ok((arguments.profile.iter().cloned().collect(), Mirrors::default()));
    };
    let cluster = Cluster::load(file, profiles)?;
    let node = |name: &str| {
        cluster.node(name, profiles).map_err(|problem| with_hint(&problem.message, &problem.hint))
    };
    let nodes: Vec<NodeSpec> = cluster.nodes().map(node).collect::<Result<_>>()?;
    let mirrors = nodes.first().map(|node| node.mirrors.clone()).unwrap_or_default();
    Ok((nodes.into_iter().map(|node| node.profile).collect(), mirrors))
}

/// A generic node on the smallest disks that do: what it shares with others of its profile does not depend on disks.
fn role(profiles: &Profiles, profile: &str) -> Result<media::Role> {
    let nobody = NodeArgs { profile: Some(profile.to_owned()), cluster: None, node: None, disks: None };
    let Planned { spec, plan } = plan_node(profiles, &nobody)?;
    image::check(&plan, KernelChoice::Xbuild)?;
    let overlays = profiles.overlay_folders(&spec);
    Ok(media::Role { spec, plan, overlays })
}

fn make_key(common: &Common, out: Option<&Path>) -> Result<i32> {
    let path = match out {
        Some(folder) => folder.join(media_key::FILE),
        None => MediaKey::default_path()?,
    };
    let key = MediaKey::create(&path)?;
    let public = media_key::public_path(&path);
    if common.json {
        let id = key.id().to_string();
        println!("{}", serde_json::json!({ "event": "key", "id": id, "secret": path, "public": public }));
    } else {
        println!("{}\n{}", path.display(), public.display());
        eprintln!("key {}: keep the first file secret; the second one goes onto media", key.id());
    }
    Ok(0)
}

fn cache(common: &Common, prune: bool) -> Result<i32> {
    become_root()?;
    let cache = Cache::open(&cache_root(common)?)?;
    if prune {
        cache.prune()?;
    }
    println!("{}", cache.root().display());
    for (kind, bytes) in cache.usage()? {
        println!("  {kind:<10} {:>8}", Bytes(bytes));
    }
    Ok(0)
}
