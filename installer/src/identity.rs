//! The files that make a node this one: its network, and who may log in. `candidates` says which one it is.

pub mod candidates;

use std::path::PathBuf;

use crate::model::node::{Access, Identity, Interface, NodeSpec};
use crate::overlay::{Content, OverlayFile};

/// Every wired interface asks for an address; the node is reachable whatever card it has.
const DHCP: &str = "[Match]\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nClientIdentifier=mac\n";

/// What is laid over the root besides the overlays, sorted by path.
#[must_use]
pub fn files(spec: &NodeSpec) -> Vec<OverlayFile> {
    let mut files = match &spec.identity {
        Some(identity) => {
            identity.interfaces.iter().flat_map(|interface| interface_files(identity, interface)).collect()
        }
        None => vec![file("etc/systemd/network/80-dhcp.network", 0o644, DHCP.to_owned())],
    };
    files.extend(key_files(&spec.access));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The name is pinned to the MAC, so that a card in another slot does not swap networks.
fn interface_files(identity: &Identity, interface: &Interface) -> [OverlayFile; 2] {
    let (name, mac) = (&interface.network, &interface.mac);
    let link = format!("[Match]\nPermanentMACAddress={mac}\n\n[Link]\nName={name}\n");
    let stem = format!("etc/systemd/network/10-{name}");
    [
        file(&format!("{stem}.link"), 0o644, link),
        file(&format!("{stem}.network"), 0o644, network(identity, interface)),
    ]
}

fn network(identity: &Identity, interface: &Interface) -> String {
    let mut lines = vec![
        "[Match]".to_owned(),
        format!("PermanentMACAddress={}", interface.mac),
        String::new(),
        "[Network]".to_owned(),
    ];
    lines.push(
        interface
            .address
            .map_or_else(|| "DHCP=yes".to_owned(), |(address, prefix)| format!("Address={address}/{prefix}")),
    );
    lines.extend(interface.gateway.map(|gateway| format!("Gateway={gateway}")));
    lines.extend(identity.dns.iter().map(|server| format!("DNS={server}")));
    lines.extend(identity.domain.iter().map(|domain| format!("Domains={domain}")));
    lines.join("\n") + "\n"
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
