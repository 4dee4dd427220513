//! Pacemaker's nodes: who may run something.

use super::finding::{Area, Finding};
use super::monitor::{Monitor, NodeState};
use crate::model::membership::Membership;

/// Every member, and what holds for all of them.
pub(super) fn judge(cluster: &Membership, monitor: &Monitor) -> Vec<Finding> {
    let state = |name: &str| monitor.nodes.iter().find(|node| node.name == name);
    let members = cluster.members.iter().map(|member| judge_one(&member.name, state(&member.name)));
    members.chain(everywhere(cluster, monitor)).collect()
}

fn everywhere(cluster: &Membership, monitor: &Monitor) -> Vec<Finding> {
    let ill = |state: &str, hint: &str| Finding::ill(Area::Member, &cluster.cluster, state, hint);
    let mut findings = Vec::new();
    if monitor.maintenance {
        let hint = "when the work is done: crm maintenance off";
        findings.push(ill("in maintenance: pacemaker starts, stops and watches nothing", hint));
    }
    if monitor.stop_all {
        let hint = "crm configure property stop-all-resources=false";
        findings.push(ill("told to stop everything", hint));
    }
    findings
}

/// The worst thing first.
fn judge_one(name: &str, node: Option<&NodeState>) -> Finding {
    let ill = |state: &str, hint: String| Finding::ill(Area::Member, name, state, hint);
    match node {
        None => {
            ill("unknown to pacemaker", "the first boot makes it known: /etc/xbuild/cluster.crm".to_owned())
        }
        Some(node) if node.unclean => {
            let hint = format!(
                "it has to be fenced first, see crm_mon -1. If it is surely off and stays so: stonith_admin --confirm {name}"
            );
            ill("unclean: nobody knows what it does", hint)
        }
        Some(node) if node.pending => ill("pending: it is joining", "wait a minute".to_owned()),
        Some(node) if !node.online => {
            ill("offline", format!("start {name}; there: systemctl status pacemaker"))
        }
        Some(node) if node.standby => ill("standby: it runs nothing", format!("crm node online {name}")),
        Some(node) if node.maintenance => ill("in maintenance", format!("crm node ready {name}")),
        Some(_) => Finding::well(Area::Member, name, "online"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::monitor::tests::{STOPPED, WELL, monitor};
    use super::judge;
    use crate::model::membership::{Member, Membership};

    fn told(xml: &str) -> Vec<String> {
        let member = |name: &str| Member { number: 1, name: name.to_owned(), addresses: vec![] };
        let members = ["master1", "master2"].map(member).to_vec();
        let cluster = Membership { cluster: "x".to_owned(), members, ..Membership::default() };
        let findings = judge(&cluster, &monitor(xml));
        findings.iter().map(|one| format!("{} {}: {}", one.healthy, one.subject, one.state)).collect()
    }

    #[test]
    fn nodes_that_run_what_they_should_are_online() {
        assert_eq!(told(WELL), ["true master1: online", "true master2: online"]);
    }

    #[test]
    fn every_other_state_is_not_well() {
        let unclean = [
            "false master1: unclean: nobody knows what it does",
            "false master2: unclean: nobody knows what it does",
        ];
        assert_eq!(told(STOPPED), unclean);
        let standby = told(&WELL.replacen("standby=\"false\"", "standby=\"true\"", 1));
        assert_eq!(standby, ["false master1: standby: it runs nothing", "true master2: online"]);
        let offline = told(&WELL.replacen("online=\"true\"", "online=\"false\"", 1));
        assert_eq!(offline[0], "false master1: offline");
        let maintenance = told(&WELL.replace("maintenance-mode=\"false\"", "maintenance-mode=\"true\""));
        assert_eq!(maintenance[2], "false x: in maintenance: pacemaker starts, stops and watches nothing");
        assert_eq!(told(&WELL.replace("\"master2\"", "\"other\""))[1], "false master2: unknown to pacemaker");
    }
}
