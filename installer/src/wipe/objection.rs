//! Why a disk is not taken.

use super::{Case, Owners};
use crate::facts::{Content, Found};
use crate::model::install::WipePolicy;
use crate::plan::{Disk, Refusal, count, exact};

const PLAN_ANEW: &str = "look at the machine again, and make the plan anew";

/// A disk of the plan that the machine does not have.
pub(super) fn missing(planned: &Disk) -> Refusal {
    Refusal::new(format!("{} is in the plan, and the machine does not have it", planned.name), PLAN_ANEW)
}

/// Everything that is against a disk of the plan.
pub(super) fn against(case: &Case<'_>, planned: &Disk, found: &Found) -> Vec<Refusal> {
    let state = [changed(planned, found), read_only(found), unreadable(found), in_use(found)];
    let policy = if found.unreadable.is_none() { content(case, found) } else { None };
    state.into_iter().flatten().chain(policy).collect()
}

fn changed(planned: &Disk, found: &Found) -> Option<Refusal> {
    let same = planned.size == found.facts.size && planned.sector_size == found.facts.sector_size;
    let message = || {
        let (size, sector) = (exact(planned.size), u64::from(planned.sector_size));
        format!("{} is not what the plan has: {size} with sectors of {sector} bytes", found.describe())
    };
    (!same).then(|| Refusal::new(message(), PLAN_ANEW))
}

fn read_only(found: &Found) -> Option<Refusal> {
    let hint = "take off its write protection, or take it out of the layout";
    found
        .read_only
        .then(|| Refusal::new(format!("{} cannot be written: it is read-only", found.describe()), hint))
}

fn unreadable(found: &Found) -> Option<Refusal> {
    let because = found.unreadable.as_ref()?;
    let message = format!("nobody knows what is on {}: {because}", found.describe());
    Some(Refusal::new(message, "replace the disk, or take it out of the layout"))
}

fn in_use(found: &Found) -> Option<Refusal> {
    let uses = found.in_use.as_ref()?;
    let hint = "unmount it, or stop what holds it (`swapoff`, `vgchange -an`, `mdadm --stop`); \
                `wipe` never takes a disk that is in use";
    Some(Refusal::new(format!("{} is in use: {uses}", found.describe()), hint))
}

/// What the policy says of what is on a disk.
fn content(case: &Case<'_>, found: &Found) -> Option<Refusal> {
    let policy = case.install.wipe;
    let owner = case.owners.of(found);
    let is_empty = found.contents.is_empty() && found.is_blank();
    let (allowed, but) = match policy {
        WipePolicy::Refuse => (is_empty, "is not empty"),
        WipePolicy::Blank => (found.is_blank(), "is not blank"),
        WipePolicy::SameCluster => (found.is_blank() || owner.is_some(), "is no disk of this cluster"),
        WipePolicy::Force => (true, ""),
    };
    let message = || format!("{} {but}: {}", found.describe(), contents(found, owner));
    (!allowed).then(|| Refusal::new(message(), way_out(found, owner)))
}

/// The narrowest policy that takes the disk.
fn way_out(found: &Found, owner: Option<&str>) -> &'static str {
    if found.is_blank() {
        "`wipe = \"blank\"` in [install] takes disks with nothing but an empty partition table"
    } else if owner.is_some() {
        "if nothing on it is needed, `wipe = \"same-cluster\"` in [install] takes the disks of this cluster's nodes"
    } else {
        "if nothing on it is needed, `wipe = \"force\"` in [install] takes any disk; \
         else take it out of the machine, or out of the layout"
    }
}

/// Each thing once: many signatures may belong to one, and a GPT brings an MBR that protects it.
pub(crate) fn contents(found: &Found, owner: Option<&str>) -> String {
    let has_gpt = found.contents.iter().any(|content| content.kind == "gpt");
    let mut shown: Vec<String> = Vec::new();
    for content in found.contents.iter().filter(|content| !(has_gpt && content.kind == "PMBR")) {
        let text = thing(found, content, owner);
        if !shown.contains(&text) {
            shown.push(text);
        }
    }
    if shown.is_empty() {
        shown.extend(found.partitions.iter().map(|piece| format!("partition {}", piece.device)));
    }
    shown.join(", ")
}

/// `ext4 `root` on /dev/sda1`, `gpt of node `storage1` with 2 partitions`.
fn thing(found: &Found, content: &Content, owner: Option<&str>) -> String {
    let label = if content.label.is_empty() { String::new() } else { format!(" `{}`", content.label) };
    let mut text = format!("{}{label}", content.kind);
    if content.device != found.facts.name {
        return format!("{text} on {}", content.device);
    }
    let Some(table) = found.table.as_ref().filter(|table| table.label == content.kind) else { return text };
    if let Some(node) = owner {
        text += &format!(" of node `{node}`");
    }
    if !table.partitions.is_empty() {
        text += &format!(" with {}", count(table.partitions.len(), "partition"));
    }
    text
}

/// A disk outside of the plan that still starts a node of ours.
pub(super) fn stray_boot_code(owners: &Owners, found: &Found) -> Option<Refusal> {
    let node = owners.of(found).filter(|_| found.our_boot_code)?;
    let name = &found.facts.name;
    Some(Refusal::new(
        format!(
            "{} is not in the plan, and has the boot code of node `{node}`: the machine may start from it",
            found.describe()
        ),
        format!(
            "take it out of the machine, or into the layout, or remove its boot code: \
             `dd if=/dev/zero of={name} bs=446 count=1`"
        ),
    ))
}
