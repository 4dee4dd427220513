//! What lies on a node's disks.

use serde_json::Value;

use crate::xbuild::{Images, inspect};

/// What is random or changes by itself: ids of md's members, counts of events, what is free, when and where it was mounted,
/// and whether an array is in sync yet.
const VARYING: [&str; 10] =
    ["path", "member", "events", "updated", "dirty", "clean", "free", "sectors", "last_mounted", "mounted"];

/// What `xbuild inspect` says, without what varies. Nothing may be damaged.
#[must_use]
pub fn layout(images: &Images) -> Value {
    let report = inspect(images);
    assert_eq!(report["damaged"], Value::Array(Vec::new()), "{report:#}");
    without_chance(&report)
}

fn without_chance(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| !VARYING.contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), without_chance(value))).collect()
        }
        Value::Array(values) => values.iter().map(without_chance).collect(),
        other => other.clone(),
    }
}
