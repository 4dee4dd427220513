//! The kernel's configuration: fragments by topic, and what must have survived `olddefconfig`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::failure::with_hint;

const REQUIRED: &str = "required.list";

/// The fragments by file name.
///
/// # Errors
/// When the folder has none.
pub fn fragments(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "config") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.insert(name, fs::read_to_string(&path)?);
        }
    }
    ensure!(!found.is_empty(), "no *.config in {}", folder.display());
    Ok(found)
}

/// Options that must be built in, in the order of the list.
///
/// # Errors
/// When the list cannot be read.
pub fn required(folder: &Path) -> Result<Vec<String>> {
    let path = folder.join(REQUIRED);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Refuses a configuration that lost a required option, made a module, or dropped a line of a fragment.
///
/// # Errors
/// Everything that is wrong, by name.
pub fn check(fragments: &BTreeMap<String, String>, required: &[String], got: &str) -> Result<()> {
    let got = options(got);
    let mut wrong = Vec::new();
    for option in required {
        match got.get(option.as_str()) {
            Some(&"y") => {}
            Some(value) => wrong.push(format!("{option} is `{value}`, but must be built in")),
            None => wrong.push(format!("{option} is not set, but must be built in")),
        }
    }
    wrong.extend(
        got.iter().filter(|(_, value)| **value == "m").map(|(option, _)| format!("{option} became a module")),
    );
    for (file, text) in fragments {
        let dropped = options(text)
            .into_iter()
            .filter(|(option, value)| got.get(option).copied().unwrap_or("n") != *value);
        wrong.extend(dropped.map(|(option, value)| format!("{file}: {option}={value} was dropped")));
    }
    ensure!(
        wrong.is_empty(),
        with_hint(
            format!("the kernel's configuration did not survive:\n{}", wrong.join("\n")),
            "an option was renamed or needs another one in this version; mend builder/kernel/*.config"
        )
    );
    Ok(())
}

/// `CONFIG_X=y` and `# CONFIG_X is not set` (as `n`).
fn options(text: &str) -> BTreeMap<&str, &str> {
    let option = |line: &'_ str| -> Option<(usize, usize)> { line.find('=').map(|at| (at, at + 1)) };
    text.lines()
        .filter_map(|line| match line.strip_prefix("# ").and_then(|line| line.strip_suffix(" is not set")) {
            Some(unset) => Some((unset, "n")),
            None if line.starts_with("CONFIG_") => {
                option(line).map(|(end, value)| (&line[..end], line[value..].trim()))
            }
            None => None,
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::check;
    use std::collections::BTreeMap;

    fn checked(got: &str) -> Result<(), String> {
        let fragments = BTreeMap::from([(
            "drbd.config".to_owned(),
            "# why\nCONFIG_BLK_DEV_DRBD=y\n# CONFIG_X is not set\n".to_owned(),
        )]);
        check(&fragments, &["CONFIG_BLK_DEV_DRBD".to_owned()], got)
            .map_err(|error| error.chain().map(ToString::to_string).collect())
    }

    #[test]
    fn a_configuration_that_survived_is_accepted() {
        assert_eq!(checked("CONFIG_BLK_DEV_DRBD=y\nCONFIG_LOCALVERSION=\"-xbuild\"\n"), Ok(()));
    }

    #[test]
    fn everything_that_was_lost_is_named() {
        assert_eq!(
            checked("CONFIG_BLK_DEV_DRBD=m\nCONFIG_X=y\n").unwrap_err(),
            "the kernel's configuration did not survive:\nCONFIG_BLK_DEV_DRBD is `m`, but must be built in\n\
             CONFIG_BLK_DEV_DRBD became a module\ndrbd.config: CONFIG_BLK_DEV_DRBD=y was dropped\ndrbd.config: CONFIG_X=n was dropped"
        );
    }
}
