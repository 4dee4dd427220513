//! What pacemaker says of itself: `crm_mon` as XML (xml/api/crm_mon-2.35.rng and what it refers to).

use roxmltree::{Document, Node as Element};

use super::finding::{Area, Finding};
use super::node::{Node, asking};
use crate::host::{Command, failed};

/// The parts of it that somebody here asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Monitor {
    /// Nodes are switched off when they must be.
    pub(super) fencing: bool,
    /// Nothing is started, stopped or watched.
    pub(super) maintenance: bool,
    /// Everything is to be stopped.
    pub(super) stop_all: bool,
    pub(super) nodes: Vec<NodeState>,
    pub(super) resources: Vec<Resource>,
    pub(super) failures: Vec<Failure>,
    pub(super) fenced: Vec<FenceEvent>,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeState {
    pub(super) name: String,
    pub(super) online: bool,
    pub(super) standby: bool,
    pub(super) maintenance: bool,
    pub(super) pending: bool,
    pub(super) unclean: bool,
}

/// A primitive, or one instance of it in a clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Its name, without the number of the instance.
    pub(super) id: String,
    /// The clone or the like that it is in.
    pub(super) inside: Option<String>,
    /// `stonith:fence_ipmilan`, …
    pub(super) agent: String,
    /// `Started`, `Stopped`, `Promoted`, `Unpromoted`, …
    pub(super) role: String,
    /// It is to be stopped: somebody has said so.
    pub(super) disabled: bool,
    pub(super) failed: bool,
    pub(super) blocked: bool,
    pub(super) managed: bool,
    pub(super) orphaned: bool,
    /// Where it runs.
    pub(super) nodes: Vec<String>,
}

/// An action that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) resource: String,
    pub(super) node: String,
    /// What was tried, and what came of it.
    pub(super) what: String,
}

/// A node was switched off, or was to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FenceEvent {
    pub(super) target: String,
    pub(super) action: String,
    pub(super) succeeded: bool,
    /// The node that has done it; `a human` if somebody has only said that it is off.
    pub(super) delegate: String,
    pub(super) completed: String,
}

/// Asks; without an answer that is the finding.
pub(super) fn ask(node: &mut Node<'_>) -> Result<Monitor, Finding> {
    let hint = "does pacemaker run? systemctl status pacemaker; journalctl -u pacemaker";
    let ill = |state: String| Finding::ill(Area::Member, "pacemaker", state, hint);
    let command = command();
    let output = node.ask(&command).map_err(|error| ill(error.to_string()))?;
    if !output.succeeded() {
        let reason = reason(&output.stdout);
        return Err(ill(reason.unwrap_or_else(|| failed(&command, &output).to_string())));
    }
    parse(&output.stdout).map_err(|error| ill(format!("`{command}` said what nobody understands: {error}")))
}

fn command() -> Command {
    asking(&["crm_mon", "--one-shot", "--output-as=xml", "--inactive", "--fence-history=3"])
}

/// Errors are in the XML as well.
fn reason(text: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let error = document.descendants().find(|element| element.has_tag_name("error"))?.text()?;
    Some(error.strip_prefix("crm_mon: ").unwrap_or(error).to_owned())
}

fn parse(text: &str) -> Result<Monitor, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let all = |name: &'static str| document.descendants().filter(move |element| element.has_tag_name(name));
    let options = all("cluster_options").next().ok_or("it has no cluster_options")?;
    let nodes = all("nodes").next().ok_or("it has no nodes")?;
    let in_list =
        |element: &Element<'_, '_>| element.ancestors().any(|above| above.has_tag_name("resources"));
    Ok(Monitor {
        fencing: is_set(&options, "stonith-enabled"),
        maintenance: is_set(&options, "maintenance-mode"),
        stop_all: is_set(&options, "stop-all-resources"),
        nodes: nodes.children().filter(Element::is_element).map(|node| NodeState::read(&node)).collect(),
        resources: all("resource").filter(in_list).map(|resource| Resource::read(&resource)).collect(),
        failures: all("failure").map(|failure| Failure::read(&failure)).collect(),
        fenced: all("fence_event").map(|event| FenceEvent::read(&event)).collect(),
    })
}

fn is_set(element: &Element<'_, '_>, name: &str) -> bool {
    element.attribute(name) == Some("true")
}

fn text(element: &Element<'_, '_>, name: &str) -> String {
    element.attribute(name).unwrap_or_default().to_owned()
}

impl NodeState {
    fn read(node: &Element<'_, '_>) -> Self {
        Self {
            name: text(node, "name"),
            online: is_set(node, "online"),
            standby: is_set(node, "standby") || is_set(node, "standby_onfail"),
            maintenance: is_set(node, "maintenance"),
            pending: is_set(node, "pending"),
            unclean: is_set(node, "unclean"),
        }
    }
}

impl Resource {
    fn read(resource: &Element<'_, '_>) -> Self {
        let around = resource
            .ancestors()
            .filter(|above| ["clone", "group", "bundle"].contains(&above.tag_name().name()));
        let running = resource.children().filter(|child| child.has_tag_name("node"));
        let target = resource.attribute("target_role").unwrap_or_default();
        Self {
            id: text(resource, "id").split(':').next().unwrap_or_default().to_owned(),
            inside: around.last().map(|outermost| text(&outermost, "id")),
            agent: text(resource, "resource_agent"),
            role: text(resource, "role"),
            disabled: target.eq_ignore_ascii_case("stopped"),
            failed: is_set(resource, "failed"),
            blocked: is_set(resource, "blocked"),
            managed: is_set(resource, "managed"),
            orphaned: is_set(resource, "orphaned"),
            nodes: running.map(|node| text(&node, "name")).collect(),
        }
    }
}

impl Failure {
    /// The key is `RESOURCE_ACTION_INTERVAL`.
    fn read(failure: &Element<'_, '_>) -> Self {
        let key = failure.attribute("op_key").or_else(|| failure.attribute("id")).unwrap_or_default();
        let mut parts = key.rsplitn(3, '_');
        let (_, action, resource) = (parts.next(), parts.next(), parts.next());
        let (status, reason) = (text(failure, "exitstatus"), text(failure, "exitreason"));
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Self {
            resource: resource.unwrap_or(key).split(':').next().unwrap_or_default().to_owned(),
            node: text(failure, "node"),
            what: format!("{} failed, {status}{because}", action.unwrap_or("an action")),
        }
    }
}

impl FenceEvent {
    fn read(event: &Element<'_, '_>) -> Self {
        Self {
            target: text(event, "target"),
            action: text(event, "action"),
            succeeded: event.attribute("status") == Some("success"),
            delegate: text(event, "delegate"),
            completed: text(event, "completed"),
        }
    }
}

#[cfg(test)]
#[path = "monitor_tests.rs"]
pub(super) mod tests;
