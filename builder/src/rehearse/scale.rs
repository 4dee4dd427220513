//! What of a cluster is made smaller or slower so that it can be rehearsed, as data: it is done to the cluster file, which is
//! then read and checked as any other one, and it is shown. None of it is ever a default of what is shipped.

use anyhow::{Context as _, Result};
use installer::model::node::NodeSpec;
use installer::model::storage::DiskRule;
use installer::units::Bytes;
use toml::{Table, Value};

use super::hardware::{MEMORY, PROCESSORS};
use crate::vm::Accelerator;

/// Memory of dom0: what Xen and one small guest leave of the machine.
const DOM0: Bytes = Bytes::mib(768);
/// What a system needs where its layout asks for less.
const SYSTEM: Bytes = Bytes(6 << 30);
/// A copy of DRBD is read whole, and shipped.
const DATA: Bytes = Bytes(1 << 30);
/// Extents of 4 MiB that DRBD takes for dirty after a power cut, which would else be more than a copy has.
const DIRTY: i64 = 31;
/// Milliseconds for corosync's token: an emulated node may not run for seconds.
const TOKEN: i64 = 10_000;
/// Seconds for a fence agent: an emulated one needs ten only to start.
const FENCING: i64 = 90;
/// Xen's FPU handling that TCG gets wrong corrupts dom0, and without the others it is slow.
const XEN: [&str; 3] = ["spec-ctrl=no,eager-fpu=yes", "xpti=no", "watchdog=no"];
/// Nobody attacks an emulated processor.
const KERNEL: [&str; 1] = ["mitigations=off"];

const SPACE: &str = "the nodes share one host";
const SLOW: &str = "emulated processors are slow";
const SMALL: &str = "a copy as small as that would be resynced whole";
const FOLLOWS: &str = "it must outlast corosync and fencing";
const WRONG: &str = "emulated processors are slow, and lazy FPU switching fails on them";

/// Something that is not as it will be in the rack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// What it is.
    pub name: String,
    /// As it is shipped.
    pub shipped: String,
    /// As it is rehearsed.
    pub rehearsed: String,
    /// Why.
    pub reason: &'static str,
}

/// The cluster file to rehearse with, and how it differs. `nodes` are those of `text`.
///
/// # Errors
/// When the file is not TOML.
pub fn scale(text: &str, nodes: &[NodeSpec], accelerator: Accelerator) -> Result<(String, Vec<Scaled>)> {
    let mut file: Table = text.parse().context("the cluster file is not TOML any more")?;
    let mut told = machines();
    told.extend(copies(&mut file));
    told.extend(activity(&mut file, nodes));
    if accelerator == Accelerator::Tcg {
        told.extend(times(&mut file, nodes));
        told.push(added("arguments of Xen", &XEN, WRONG));
        told.push(added("arguments of the kernel", &KERNEL, SLOW));
    }
    for table in list(&mut file, "node") {
        let name = table.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(spec) = nodes.iter().find(|spec| name_of(spec) == name) else { continue };
        told.extend(node(table, spec));
        if accelerator == Accelerator::Tcg {
            append(table, "xen-arguments", &XEN);
            append(table, "kernel-arguments", &KERNEL);
        }
    }
    Ok((toml::to_string(&file).context("BUG: a cluster file that cannot be written")?, told))
}

/// The table that says so.
#[must_use]
pub fn draw(scaled: &[Scaled]) -> String {
    let head = ["scaled for the rehearsal", "shipped", "rehearsed", "because"].map(str::to_owned);
    let row = |item: &Scaled| {
        [item.name.clone(), item.shipped.clone(), item.rehearsed.clone(), item.reason.to_owned()]
    };
    super::table::draw(&std::iter::once(head).chain(scaled.iter().map(row)).collect::<Vec<_>>())
}

fn name_of(spec: &NodeSpec) -> &str {
    spec.identity.as_ref().map_or("", |identity| &identity.hostname)
}

/// The machines themselves are in no file.
fn machines() -> Vec<Scaled> {
    let item = |name: &str, rehearsed| Scaled {
        name: name.to_owned(),
        shipped: "the machine's".to_owned(),
        rehearsed,
        reason: SPACE,
    };
    vec![item("memory", Bytes::mib(MEMORY.into()).to_string()), item("processors", PROCESSORS.to_string())]
}

fn added(name: &str, arguments: &[&str], reason: &'static str) -> Scaled {
    let (shipped, rehearsed) = ("as they are".to_owned(), format!("and {}", arguments.join(" ")));
    Scaled { name: name.to_owned(), shipped, rehearsed, reason }
}

/// Sets a number of a table that the file may not have; the result is what to tell, if it is larger than before.
fn raise(
    file: &mut Table,
    (table, key, unit): (&str, &str, &str),
    (before, after): (i64, i64),
    reason: &'static str,
) -> Option<Scaled> {
    let table_found = file.get_mut(table)?.as_table_mut()?;
    if after <= before {
        return None;
    }
    table_found.insert(key.to_owned(), Value::Integer(after));
    let [shipped, rehearsed] = [before, after].map(|number| format!("{number} {unit}"));
    Some(Scaled { name: format!("{table} {key}"), shipped, rehearsed, reason })
}

