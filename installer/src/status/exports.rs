//! Devices that come and go over the network: those that this node imports, and those that it alone exports. Exports that follow
//! a primary are resources of pacemaker.

use super::finding::{Area, Finding};
use super::node::{Node, asking};
use crate::model::membership::{Export, Exported, Membership, Protocol};

/// Every export in which this node has a part of its own.
pub(super) fn look(node: &mut Node<'_>, cluster: &Membership) -> Vec<Finding> {
    let mut findings = Vec::new();
    for export in &cluster.exports {
        if export.importers.contains(&node.name) {
            findings.push(imported(node, export));
        }
        if matches!(&export.on, Exported::Local { node: owner, .. } if *owner == node.name) {
            findings.push(exported(node, &export.name));
        }
    }
    findings
}

fn imported(node: &Node<'_>, export: &Export) -> Finding {
    let device = export.protocol.device();
    let state = match export.protocol {
        Protocol::Aoe { shelf, slot } => node.text(&format!("/sys/block/etherd!e{shelf}.{slot}/state")).ok(),
        // The process that keeps it connected.
        Protocol::Nbd { minor, .. } => {
            node.text(&format!("/sys/block/nbd{minor}/pid")).ok().map(|_| "up".to_owned())
        }
    };
    let state = state.unwrap_or_else(|| "not there".to_owned());
    let hint = (!state.starts_with("up")).then(|| {
        format!(
            "does a node export it, and does the network `{}` lead there? See: systemctl status xbuild-import@{}",
            export.network, export.name
        )
    });
    Finding::judged(Area::Import, &export.name, format!("{device} {state}"), hint)
}

fn exported(node: &mut Node<'_>, name: &str) -> Finding {
    let unit = format!("vblade@{name}.service");
    let asked = node.ask(&asking(&["systemctl", "is-active", &unit]));
    let state = asked.map_or_else(|error| format!("{error:#}"), |output| output.stdout.trim().to_owned());
    let hint = (state != "active").then(|| format!("see: systemctl status {unit}"));
    Finding::judged(Area::Export, name, state, hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::look;
    use crate::host::{Command, CommandFailed, Output, Run};
    use crate::model::membership::{Export, Exported, Membership, Protocol};
    use crate::model::storage::Carrier;
    use crate::status::Node;

    /// What systemctl says.
    struct Unit(&'static str);

    impl Run for Unit {
        fn output(&mut self, command: &Command) -> Result<Output, CommandFailed> {
            assert_eq!(command.to_string(), "timeout 30 systemctl is-active vblade@disk.service");
            Ok(Output { status: Some(0), stdout: format!("{}\n", self.0), stderr: String::new() })
        }
    }

    fn cluster() -> Membership {
        let disk = Export {
            name: "disk".to_owned(),
            on: Exported::Local { node: "mesh1".to_owned(), carrier: Carrier::Array("export".to_owned()) },
            network: "storage".to_owned(),
            protocol: Protocol::Aoe { shelf: 17, slot: 0 },
            importers: vec!["mesh2".to_owned()],
        };
        Membership { exports: vec![disk], ..Membership::default() }
    }

    fn state(name: &str, unit: &'static str, device: Option<&str>) -> (bool, String) {
        let root = tempfile::tempdir().unwrap();
        if let Some(state) = device {
            let folder = root.path().join("sys/block/etherd!e17.0");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("state"), state).unwrap();
        }
        let host = &mut Unit(unit);
        let mut node = Node { name: name.to_owned(), root: root.path().to_owned(), host };
        let findings = look(&mut node, &cluster());
        (findings[0].healthy, findings[0].state.clone())
    }

    #[test]
    fn a_device_is_exported_here_and_imported_there() {
        assert_eq!(state("mesh1", "active", None), (true, "active".to_owned()));
        assert_eq!(state("mesh1", "failed", None), (false, "failed".to_owned()));
        assert_eq!(state("mesh2", "", Some("up\n")), (true, "/dev/etherd/e17.0 up".to_owned()));
        assert_eq!(
            state("mesh2", "", Some("down,closewait\n")),
            (false, "/dev/etherd/e17.0 down,closewait".to_owned())
        );
        assert_eq!(state("mesh2", "", None), (false, "/dev/etherd/e17.0 not there".to_owned()));
    }
}
