//! Corosync: which members are there, whether they are enough, and over which links they hear each other.

mod links;

use super::finding::{Area, Finding};
use super::node::{Node, asking};
use crate::host::{Command, CommandFailed, Output, failed};
use crate::model::membership::{Member, Membership};

/// How corosync-quorumtool ends if there are too few (corosync-quorumtool(8)).
const NOT_QUORATE: i32 = 2;

/// Which members are there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Quorum {
    quorate: bool,
    present: Vec<u32>,
}

/// Quorum, then each link.
pub(super) fn look(node: &mut Node<'_>, cluster: &Membership) -> Vec<Finding> {
    let command = command();
    let quorum = match quorum(&command, node.ask(&command)) {
        Ok(quorum) => quorum,
        Err(error) => return vec![not_running(cluster, &error)],
    };
    let mut findings = vec![judge(cluster, &quorum)];
    findings.extend(links::look(node, cluster, &quorum.present));
    findings
}

fn command() -> Command {
    asking(&["corosync-quorumtool", "-s"])
}

fn quorum(command: &Command, answer: Result<Output, CommandFailed>) -> Result<Quorum, CommandFailed> {
    let output = answer?;
    match output.status {
        Some(0) => Ok(Quorum { quorate: true, present: present(&output.stdout) }),
        Some(NOT_QUORATE) => Ok(Quorum { quorate: false, present: present(&output.stdout) }),
        _ => Err(failed(command, &output)),
    }
}

fn not_running(cluster: &Membership, error: &CommandFailed) -> Finding {
    let hint = "does corosync run? systemctl status corosync; journalctl -u corosync";
    Finding::ill(Area::Quorum, &cluster.cluster, error.to_string(), hint)
}

/// The table of members is the last one: number, votes, name.
fn present(text: &str) -> Vec<u32> {
    let rows = text.lines().skip_while(|line| line.split_whitespace().next() != Some("Nodeid")).skip(1);
    rows.map_while(|row| row.split_whitespace().next()?.parse().ok()).collect()
}

fn judge(cluster: &Membership, quorum: &Quorum) -> Finding {
    let is_there = |member: &&Member| quorum.present.contains(&member.number);
    let (there, missing): (Vec<_>, Vec<_>) = cluster.members.iter().partition(is_there);
    let missing: Vec<&str> = missing.iter().map(|member| member.name.as_str()).collect();
    let word = if quorum.quorate { "quorate" } else { "not quorate" };
    let mut state = format!("{word}, {} of {} nodes", there.len(), cluster.members.len());
    if !missing.is_empty() {
        state += &format!(", without {}", missing.join(", "));
    }
    Finding::judged(Area::Quorum, &cluster.cluster, state, hint(quorum, &missing))
}

fn hint(quorum: &Quorum, missing: &[&str]) -> Option<String> {
    if !missing.is_empty() {
        return Some(format!("start {}, or look why corosync there does not answer", missing.join(", ")));
    }
    let hint = "all are there, but have too few votes: corosync-quorumtool -s says why";
    (!quorum.quorate).then(|| hint.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::finding::Finding;
    use super::{command, judge, quorum};
    use crate::host::Output;
    use crate::model::membership::{Member, Membership};

    const BOTH: &str = "\
Quorum information
------------------
Date:             Sun Nov 22 00:25:01 2026
Quorum provider:  corosync_votequorum
Nodes:            2
Node ID:          1
Ring ID:          1.8
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   2
Highest expected: 2
Total votes:      2
Quorum:           1\x20\x20
Flags:            2Node Quorate WaitForAll\x20

Membership information
----------------------
    Nodeid      Votes Name
         1          1 master1 (local)
         2          1 master2
";

    fn judged(status: i32, stdout: &str) -> Finding {
        let member = |number: u32| Member { number, name: format!("master{number}"), addresses: vec![] };
        let members = vec![member(1), member(2)];
        let cluster = Membership { cluster: "x".to_owned(), members, ..Membership::default() };
        let output = Output { status: Some(status), stdout: stdout.to_owned(), stderr: String::new() };
        judge(&cluster, &quorum(&command(), Ok(output)).unwrap())
    }

    #[test]
    fn all_members_make_it_well() {
        let finding = judged(0, BOTH);
        assert_eq!((finding.healthy, finding.state.as_str()), (true, "quorate, 2 of 2 nodes"));
    }

    #[test]
    fn who_is_missing_is_named() {
        let one = BOTH.replace("         2          1 master2\n", "");
        let finding = judged(0, &one);
        assert_eq!(
            (finding.healthy, finding.state.as_str()),
            (false, "quorate, 1 of 2 nodes, without master2")
        );
        let finding = judged(2, &one);
        assert_eq!(finding.state, "not quorate, 1 of 2 nodes, without master2");
        assert_eq!(
            judged(2, BOTH).hint.unwrap().split(':').next(),
            Some("all are there, but have too few votes")
        );
    }

    #[test]
    fn a_corosync_that_is_down_is_an_error() {
        let stderr = "Cannot initialize QUORUM service\n".to_owned();
        let error =
            quorum(&command(), Ok(Output { status: Some(1), stderr, ..Output::default() })).unwrap_err();
        let expected =
            "`timeout 30 corosync-quorumtool -s` failed with status 1: Cannot initialize QUORUM service";
        assert_eq!(error.to_string(), expected);
    }
}
