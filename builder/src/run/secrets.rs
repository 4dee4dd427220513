//! `xbuild secrets`, and what `--with-secrets` reads.

use std::path::Path;

use anyhow::{Result, ensure};
use installer::model::cluster::Cluster;
use installer::model::resolve::Profiles;
use installer::model::secret::{self, Secret};
use installer::secrets::Secrets;

use crate::cli::{Common, ImageArgs, MediaArgs, SecretsArgs, SecretsCommand, WithSecrets};
use crate::failure::with_hint;
use crate::secrets::{Folder, State, example};

pub(super) fn command(common: &Common, command: &SecretsCommand) -> Result<i32> {
    match command {
        SecretsCommand::Init(arguments) => init(common, arguments),
        SecretsCommand::Rotate { arguments, names } => rotate(common, arguments, names),
    }
}

fn open(common: &Common, arguments: &SecretsArgs) -> Result<(Vec<Secret>, Folder)> {
    let profiles = super::profiles(&super::source(common)?)?;
    let secrets = Cluster::load(&arguments.cluster, &profiles)?.secrets();
    if secrets.is_empty() {
        tell(common, "no table of this cluster file calls for a secret");
    }
    Ok((secrets, Folder::new(arguments.secrets.as_deref(), &arguments.cluster)))
}

fn init(common: &Common, arguments: &SecretsArgs) -> Result<i32> {
    let (secrets, folder) = open(common, arguments)?;
    if secrets.is_empty() {
        return Ok(0);
    }
    let states = folder.init(&secrets)?;
    for (secret, state) in secrets.iter().zip(states) {
        let path = folder.file(secret);
        report(common, secret, state.as_str(), &path);
        if state == State::Missing {
            tell(common, &example(&path));
        }
    }
    Ok(0)
}

fn rotate(common: &Common, arguments: &SecretsArgs, names: &[String]) -> Result<i32> {
    let (secrets, folder) = open(common, arguments)?;
    let chosen = secret::made(&secrets, names)?;
    folder.rotate(&chosen)?;
    for secret in &chosen {
        report(common, secret, "made anew", &folder.file(secret));
    }
    if !chosen.is_empty() {
        tell(common, "nodes that run keep the old ones until you change them; both ends must have the same:");
    }
    chosen.iter().for_each(|secret| tell(common, &secret.renewal()));
    Ok(0)
}

fn report(common: &Common, secret: &Secret, state: &str, path: &Path) {
    if common.json {
        let name = secret.name();
        println!("{}", serde_json::json!({ "event": "secret", "name": name, "state": state, "path": path }));
    } else {
        println!("{state}: {}", path.display());
    }
}

fn tell(common: &Common, text: &str) {
    if !common.json {
        eprintln!("{text}");
    }
}

/// What goes onto the image of a node: only its own.
pub(super) fn of_node(profiles: &Profiles, arguments: &ImageArgs) -> Result<Secrets> {
    let (Some(file), Some(node)) = (&arguments.node.cluster, &arguments.node.node) else {
        return none(&arguments.secrets);
    };
    let mut secrets = Cluster::load(file, profiles)?.secrets();
    secrets.retain(|secret| secret.is_for(node));
    read(&arguments.secrets, file, &secrets)
}

/// What goes onto media: those of all nodes.
pub(super) fn of_cluster(profiles: &Profiles, arguments: &MediaArgs) -> Result<Secrets> {
    ensure!(
        arguments.pxe.is_none() || !arguments.secrets.with_secrets,
        with_hint(
            "secrets are not served over the network: whoever reaches the web server could read them",
            "install from a stick (--usb FILE), or without secrets and copy them to the nodes over ssh"
        )
    );
    let Some(file) = &arguments.cluster else { return none(&arguments.secrets) };
    read(&arguments.secrets, file, &Cluster::load(file, profiles)?.secrets())
}

/// What generic nodes have.
fn none(with: &WithSecrets) -> Result<Secrets> {
    ensure!(
        !with.with_secrets,
        with_hint(
            "a generic node has no secrets: they are a cluster's",
            "give the cluster file with --cluster FILE, or leave out --with-secrets"
        )
    );
    Ok(Secrets::default())
}

fn read(with: &WithSecrets, cluster: &Path, secrets: &[Secret]) -> Result<Secrets> {
    if !with.with_secrets {
        return Ok(Secrets::default());
    }
    if secrets.is_empty() {
        eprintln!("there is no secret to put there: no table of {} calls for one", cluster.display());
    }
    Ok(Folder::new(with.secrets.as_deref(), cluster).read(secrets)?)
}
