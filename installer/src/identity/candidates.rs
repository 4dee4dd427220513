//! Which node of the cluster file this machine is.

use crate::facts::Machine;
use crate::model::node::Marks;
use crate::model::suggest;

/// The kernel argument that says it.
const ARGUMENT: &str = "xbuild.node=";

/// Why nobody knows which node a machine is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unidentified {
    /// What was looked at.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Nodes that it may be, for somebody at the console to choose from.
    pub candidates: Vec<String>,
}

/// The node that a machine is: by the kernel argument `xbuild.node=NAME`, by the MAC address of any card, by the
/// serial number of the machine. All that say something have to say the same.
///
/// # Errors
/// If none of them says anything, if they say different nodes, or if the argument names none.
pub fn find(command_line: &str, machine: &Machine, nodes: &[Marks]) -> Result<String, Unidentified> {
    let asked = argument(command_line);
    if let Some(name) = asked.filter(|name| nodes.iter().all(|node| node.node != *name)) {
        return Err(unknown(name, nodes));
    }
    let matching = |node: &Marks| {
        let reasons = reasons(asked, machine, node);
        (!reasons.is_empty()).then(|| (node.node.clone(), reasons.join(", ")))
    };
    let matches: Vec<(String, String)> = nodes.iter().filter_map(matching).collect();
    match matches.as_slice() {
        [] => Err(nobody(machine, nodes)),
        [(node, _)] => Ok(node.clone()),
        several => Err(ambiguous(several)),
    }
}

/// The last one counts, as everywhere on the kernel's command line.
fn argument(command_line: &str) -> Option<&str> {
    command_line.split_ascii_whitespace().rev().find_map(|word| word.strip_prefix(ARGUMENT))
}

/// Everything by which the machine is that node.
fn reasons(asked: Option<&str>, machine: &Machine, node: &Marks) -> Vec<String> {
    let by_argument = asked.filter(|name| *name == node.node).map(|name| format!("`{ARGUMENT}{name}`"));
    let macs =
        machine.nics.iter().filter(|nic| node.macs.iter().any(|mac| mac.eq_ignore_ascii_case(&nic.mac)));
    let serial = node.serial.as_ref().filter(|serial| **serial == machine.serial);
    let by_serial = serial.map(|serial| format!("serial number `{serial}`"));
    by_argument
        .into_iter()
        .chain(macs.map(|nic| format!("MAC address {}", nic.mac)))
        .chain(by_serial)
        .collect()
}

fn names(nodes: &[Marks]) -> Vec<String> {
    nodes.iter().map(|node| node.node.clone()).collect()
}

fn unknown(name: &str, nodes: &[Marks]) -> Unidentified {
    Unidentified {
        message: format!("the kernel argument `{ARGUMENT}{name}` names no node of the cluster file"),
        hint: suggest::hint(name, "node", nodes.iter().map(|node| node.node.as_str())),
        candidates: names(nodes),
    }
}

fn ambiguous(matches: &[(String, String)]) -> Unidentified {
    let shown: Vec<String> = matches.iter().map(|(node, reasons)| format!("`{node}` ({reasons})")).collect();
    Unidentified {
        message: format!("this machine is more than one node: {}", shown.join(" and ")),
        hint: "correct the MAC addresses and serial numbers in the cluster file, or the kernel argument: \
               one machine is one node"
            .to_owned(),
        candidates: matches.iter().map(|(node, _)| node.clone()).collect(),
    }
}

fn nobody(machine: &Machine, nodes: &[Marks]) -> Unidentified {
    let macs: Vec<&str> = machine.nics.iter().map(|nic| nic.mac.as_str()).collect();
    let cards = match macs.as_slice() {
        [] => "no network card".to_owned(),
        [mac] => format!("MAC address {mac}"),
        macs => format!("MAC addresses {}", macs.join(", ")),
    };
    let serial = match machine.serial.as_str() {
        "" => "no serial number".to_owned(),
        serial => format!("serial number `{serial}`"),
    };
    let known: Vec<String> = nodes.iter().map(describe).collect();
    Unidentified {
        message: format!(
            "this machine is no node of the cluster file: it has {cards} and {serial}, and the nodes are {}",
            known.join(", ")
        ),
        hint: format!(
            "write a MAC address or the serial number at its [[node]], choose the node at the console, or start \
             with the kernel argument `{ARGUMENT}NAME`"
        ),
        candidates: names(nodes),
    }
}

