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
    let lock = json!({ "suites": [], "sets": { "tools": [locked("bash"), locked("mdadm")] } });
    let (trial, archive) = (with_lock(&lock.to_string()), Archive::with(&[Fault::Gone("mdadm")]));
    assert_eq!(refusal(&trial, &archive), "\
error: the locked package mdadm 1.0-1 is gone from the mirror
  because: http://MIRROR/debian/pool/main/mdadm_1.0-1_amd64.deb: the server answers 404 Not Found
  hint: take the mirror's newer packages with `xbuild lock`, or name a mirror that keeps old ones with --mirror");
    trial.assert_clean(&[]);
}

#[test]
fn a_locked_package_with_another_hash() {
    let lock = json!({ "suites": [], "sets": { "tools": [locked("mdadm")] } });
    let (trial, archive) = (with_lock(&lock.to_string()), Archive::with(&[Fault::Forged("mdadm")]));
    assert_eq!(refusal(&trial, &archive), "\
error: mdadm 1.0-1 from http://MIRROR/debian/pool/main/mdadm_1.0-1_amd64.deb is not the file that was asked for: its SHA-256 is SHA256, not SHA256
  hint: the mirror is broken or forged; nothing of it was used; try another one with --mirror");
    trial.assert_clean(&[]);
}

#[test]
fn a_lock_without_the_tools() {
    let trial = with_lock("{ \"suites\": [], \"sets\": {} }");
    assert_eq!(
        refusal(&trial, &Archive::with(&[])),
        "\
error: xbuild.lock has no packages for `tools`
  hint: write it anew with `xbuild lock`"
    );
}

#[test]
fn a_lock_that_is_none() {
    let trial = with_lock("packages");
    assert_eq!(
        refusal(&trial, &Archive::with(&[])),
        "\
error: cannot understand TMP/xbuild.lock
  because: expected value at line 1 column 1
  hint: write it anew with `xbuild lock`"
    );
}

#[test]
fn no_lock() {
    let trial = with_profile(PROFILE);
    assert_eq!(
        refusal(&trial, &Archive::with(&[])),
        "\
error: cannot read TMP/xbuild.lock
  because: No such file or directory (os error 2)
  hint: `xbuild lock` writes it; without --locked the newest packages are taken"
    );
}
