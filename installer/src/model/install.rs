//! How a node may be installed: what may be lost, what has to stay, who is told.

use serde::Serialize;

use super::document::{Section, Table};
use super::value::Choice;
use super::words::ReportUrl;

/// How a node is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Install {
    /// Which disks it may take.
    pub wipe: WipePolicy,
    /// What a reinstall leaves alone.
    pub keep: Vec<Keep>,
    /// Nobody is asked.
    pub unattended: bool,
    /// Where the report goes.
    pub report: Option<String>,
}

/// Which disks an install may take; each allows what those before it do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WipePolicy {
    /// Those with nothing on them.
    #[default]
    Refuse,
    /// Those with an empty partition table as well.
    Blank,
    /// Those of a node of this cluster as well.
    SameCluster,
    /// All.
    Force,
}

/// What a reinstall leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Partitions and volumes below DRBD.
    Drbd,
}

/// `[install]` or `[node.install]`: what is not said stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct InstallSettings {
    wipe: Option<WipePolicy>,
    keep: Option<Vec<Keep>>,
    unattended: Option<bool>,
    report: Option<ReportUrl>,
}

impl InstallSettings {
    /// These settings, then `later` ones, which replace them key by key.
    pub(super) fn then(&self, later: &Self) -> Self {
        Self {
            wipe: later.wipe.or(self.wipe),
            keep: later.keep.clone().or_else(|| self.keep.clone()),
            unattended: later.unattended.or(self.unattended),
            report: later.report.clone().or_else(|| self.report.clone()),
        }
    }

    pub(super) fn finish(self) -> Install {
        Install {
            wipe: self.wipe.unwrap_or_default(),
            keep: self.keep.unwrap_or_default(),
            unattended: self.unattended.unwrap_or_default(),
            report: self.report.map(String::from),
        }
    }
}

impl Section for InstallSettings {
    const ABOUT: &'static str = "what may be lost, what has to stay, who is told";

    fn read(table: &mut Table<'_>) -> Option<Self> {
        let wipe = table
            .about("which disks an install may take; each word allows what those before it do")
            .optional("wipe");
        let keep = table.about("what a reinstall leaves alone").list::<Keep>("keep");
        let unattended = table.about("nobody has to type the node's name").optional("unattended");
        let report = table
            .about("gets a POST with the end of an install as JSON, also of a refusal")
            .optional("report");
        let mut once = keep.clone();
        once.dedup();
        if once.len() < keep.len() {
            table.problem("keep", "an item of `keep` is there twice", "list it once");
        }
        let keep = table.has("keep").then_some(once);
        Some(Self { wipe, keep, unattended, report })
    }
}

impl Choice for WipePolicy {
    const NAME: &'static str = "`wipe` value";
    const EXAMPLE: &'static str = "\"same-cluster\"";

    fn words() -> Vec<(&'static str, Self)> {
        let known = [Self::Refuse, Self::Blank, Self::SameCluster, Self::Force];
        known.map(|policy| (policy.as_str(), policy)).to_vec()
    }
}

impl WipePolicy {
    /// As the cluster file has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Blank => "blank",
            Self::SameCluster => "same-cluster",
            Self::Force => "force",
        }
    }
}

impl Choice for Keep {
    const NAME: &'static str = "`keep` item";
    const EXAMPLE: &'static str = "\"drbd\"";

    fn words() -> Vec<(&'static str, Self)> {
        vec![("drbd", Self::Drbd)]
    }
}

#[cfg(test)]
mod tests {
    use super::{Install, InstallSettings, Keep, WipePolicy};

    #[test]
    fn nothing_said_is_the_careful_way() {
        let careful = Install { wipe: WipePolicy::Refuse, keep: vec![], unattended: false, report: None };
        assert_eq!(InstallSettings::default().finish(), careful);
    }

    #[test]
    fn a_node_replaces_what_the_cluster_says() {
        let cluster = InstallSettings {
            wipe: Some(WipePolicy::Force),
            keep: Some(vec![Keep::Drbd]),
            unattended: Some(true),
            report: None,
        };
        assert_eq!(cluster.then(&InstallSettings::default()), cluster);
        let node =
            InstallSettings { keep: Some(vec![]), unattended: Some(false), ..InstallSettings::default() };
        let both = cluster.then(&node).finish();
        assert_eq!((both.wipe, both.keep, both.unattended), (WipePolicy::Force, vec![], false));
    }
}
