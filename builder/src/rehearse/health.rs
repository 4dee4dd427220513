//! Whether the nodes are well, as they say themselves (`xinstall status`).

use anyhow::{Context as _, Result, ensure};
use installer::status::{Area, Finding, Report};

use super::Rack;
use super::node::Node;
use super::outcome::{ANSWER, WELL};

/// Waits until every node says that it is well.
///
/// # Errors
/// What they say instead.
pub fn well(rack: &Rack) -> Result<()> {
    settle(rack, |_| true)
}

/// Waits until nothing is left but to try what fences.
///
/// # Errors
/// What else there is.
pub fn begun(rack: &Rack) -> Result<()> {
    settle(rack, |finding| !is_untried(finding))
}

/// A fence device that runs, and has only to show what it can.
fn is_untried(finding: &Finding) -> bool {
    finding.area == Area::Fencing && finding.state.starts_with("runs on ")
}

/// Lets each fence device switch its node off once, from another node; waits for it to come back before the next one.
///
/// # Errors
/// When one does not.
pub fn prove_fencing(rack: &Rack) -> Result<()> {
    for node in rack.nodes().iter().filter(|node| node.bmc.is_some()) {
        begun(rack)?;
        let other = rack.nodes().iter().find(|other| other.name != node.name);
        let other = other.with_context(|| format!("nobody is there to fence {}", node.name))?;
        let before = node.boot();
        other.good(&format!("stonith_admin --reboot {} --timeout {}", node.name, ANSWER.as_secs()), WELL)?;
        let again = || node.boot().filter(|boot| before.as_ref() != Some(boot));
        rack.until(&format!("{} starts again", node.name), WELL, again)?;
    }
    begun(rack)
}

/// Waits until no node has a finding that `counts` and is bad.
fn settle(rack: &Rack, counts: impl Fn(&Finding) -> bool) -> Result<()> {
    let mut last = String::new();
    let settled = rack.until("all nodes are well", WELL, || match complaint(rack, &counts) {
        None => Some(()),
        Some(complaint) => {
            last = complaint;
            None
        }
    });
    settled.with_context(|| last)
}

/// What the first node that is not well says; none if all are.
fn complaint(rack: &Rack, counts: &impl Fn(&Finding) -> bool) -> Option<String> {
    rack.nodes().iter().find_map(|node| match ask(node) {
        Ok(report) => {
            let bad = report.findings.iter().filter(|finding| !finding.healthy && counts(finding));
            let bad: Vec<_> = bad
                .map(|finding| format!("{} {}: {}", finding.area, finding.subject, finding.state))
                .collect();
            (!bad.is_empty()).then(|| format!("{} says: {}", node.name, bad.join("; ")))
        }
        Err(error) => Some(format!("{}: {error:#}", node.name)),
    })
}

/// What a node says of itself.
///
/// # Errors
/// When it does not answer, or cannot say it.
pub fn ask(node: &Node) -> Result<Report> {
    let said = node.machine.agent().run("xinstall status --json", ANSWER)?;
    let report = serde_json::from_str(&said.text);
    ensure!(report.is_ok(), "`xinstall status --json` ended with {}: {}", said.status, said.text.trim_end());
    Ok(report?)
}
