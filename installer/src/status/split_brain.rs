//! Split brain: both nodes have written without the other one. DRBD drops the connection and waits for a person.

use super::node::{Node, asking};
use crate::host::Command;

/// What DRBD says when it finds one (drivers/block/drbd/drbd_receiver.c); nothing else tells it from other reasons to stand
/// alone, unless both nodes' generation ids are compared.
const FOUND: &str = "Split-Brain detected but unresolved";
/// The peers agree again.
const OVER: &str = "-> Connected )";

/// What the kernel has said of DRBD since it was started; nothing if nobody kept it.
pub(super) fn log(node: &mut Node<'_>) -> String {
    // The status is 1 if there is no such line.
    node.ask(&command()).map(|output| output.stdout).unwrap_or_default()
}

fn command() -> Command {
    asking(&["journalctl", "--dmesg", "--quiet", "--no-pager", "--output=cat", "--grep=drbd"])
}

/// The device has found one, and was not connected since.
pub(super) fn is_split(log: &str, minor: u32) -> bool {
    let device = format!("drbd{minor}: ");
    let of_device = log.lines().filter(|line| line.contains(&device));
    let mut telling = of_device.filter(|line| line.contains(FOUND) || line.contains(OVER));
    telling.next_back().is_some_and(|line| line.contains(FOUND))
}

/// Who lives apart from whom.
pub(super) struct SplitBrain<'a> {
    /// The resource.
    pub(super) resource: &'a str,
    /// This node.
    pub(super) node: &'a str,
    /// The other one.
    pub(super) peer: &'a str,
}

impl SplitBrain<'_> {
    /// What to do. A node whose data are given up must not use them while that happens: it stands by.
    pub(super) fn way_out(&self) -> String {
        let Self { resource, node, peer } = self;
        format!(
            "{node} and {peer} have both written without the other one. Nothing was thrown away: each has its own data.\n\
             Decide whose data are kept. What the other one has written since then will be LOST: first copy from it what\n\
             is needed. Then on the node whose data are given up:\n\
             \x20   crm node standby\n\
             \x20   crm_resource --wait\n\
             \x20   drbdadm up {resource}\n\
             \x20   drbdadm disconnect {resource}\n\
             \x20   drbdadm secondary {resource}\n\
             \x20   drbdadm connect --discard-my-data {resource}\n\
             On the node whose data are kept, if it is StandAlone:\n\
             \x20   drbdadm connect {resource}\n\
             When both are UpToDate (cat /proc/drbd), on the node whose data were given up:\n\
             \x20   crm node online"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{SplitBrain, command, is_split};

    const FOUND: &str = "\
block drbd1: conn( WFReportParams -> WFBitMapS ) pdsk( DUnknown -> Consistent )
block drbd1: conn( SyncSource -> Connected ) pdsk( Inconsistent -> UpToDate )
drbd xen: conn( Connected -> Timeout )
block drbd1: uuid_compare()=100 by rule 90
block drbd1: helper command: /sbin/drbdadm initial-split-brain minor-1 exit code 0 (0x0)
block drbd1: Split-Brain detected but unresolved, dropping connection!
drbd xen: conn( WFReportParams -> Disconnecting )
drbd xen: conn( Disconnecting -> StandAlone )
";

    #[test]
    fn the_kernel_says_which_device_is_split() {
        assert!(is_split(FOUND, 1));
        assert!(!is_split(FOUND, 11) && !is_split(&FOUND.replace("drbd1:", "drbd11:"), 1));
        let healed =
            format!("{FOUND}block drbd1: conn( SyncTarget -> Connected ) disk( Inconsistent -> UpToDate )\n");
        assert!(!is_split(&healed, 1));
        assert!(!is_split("drbd xen: conn( Disconnecting -> StandAlone )", 1));
    }

    #[test]
    fn the_log_is_asked_for_with_one_command() {
        let expected = "timeout 30 journalctl --dmesg --quiet --no-pager --output=cat --grep=drbd";
        assert_eq!(command().to_string(), expected);
    }

    #[test]
    fn the_way_out_names_both_nodes_and_loses_nothing_unasked() {
        let hint = SplitBrain { resource: "xen", node: "master1", peer: "master2" }.way_out();
        assert!(hint.starts_with("master1 and master2 have both written"));
        let commands: Vec<&str> = hint.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let expected = [
            "crm node standby",
            "crm_resource --wait",
            "drbdadm up xen",
            "drbdadm disconnect xen",
            "drbdadm secondary xen",
            "drbdadm connect --discard-my-data xen",
            "drbdadm connect xen",
            "crm node online",
        ];
        assert_eq!(commands, expected);
    }
}
