//! Secrets themselves, in memory: read by whoever builds or from a medium, and put where a node needs them. They show in
//! no message, whatever is printed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Serialize, Serializer};
use tar::{Archive, Builder, EntryType, Header};

use crate::model::secret::{self, Kind, Secret};
use crate::overlay::{Content, OverlayFile, SECRET};

/// The stream of a payload that carries them.
pub const STREAM: &str = "secrets";
/// Of one secret: more is neither written nor read.
pub const LARGEST: u64 = 64 << 10;
/// Of a tar with all of them. A medium that has more is not believed.
const MOST: usize = 1024;

const AUTHKEY: &str = "etc/corosync/authkey";
/// Corosync's configuration. Without one of ours it would start with Debian's own, as a cluster of one.
const COROSYNC: &str = "etc/corosync/corosync.conf";
const FENCE_KEY: &str = "etc/cluster/fence_xvm.key";
/// Where fence agents read passwords, by their names.
const PASSWORDS: &str = "etc/xbuild/secrets";

/// Secrets by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Vec<u8>>);

/// Their names only.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A secret for templates: the file that they put it into is root's alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

/// Nothing secret.
impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{SECRET}{}{SECRET}", self.0))
    }
}

impl Secrets {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one, as it lies in its file.
    pub fn insert(&mut self, secret: &Secret, content: Vec<u8>) {
        self.0.insert(secret.name(), content);
    }

    /// What a node gets of them, and nothing else.
    #[must_use]
    pub fn of(mut self, secrets: &[Secret], node: &str) -> Self {
        self.0.retain(|name, _| secrets.iter().any(|secret| secret.is_for(node) && secret.name() == *name));
        self
    }

    /// A secret that is a line of text, if it is there.
    #[must_use]
    pub fn text(&self, kind: &Kind) -> Option<SecretText> {
        let content = self.0.get(&kind.name())?;
        secret::text(content).map(|text| SecretText(text.to_owned()))
    }

    /// Those that are files of a node by themselves. `others` are the node's other files.
    #[must_use]
    pub fn files(&self, others: &[OverlayFile]) -> Vec<OverlayFile> {
        let file = |kind: Kind, path: &str, mode| {
            let content = Content::File(self.0.get(&kind.name())?.clone());
            Some(OverlayFile { path: path.into(), mode, content })
        };
        let configured = others.iter().any(|other| other.path == Path::new(COROSYNC));
        let authkey = file(Kind::Corosync, AUTHKEY, 0o400).filter(|_| configured);
        let keys = authkey.into_iter().chain(file(Kind::FenceVirt, FENCE_KEY, 0o600));
        keys.chain(self.passwords()).collect()
    }

    fn passwords(&self) -> impl Iterator<Item = OverlayFile> {
        let named = self.0.iter().filter_map(|(name, content)| Some((Kind::password(name)?, content)));
        named.map(|(name, content)| OverlayFile {
            path: Path::new(PASSWORDS).join(name),
            mode: 0o600,
            content: Content::File(content.clone()),
        })
    }

    /// As a tar.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn write(&self, out: impl Write) -> Result<()> {
        let mut tar = Builder::new(out);
        for (name, content) in &self.0 {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o600);
            header.set_mtime(0);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_slice())
                .context("cannot write the tar of secrets")?;
        }
        tar.finish().context("cannot end the tar of secrets")
    }

    /// From a tar. They stay in memory, and take little of it whatever the tar says.
    ///
    /// # Errors
    /// When it is damaged, or holds more than secrets take.
    pub fn read(input: impl Read) -> Result<Self> {
        let mut secrets = BTreeMap::new();
        for entry in Archive::new(input).entries()? {
            let mut entry = entry.context("the tar of secrets is damaged")?;
            let name = entry.path()?.to_string_lossy().into_owned();
            ensure!(entry.size() <= LARGEST, "`{name}` among the secrets is too large");
            ensure!(secrets.len() < MOST, "there are more than {MOST} secrets");
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            secrets.insert(name, content);
        }
        Ok(Self(secrets))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Secrets;
    use crate::model::secret::{Kind, Secret};
    use crate::role::regular;

    fn drbd(nodes: &[&str]) -> Secret {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        Secret::new(Kind::Drbd("xen".to_owned()), nodes)
    }

    fn authkey() -> Secret {
        Secret::new(Kind::Corosync, vec!["n1".to_owned()])
    }

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.insert(&drbd(&[]), b"hidden\n".to_vec());
        secrets.insert(&authkey(), vec![7; 256]);
        secrets.insert(&Secret::new(Kind::FenceVirt, vec![]), vec![8; 4096]);
        secrets.insert(&Secret::new(Kind::Password("bmc".to_owned()), vec![]), b"calvin\n".to_vec());
        secrets
    }

    #[test]
    fn what_is_printed_has_names_only() {
        let text = secrets().text(&Kind::Drbd("xen".to_owned()));
        assert_eq!(
            format!("{:?} {text:?}", secrets()),
            "{\"bmc.password\", \"corosync.authkey\", \"fence_xvm.key\", \"xen.drbd\"} Some(SecretText)"
        );
    }

    #[test]
    fn a_node_gets_its_own() {
        let all = [drbd(&["n1", "n2"]), authkey()];
        assert_eq!(format!("{:?}", secrets().of(&all, "n2")), "{\"xen.drbd\"}");
        assert!(secrets().of(&all, "n3").is_empty());
    }

    #[test]
    fn keys_are_files_that_only_root_reads() {
        let listed = |others: &[&str]| {
            let others: Vec<_> = others.iter().map(|path| regular(path, Vec::new())).collect();
            let files = secrets().files(&others).into_iter();
            files.map(|file| format!("{:o} {}", file.mode, file.path.display())).collect::<Vec<_>>()
        };
        let all = ["400 etc/corosync/authkey", "600 etc/cluster/fence_xvm.key", "600 etc/xbuild/secrets/bmc"];
        assert_eq!(listed(&["etc/corosync/corosync.conf"]), all);
        assert_eq!(listed(&[]), all[1..]);
        assert_eq!(Secrets::default().files(&[]), []);
    }

    #[test]
    fn secrets_come_back_as_they_were() {
        let mut tar = Vec::new();
        secrets().write(&mut tar).unwrap();
        assert_eq!(Secrets::read(tar.as_slice()).unwrap(), secrets());
    }

    #[test]
    fn a_tar_that_is_too_large_is_not_read() {
        let mut large = Secrets::default();
        large.insert(&authkey(), vec![0; (64 << 10) + 1]);
        let mut tar = Vec::new();
        large.write(&mut tar).unwrap();
        let error = Secrets::read(tar.as_slice()).unwrap_err();
        assert_eq!(error.to_string(), "`corosync.authkey` among the secrets is too large");
    }
}
