//! Nodes for the rack of `builder::rehearse`, which this program puts together and xbuild itself works for.

use std::path::Path;
use std::process::{Command, Stdio};

use builder::rehearse::blueprint::Blueprint;
use builder::sandbox;
use builder::tools::Tools;
use installer::model::resolve::{Profiles, load_profiles};

use crate::xbuild::{checkout, open, program};

/// The profiles of the checkout.
#[must_use]
pub fn load() -> Profiles {
    load_profiles(&checkout()).expect("sound profiles")
}

/// Makes the images of all nodes, as a user does; the result is the tools tree that made them.
///
/// # Panics
/// When one cannot be made.
#[must_use]
pub fn make_images(blueprint: &Blueprint) -> Tools {
    sandbox::run_by(&program());
    let [cluster, secrets] = ["cluster.toml", "secrets"].map(|name| blueprint.folder.join(name));
    let make = |node: &str| {
        let mut command = Command::new(program());
        command.args(["image", "--node", node, "--with-secrets"]);
        for (option, path) in
            [("--cluster", cluster.as_path()), ("--secrets", &secrets), ("-o", &blueprint.folder.join(node))]
        {
            command.arg(option).arg(path);
        }
        let status = command.current_dir(checkout()).stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "xbuild image of {node} failed");
    };
    let folder = |node: &str| -> std::path::PathBuf { Path::new(&blueprint.folder).join(node) };
    blueprint.nodes.iter().for_each(|node| make(node.name()));
    let first = blueprint.nodes.first().expect("a cluster has nodes");
    open(&folder(first.name())).tools
}
