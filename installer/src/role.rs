//! What all nodes of a role share besides their root: made once by xbuild, completed for each node with its own values.
//!
//! Images and media are made from it alike, so a node that was installed carries the same files as its image.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, EntryType, Header};

use crate::context::{Context, Mirrors};
use crate::format::Epoch;
use crate::model::node::NodeSpec;
use crate::overlay::{self, Content, OverlayFile};
use crate::plan::Plan;
use crate::secrets::Secrets;
use crate::{identity, initrd, menu, own_cluster, own_plan};

const FACTS: &str = "role.json";
const MENU: &str = "grub.cfg";
const INITRD: &str = "initrd.img";
/// Where the files lie in the tar.
const FILES: &str = "files";
/// More than any part of a role has; a medium that says otherwise is not believed.
const LARGEST: u64 = 256 << 20;

/// What is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Single values.
    pub facts: RoleFacts,
    /// The boot menu with blanks.
    pub menu: String,
    /// The initramfs without anything of a node; none where the kernel starts without one.
    pub initrd: Option<Vec<u8>>,
    /// Files that are the same on every node: the repository of our packages, GRUB's modules, this program.
    pub files: Vec<OverlayFile>,
}

/// Single values of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFacts {
    /// The profile.
    pub profile: String,
    /// Release of the one kernel in the root.
    pub kernel_release: String,
    /// The kernel has modules that its initramfs must carry.
    pub kernel_modular: bool,
    /// Where the node's apt gets its packages.
    pub mirrors: Mirrors,
    /// Seconds since 1970, for every file.
    pub epoch: u64,
}

impl Role {
    /// Everything that is laid over the root of this node; of two files with one path the later one counts.
    ///
    /// # Errors
    /// Templates that do not render, or boot files that are damaged.
    pub fn complete(
        &self,
        spec: &NodeSpec,
        plan: &Plan,
        overlays: &[PathBuf],
        secrets: &Secrets,
    ) -> Result<Vec<OverlayFile>> {
        let context = Context::new(spec, plan, self.facts.mirrors.clone(), self.facts.kernel_modular);
        let context = context.with_secrets(secrets);
        let mut files = overlay::render(overlays, &context.value())?;
        files.extend(secrets.files(&files));
        files.extend(identity::files(spec));
        files.extend(self.files.iter().cloned());
        files.push(own_plan::file(plan)?);
        files.extend(own_cluster::file(&spec.membership)?);
        let menu = menu::fill(&self.menu, plan, &context.boot)?;
        files.push(regular("boot/grub/grub.cfg", menu.into_bytes()));
        if let Some(role) = &self.initrd {
            let name = format!("boot/initrd.img-{}", self.facts.kernel_release);
            files.push(regular(&name, initrd::for_node(role, &files, self.facts.epoch)?));
        }
        Ok(files)
    }

    /// The time of its files.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch(self.facts.epoch)
    }

    /// As a tar.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn write(&self, out: impl Write) -> Result<()> {
        let mut tar = Builder::new(out);
        append(&mut tar, FACTS, 0o644, &serde_json::to_vec_pretty(&self.facts)?)?;
        append(&mut tar, MENU, 0o644, self.menu.as_bytes())?;
        self.initrd.iter().try_for_each(|initrd| append(&mut tar, INITRD, 0o644, initrd))?;
        for file in &self.files {
            let Content::File(bytes) = &file.content else { continue };
            append(&mut tar, Path::new(FILES).join(&file.path), file.mode, bytes)?;
        }
        tar.finish().context("cannot end the role's tar")
    }

    /// From a tar.
    ///
    /// # Errors
    /// When something is missing in it, or too large.
    pub fn read(input: impl Read) -> Result<Self> {
        let mut parts = BTreeMap::new();
        let mut files = Vec::new();
        for entry in Archive::new(input).entries()? {
            let mut entry = entry.context("the role's tar is damaged")?;
            let path = entry.path()?.into_owned();
            ensure!(entry.size() <= LARGEST, "{} in the role's tar is too large", path.display());
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            match path.strip_prefix(FILES) {
                Ok(below) => files.push(OverlayFile {
                    path: below.to_owned(),
                    mode: entry.header().mode()?,
                    content: Content::File(bytes),
                }),
                Err(_) => drop(parts.insert(path, bytes)),
            }
        }
        let mut part = |name: &str| parts.remove(Path::new(name));
        let facts = part(FACTS).context("the role's tar has no role.json")?;
        let menu = part(MENU).context("the role's tar has no grub.cfg")?;
        Ok(Self {
            facts: serde_json::from_slice(&facts).context("role.json is damaged")?,
            menu: String::from_utf8(menu).context("the role's menu is damaged")?,
            initrd: part(INITRD),
            files,
        })
    }
}

fn append(tar: &mut Builder<impl Write>, path: impl AsRef<Path>, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes).context("cannot write the role's tar")
}

/// A file with the usual mode.
#[must_use]
pub fn regular(path: &str, bytes: Vec<u8>) -> OverlayFile {
    OverlayFile { path: path.into(), mode: 0o644, content: Content::File(bytes) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Role, RoleFacts, regular};
    use crate::context::Mirrors;

    fn role(initrd: Option<Vec<u8>>) -> Role {
        Role {
            facts: RoleFacts {
                profile: "storage".to_owned(),
                kernel_release: "6.12.1-xbuild".to_owned(),
                kernel_modular: false,
                mirrors: Mirrors {
                    main: "http://a.example".to_owned(),
                    security: "http://b.example".to_owned(),
                },
                epoch: 7,
            },
            menu: "menuentry {}".to_owned(),
            initrd,
            files: vec![regular("var/lib/xbuild/packages/Release", b"x".to_vec())],
        }
    }

    #[test]
    fn a_role_comes_back_as_it_was() {
        for role in [role(None), role(Some(vec![1; 70_000]))] {
            let mut tar = Vec::new();
            role.write(&mut tar).unwrap();
            assert_eq!(Role::read(tar.as_slice()).unwrap(), role);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
        let error = Role::read(empty.as_slice()).unwrap_err();
        assert_eq!(error.to_string(), "the role's tar has no role.json");
    }
}
