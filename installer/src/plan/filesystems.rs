//! What is made on partitions, arrays and volumes.

use super::Filesystem;
use super::draft::Draft;
use crate::model::storage::FilesystemRule;

impl Draft<'_> {
    pub(super) fn place_filesystems(&mut self) {
        let layout = self.layout;
        for rule in &layout.filesystems {
            if let Some(filesystem) = self.filesystem(rule) {
                self.plan.filesystems.push(filesystem);
            }
        }
    }

    fn filesystem(&mut self, rule: &FilesystemRule) -> Option<Filesystem> {
        let (on, size) = self.device(&rule.on, &format!("`{}`", rule.mount.as_deref().unwrap_or("swap")))?;
        let path = format!("filesystem/{}", rule.on);
        Some(Filesystem {
            on,
            kind: rule.kind,
            label: rule.label.clone(),
            uuid: self.seed.uuid(&path),
            hash_seed: self.seed.uuid(&format!("{path}/hash")),
            size,
            mount: rule.mount.clone(),
            options: rule.options.clone(),
        })
    }
}
