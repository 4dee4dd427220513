//! All findings, for a person and as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::finding::Finding;

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its name.
    pub node: String,
    /// Nothing is wrong.
    pub healthy: bool,
    /// What is wrong first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Of these findings, in whatever order they were made.
    #[must_use]
    pub fn new(node: &str, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| (finding.healthy, finding.area));
        let healthy = findings.iter().all(|finding| finding.healthy);
        Self { node: node.to_owned(), healthy, findings }
    }
}

/// Lines of equal columns; a hint stands below what it is about.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |text: fn(&Finding) -> usize| self.findings.iter().map(text).max().unwrap_or(0);
        let areas = width(|finding| finding.area.to_string().chars().count());
        let subjects = width(|finding| finding.subject.chars().count());
        for Finding { area, subject, state, healthy, hint } in &self.findings {
            let mark = if *healthy { "ok" } else { "!!" };
            writeln!(out, "{mark} {area:areas$}  {subject:subjects$}  {state}")?;
            for line in hint.iter().flat_map(|hint| hint.lines()) {
                writeln!(out, "     {line}")?;
            }
        }
        let ill = self.findings.iter().filter(|finding| !finding.healthy).count();
        match ill {
            0 => writeln!(out, "healthy"),
            _ => writeln!(out, "not healthy: {ill} of {}", self.findings.len()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::finding::{Area, Finding};
    use super::Report;

    #[test]
    fn what_is_wrong_stands_first_with_its_way_out() {
        let findings = vec![
            Finding::well(Area::Array, "root", "clean, 2 of 2 disks"),
            Finding::ill(Area::Mount, "/XEN", "not mounted", "one\ntwo"),
            Finding::ill(Area::Drbd, "xen", "not configured", "three"),
        ];
        let expected = "\
            !! drbd   xen   not configured\n     three\n\
            !! mount  /XEN  not mounted\n     one\n     two\n\
            ok array  root  clean, 2 of 2 disks\n\
            not healthy: 2 of 3\n";
        assert_eq!(Report::new("a", findings).to_string(), expected);
    }

    #[test]
    fn data_says_the_same() {
        let finding = Finding::well(Area::FirstBoot, "a", "finished");
        let report = Report::new("a", vec![finding]);
        assert_eq!(report.to_string(), "ok first boot  a  finished\nhealthy\n");
        let expected = r#"{"node":"a","healthy":true,"findings":[{"area":"first-boot","subject":"a","state":"finished","healthy":true}]}"#;
        assert_eq!(serde_json::to_string(&report).unwrap(), expected);
    }
}
