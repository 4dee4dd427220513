//! `--locked`: what a lock file cannot give.

use serde_json::json;
use tests::archive::{Archive, Fault, locked};
use tests::trial::Trial;

use crate::files::{PROFILE, with_profile};

fn with_lock(text: &str) -> Trial {
    let trial = with_profile(PROFILE);
    trial.write("xbuild.lock", text);
    trial
}

fn refusal(trial: &Trial, archive: &Archive) -> String {
    let mut command = trial.xbuild(&["image", "--profile", "node", "--locked", "-o", "out"]);
    trial.refusal(command.args(archive.options()), Some(archive))
}

#[test]
fn a_locked_version_that_is_gone() {
    let lock = json!({ "suites": [], "epoch": 0, "sets": { "tools": [locked("bash"), locked("mdadm")] } });
    let (trial, archive) = (with_lock(&lock.to_string()), Archive::with(&[Fault::Gone("mdadm")]));
    assert_eq!(refusal(&trial, &archive), "");
    trial.assert_clean(&[]);
}

#[test]
fn a_locked_package_with_another_hash() {
    let lock = json!({ "suites": [], "epoch": 0, "sets": { "tools": [locked("mdadm")] } });
    let (trial, archive) = (with_lock(&lock.to_string()), Archive::with(&[Fault::Forged("mdadm")]));
    assert_eq!(refusal(&trial, &archive), "");
    trial.assert_clean(&[]);
}

#[test]
fn a_lock_without_the_tools() {
    let trial = with_lock("{ \"suites\": [], \"epoch\": 0, \"sets\": {} }");
    assert_eq!(refusal(&trial, &Archive::with(&[])), "");
}

#[test]
fn a_lock_that_is_none() {
    let trial = with_lock("packages");
    assert_eq!(refusal(&trial, &Archive::with(&[])), "");
}

#[test]
fn no_lock() {
    let trial = with_profile(PROFILE);
    assert_eq!(refusal(&trial, &Archive::with(&[])), "");
}
