//! The cluster that a node belongs to. The node keeps it: its first boot and its status are about what this says.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::model::membership::Membership;
use crate::overlay::OverlayFile;
use crate::role::regular;

/// Where it is on the node.
pub const PATH: &str = "/etc/xbuild/cluster.json";

/// The file; none for a node that belongs to no cluster.
///
/// # Errors
/// When it cannot be written down.
pub fn file(membership: &Membership) -> Result<Option<OverlayFile>> {
    if membership.members.is_empty() {
        return Ok(None);
    }
    let mut text = serde_json::to_vec_pretty(membership).context("BUG: a cluster is no JSON")?;
    text.push(b'\n');
    Ok(Some(regular(PATH.trim_start_matches('/'), text)))
}

/// Reads the file at `path`; none if there is none, for such a node belongs to no cluster.
///
/// # Errors
/// When it cannot be read, or somebody has changed it into something else.
pub fn read(path: &Path) -> Result<Option<Membership>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    Ok(Some(serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{file, read};
    use crate::model::membership::{Member, Membership};
    use crate::overlay::Content;

    #[test]
    fn a_cluster_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.json");
        let member = Member { number: 1, name: "a".to_owned(), addresses: vec!["10.0.0.1".parse().unwrap()] };
        let cluster = Membership { cluster: "x".to_owned(), members: vec![member], ..Membership::default() };
        let Content::File(text) = file(&cluster).unwrap().unwrap().content else { panic!("no file") };
        std::fs::write(&path, text).unwrap();
        assert_eq!(read(&path).unwrap(), Some(cluster));
    }

    #[test]
    fn a_node_alone_has_none() {
        assert_eq!(file(&Membership::default()).unwrap(), None);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("cluster.json")).unwrap(), None);
        std::fs::write(folder.path().join("cluster.json"), "{}").unwrap();
        let error = read(&folder.path().join("cluster.json")).unwrap_err().to_string();
        assert!(error.ends_with("cluster.json is damaged"), "{error}");
    }
}
