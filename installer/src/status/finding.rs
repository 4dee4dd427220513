//! One thing that was looked at.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a finding is about; the first ones are the reason of the later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// What the node knows of itself.
    Node,
    /// The first boot of a cluster's node.
    FirstBoot,
    /// md.
    Array,
    /// DRBD.
    Drbd,
    /// Corosync: who is there, over which links.
    Quorum,
    /// Pacemaker's nodes.
    Member,
    /// What switches nodes off.
    Fencing,
    /// Devices that other nodes import.
    Export,
    /// Devices of other nodes.
    Import,
    /// File systems.
    Mount,
    /// What pacemaker runs.
    Resource,
}

impl fmt::Display for Area {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Node => "node",
            Self::FirstBoot => "first boot",
            Self::Array => "array",
            Self::Drbd => "drbd",
            Self::Quorum => "quorum",
            Self::Member => "member",
            Self::Fencing => "fencing",
            Self::Export => "export",
            Self::Import => "import",
            Self::Mount => "mount",
            Self::Resource => "resource",
        })
    }
}

/// One thing, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// Which one: the name of an array, a resource, a node, a mount point.
    pub subject: String,
    /// How it is, in words.
    pub state: String,
    /// It is as it should be.
    pub healthy: bool,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// As it should be.
    pub(super) fn well(area: Area, subject: &str, state: impl Into<String>) -> Self {
        Self { area, subject: subject.to_owned(), state: state.into(), healthy: true, hint: None }
    }

    /// Not as it should be.
    pub(super) fn ill(area: Area, subject: &str, state: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { healthy: false, hint: Some(hint.into()), ..Self::well(area, subject, state) }
    }

    /// Well if there is no hint.
    pub(super) fn judged(area: Area, subject: &str, state: impl Into<String>, hint: Option<String>) -> Self {
        Self { healthy: hint.is_none(), hint, ..Self::well(area, subject, state) }
    }
}
