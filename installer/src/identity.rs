//! What makes a node this one besides its overlays: who may log in. `candidates` says which one it is.

pub mod candidates;

use std::path::PathBuf;

use crate::model::node::{Access, NodeSpec};
use crate::overlay::{Content, OverlayFile};

/// What is laid over the root besides the overlays, sorted by path.
#[must_use]
pub fn files(spec: &NodeSpec) -> Vec<OverlayFile> {
    key_files(&spec.access)
}

fn key_files(access: &Access) -> Vec<OverlayFile> {
    if access.ssh_keys.is_empty() {
        return Vec::new();
    }
    let folder = OverlayFile { path: "root/.ssh".into(), mode: 0o700, content: Content::Directory };
    vec![folder, file("root/.ssh/authorized_keys", 0o600, access.ssh_keys.join("\n") + "\n")]
}

fn file(path: &str, mode: u32, text: String) -> OverlayFile {
    OverlayFile { path: PathBuf::from(path), mode, content: Content::File(text.into_bytes()) }
}

/// `/etc/shadow` with root's password replaced by `hash` (shadow(5)); everybody else keeps theirs.
#[must_use]
pub fn with_root_password(shadow: &str, hash: &str) -> String {
    let line = |line: &str| match line.strip_prefix("root:").and_then(|rest| rest.split_once(':')) {
        Some((_, rest)) => format!("root:{hash}:{rest}\n"),
        None => format!("{line}\n"),
    };
    shadow.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::with_root_password;

    #[test]
    fn only_roots_password_changes() {
        assert_eq!(
            with_root_password("root:*:1:0::::\nbin:*:2::::::\n", "$y$x"),
            "root:$y$x:1:0::::\nbin:*:2::::::\n"
        );
    }
}