/// A node and what it is known by.
fn describe(node: &Marks) -> String {
    let serial = node.serial.as_ref().map(|serial| format!("serial number `{serial}`"));
    let marks: Vec<String> = node.macs.iter().cloned().chain(serial).collect();
    match marks.as_slice() {
        [] => format!("`{}`", node.node),
        marks => format!("`{}` ({})", node.node, marks.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Unidentified, find};
    use crate::facts::{Firmware, Machine, Nic};
    use crate::model::node::Marks;
    use crate::units::Bytes;

    fn machine(macs: &[&str], serial: &str) -> Machine {
        let nic = |(at, mac): (usize, &&str)| Nic {
            name: format!("eth{at}"),
            mac: (*mac).to_owned(),
            driver: None,
        };
        Machine {
            firmware: Firmware::Bios,
            memory: Bytes::GIB,
            serial: serial.to_owned(),
            nics: macs.iter().enumerate().map(nic).collect(),
            disks: vec![],
        }
    }

    /// One node by MAC address, one by serial number, one by nothing.
    fn nodes() -> [Marks; 3] {
        let marks = |node: &str, macs: &[&str], serial: Option<&str>| Marks {
            node: node.to_owned(),
            macs: macs.iter().map(|mac| (*mac).to_owned()).collect(),
            serial: serial.map(str::to_owned),
        };
        [
            marks("storage1", &["52:54:00:00:00:01", "52:54:00:00:00:02"], None),
            marks("storage2", &["52:54:00:00:00:03"], Some("S2")),
            marks("spare", &[], None),
        ]
    }

    #[test]
    fn a_machine_is_known_by_any_of_its_marks() {
        for (command_line, macs, serial, node) in [
            ("", &["52:54:00:00:00:09", "52:54:00:00:00:02"][..], "", "storage1"),
            ("", &[], "S2", "storage2"),
            ("quiet xbuild.node=spare", &["52:54:00:00:00:09"], "S9", "spare"),
            ("xbuild.node=storage1 xbuild.node=storage2", &["52:54:00:00:00:03"], "S2", "storage2"),
        ] {
            assert_eq!(find(command_line, &machine(macs, serial), &nodes()), Ok(node.to_owned()));
        }
    }

    #[test]
    fn what_was_looked_at_is_told() {
        let all = "`storage1` (52:54:00:00:00:01, 52:54:00:00:00:02), \
                   `storage2` (52:54:00:00:00:03, serial number `S2`), `spare`";
        let way_out = "write a MAC address or the serial number at its [[node]], choose the node at the console, or \
                       start with the kernel argument `xbuild.node=NAME`";
        let conflict = "correct the MAC addresses and serial numbers in the cluster file, or the kernel argument: \
                        one machine is one node";
        let everybody = &["storage1", "storage2", "spare"][..];
        let pair = &["storage1", "storage2"][..];
        for (command_line, macs, serial, message, hint, candidates) in [
            (
                "quiet",
                &["52:54:00:00:00:08", "52:54:00:00:00:09"][..],
                "S9",
                format!(
                    "this machine is no node of the cluster file: it has MAC addresses 52:54:00:00:00:08, \
                     52:54:00:00:00:09 and serial number `S9`, and the nodes are {all}"
                ),
                way_out,
                everybody,
            ),
            (
                "",
                &[],
                "",
                format!(
                    "this machine is no node of the cluster file: it has no network card and no serial number, \
                     and the nodes are {all}"
                ),
                way_out,
                everybody,
            ),
            (
                "",
                &["52:54:00:00:00:01"],
                "S2",
                "this machine is more than one node: `storage1` (MAC address 52:54:00:00:00:01) and \
                 `storage2` (serial number `S2`)"
                    .to_owned(),
                conflict,
                pair,
            ),
            (
                "xbuild.node=storage1",
                &["52:54:00:00:00:03"],
                "",
                "this machine is more than one node: `storage1` (`xbuild.node=storage1`) and \
                 `storage2` (MAC address 52:54:00:00:00:03)"
                    .to_owned(),
                conflict,
                pair,
            ),
            (
                "xbuild.node=storag1",
                &["52:54:00:00:00:01"],
                "",
                "the kernel argument `xbuild.node=storag1` names no node of the cluster file".to_owned(),
                "did you mean `storage1`?",
                everybody,
            ),
        ] {
            let expected = Unidentified {
                message,
                hint: hint.to_owned(),
                candidates: candidates.iter().map(|name| (*name).to_owned()).collect(),
            };
            assert_eq!(find(command_line, &machine(macs, serial), &nodes()), Err(expected));
        }
    }
}
