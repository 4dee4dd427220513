//! What is wrong in files, to the letter: a temporary folder goes in, the whole report comes out.
#![allow(clippy::unwrap_used)]

mod cluster;
mod drbd;
mod export;
mod install;
mod interfaces;
mod layout;
mod lvm;
mod membership;
mod profile;
mod schema;
mod value;

use std::fs;

use installer::check::check;
use tempfile::TempDir;

/// A layout with nothing wrong in it.
const LAYOUT: &str = r#"
[layout]
name = "one"
disks = [{ name = "system", boot = true, count = 1, min-size = "4G" }]
partitions = [{ disks = "system", number = 1, name = "root", min = "2G" }]
filesystems = [{ on = "partition:root", type = "ext4", label = "root", mount = "/" }]
"#;

/// Everything wrong with these files; `cluster.toml` is the cluster file if it is among them.
fn report(files: &[(&str, &str)]) -> String {
    let root = TempDir::new().unwrap();
    for folder in ["profiles", "overlays/common"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    for (path, text) in files {
        fs::write(root.path().join(path), text).unwrap();
    }
    let cluster = root.path().join("cluster.toml");
    let problems = check(root.path(), cluster.exists().then_some(cluster.as_path()));
    problems.to_string().replace(&format!("{}/", root.path().display()), "")
}

fn report_of_profile(text: &str) -> String {
    report(&[("profiles/a.toml", text)])
}

/// A profile `node` that is sound, and a cluster file.
fn report_of_cluster(text: &str) -> String {
    let profile = format!("summary = \"Node\"\n{LAYOUT}");
    report(&[("profiles/node.toml", &profile), ("cluster.toml", text)])
}

/// `[layout]` with one thing replaced.
fn report_of_layout(sound: &str, wrong: &str) -> String {
    assert!(LAYOUT.contains(sound), "{sound}");
    report_of_profile(&format!("summary = \"Node\"\n{}", LAYOUT.replacen(sound, wrong, 1)))
}

/// First lines and hints of a report.
fn messages(report: &str) -> Vec<&str> {
    let lines = report.lines().filter_map(|line| {
        line.strip_prefix("error: ").or_else(|| line.trim_start().strip_prefix("= hint: "))
    });
    lines.collect()
}
