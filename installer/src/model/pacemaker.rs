//! How the cluster manager decides: `[pacemaker]`, in the words of pacemaker 3.0.

use super::document::{Section, Table};
use super::setting::{Kind, Setting, Settings};

/// `property …`. Whether there is fencing is said by `[fencing]`.
const PROPERTIES: &[Setting] = &[
    Setting::new("stonith-action", Kind::Word(&["reboot", "off"]), "reboot"),
    Setting::new("symmetric-cluster", Kind::Flag, "true"),
    Setting::new("no-quorum-policy", Kind::Word(&["stop", "freeze", "demote"]), "stop"),
    Setting::new("stop-orphan-resources", Kind::Flag, "true"),
    Setting::new("stop-orphan-actions", Kind::Flag, "true"),
];

/// `rsc_defaults …`. 1000000 is what pacemaker calls INFINITY: nothing moves back by itself.
const DEFAULTS: &[Setting] = &[
    Setting::new("is-managed", Kind::Flag, "true"),
    Setting::new("resource-stickiness", Kind::Number(0, 1_000_000, "points"), "1000000"),
    Setting::new("migration-threshold", Kind::Number(1, 1_000_000, "failures"), "3"),
    Setting::new("failure-timeout", Kind::Number(0, 86_400, "seconds"), "600"),
];

/// Properties of the cluster and defaults of its resources.
#[derive(Clone, Debug)]
pub(super) struct Pacemaker {
    pub(super) properties: Settings,
    pub(super) defaults: Settings,
}

impl Default for Pacemaker {
    fn default() -> Self {
        Self { properties: Settings::usual(PROPERTIES), defaults: Settings::usual(DEFAULTS) }
    }
}

impl Section for Pacemaker {
    const ABOUT: &'static str = "how the cluster manager decides";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        Some(Self {
            properties: Settings::read(table, PROPERTIES),
            defaults: Settings::read(table, DEFAULTS),
        })
    }
}