/// A longer token and longer fencing let DRBD wait longer, and OCFS2 must be more patient than that: it counts in steps of
/// two seconds, and corosync takes 2.2 tokens to be sure.
fn times(file: &mut Table, nodes: &[NodeSpec]) -> Vec<Scaled> {
    let Some(membership) = nodes.first().map(|node| &node.membership) else { return Vec::new() };
    let token = i64::from(membership.token);
    let fencing = membership.fencing.iter().map(|device| i64::from(device.timeout)).max();
    let fencing = fencing.unwrap_or(FENCING);
    let longer = (TOKEN - token).max(0) * 22 / 10 + (FENCING - fencing).max(0) * 1000;
    let o2cb = |name: &str| -> Option<i64> {
        let ocfs2 = membership.ocfs2.as_ref()?;
        ocfs2.o2cb.iter().find(|(setting, _)| setting == name)?.1.parse().ok()
    };
    let threshold = o2cb("heartbeat-threshold").map(|before| (before, before + (longer + 1999) / 2000));
    let idle = o2cb("idle-timeout").map(|before| (before, before + longer));
    [
        raise(file, ("corosync", "token", "ms"), (token, TOKEN), SLOW),
        raise(file, ("fencing", "timeout", "s"), (fencing, FENCING), SLOW),
        threshold.and_then(|both| raise(file, ("ocfs2", "heartbeat-threshold", "x 2 s"), both, FOLLOWS)),
        idle.and_then(|both| raise(file, ("ocfs2", "idle-timeout", "ms"), both, FOLLOWS)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Disks as small as they are here would be refused.
fn copies(file: &mut Table) -> Vec<Scaled> {
    let item = |table: &mut Table| {
        let shipped = table.remove("min-size")?.as_str()?.to_owned();
        let name = table.get("name").and_then(Value::as_str).unwrap_or_default();
        Some(Scaled {
            name: format!("min-size of {name}"),
            shipped,
            rehearsed: "any".to_owned(),
            reason: SPACE,
        })
    };
    list(file, "drbd").filter_map(item).collect()
}

/// DRBD's activity log: what it covers is resynced after a power cut.
fn activity(file: &mut Table, nodes: &[NodeSpec]) -> Vec<Scaled> {
    let item = |table: &mut Table| {
        let name = table.get("name")?.as_str()?.to_owned();
        let device = nodes.iter().flat_map(|node| &node.replicated).find(|device| device.name == name)?;
        let shipped: i64 = device.disk.iter().find(|(key, _)| key == "al-extents")?.1.parse().ok()?;
        let disk = table.entry("disk").or_insert_with(|| Value::Table(Table::new())).as_table_mut()?;
        disk.insert("al-extents".to_owned(), Value::Integer(shipped.min(DIRTY)));
        let [shipped, rehearsed] = [shipped, shipped.min(DIRTY)].map(|count| format!("{count} x 4M"));
        Some(Scaled { name: format!("al-extents of {name}"), shipped, rehearsed, reason: SMALL })
    };
    list(file, "drbd").filter_map(item).filter(|item| item.shipped != item.rehearsed).collect()
}

fn node(table: &mut Table, spec: &NodeSpec) -> Vec<Scaled> {
    let before = (spec.boot.dom0_memory, spec.boot.dom0_vcpus);
    let disks: Vec<Bytes> = spec.layout.disks.iter().flat_map(smallest).collect();
    table.insert("dom0-memory".into(), Value::String(DOM0.to_string()));
    table.insert("dom0-vcpus".into(), Value::Integer(PROCESSORS.into()));
    let disk =
        |size: &Bytes| Value::Table(Table::from_iter([("size".into(), Value::String(size.to_string()))]));
    table.insert("disk".into(), Value::Array(disks.iter().map(disk).collect()));
    let named =
        spec.identity.as_ref().map(|identity| list_sizes(&identity.disks)).filter(|text| !text.is_empty());
    let item = |what: &str, shipped: String, rehearsed: String| Scaled {
        name: format!("{} {what}", name_of(spec)),
        shipped,
        rehearsed,
        reason: SPACE,
    };
    let vcpus = before.1.map_or("all".to_owned(), |count| count.to_string());
    let all = [
        item("memory of dom0", before.0.to_string(), DOM0.to_string()),
        item("processors of dom0", vcpus, PROCESSORS.to_string()),
        item("disks", named.unwrap_or_else(|| "the machine's".to_owned()), list_sizes(&disks)),
    ];
    all.into_iter().filter(|item| item.shipped != item.rehearsed).collect()
}

/// As few and as small ones as the rule takes.
fn smallest(rule: &DiskRule) -> Vec<Bytes> {
    vec![rule.min_size.max(if rule.boot { SYSTEM } else { DATA }); rule.min_count]
}

fn list_sizes(sizes: &[Bytes]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn list<'a>(file: &'a mut Table, key: &str) -> impl Iterator<Item = &'a mut Table> {
    file.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_table_mut)
}

fn append(table: &mut Table, key: &str, words: &[&str]) {
    let list = table.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    let words = words.iter().map(|word| Value::String((*word).to_owned()));
    list.as_array_mut().into_iter().for_each(|list| list.extend(words.clone()));
}
