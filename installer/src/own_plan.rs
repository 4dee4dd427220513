//! The plan that a node was made by. The node keeps it: a disk that is replaced gets what it says.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

use crate::overlay::OverlayFile;
use crate::plan::Plan;
use crate::role::regular;

/// Where it is on the node.
pub const PATH: &str = "/etc/xbuild/plan.json";

/// The file, which says nothing of the machine: an image and an install of one node have the same.
///
/// # Errors
/// When the plan cannot be written down.
pub fn file(plan: &Plan) -> Result<OverlayFile> {
    let mut text = serde_json::to_vec_pretty(&plan.numbered()).context("BUG: a plan is no JSON")?;
    text.push(b'\n');
    Ok(regular(PATH.trim_start_matches('/'), text))
}

/// Reads the file at `path`.
///
/// # Errors
/// When it is not there, or somebody has changed it into something that no plan is.
pub fn read(path: &Path) -> Result<Plan> {
    let text = fs::read(path).with_context(|| {
        format!("cannot read the plan that this node was made by, {}: was it made by xbuild?", path.display())
    })?;
    let plan: Plan =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    plan.verify().map_err(|mistakes| anyhow!("{} is damaged: {}", path.display(), mistakes.join("; ")))?;
    Ok(plan)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{file, read};
    use crate::format::fixture;
    use crate::overlay::Content;

    #[test]
    fn a_plan_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        for plan in [fixture::raid1(), fixture::raid10(), fixture::single_4k()] {
            let Content::File(text) = file(&plan.named(&["/dev/sda".to_owned()])).unwrap().content else {
                panic!("no file")
            };
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap(), plan);
        }
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        let said = |result: anyhow::Result<_>| {
            format!("{:#}", result.map(drop as fn(crate::plan::Plan)).unwrap_err())
        };
        assert!(said(read(&path)).starts_with("cannot read the plan that this node was made by, "));
        let mut plan = fixture::raid1();
        plan.arrays[0].size = plan.arrays[0].size + crate::units::Bytes::MIB;
        std::fs::write(&path, serde_json::to_vec(&plan).unwrap()).unwrap();
        assert!(said(read(&path)).contains("is damaged: array root has not the size of its members"));
    }
}
