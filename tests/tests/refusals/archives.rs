//! Mirrors that cannot be reached, and archives that must not be believed.

use std::net::TcpListener;

use tests::archive::{Archive, Fault};
use tests::trial::Trial;
use tests::xbuild::checkout;

/// `xbuild image` refuses these archives with these words, and the next build finds nothing of them.
fn assert_refused(faults: &[Fault], stages: &[&str], expected: &str) {
    let (trial, archive) = (Trial::new(), Archive::with(faults));
    assert_eq!(trial.refusal(&mut trial.image(&archive), Some(&archive)), expected);
    trial.assert_clean(stages);
}

#[test]
fn unreachable_mirror() {
    let trial = Trial::new();
    // A port that was free a moment ago, where nobody listens any more.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let mut command = trial.xbuild(&["image", "--profile", "storage", "-o", "out", "--source"]);
    command.arg(checkout()).arg(format!("--mirror=http://{address}/debian"));
    let said = trial.refusal(&mut command, None).replace(&address.to_string(), "MIRROR");
    assert_eq!(said, "");
    trial.assert_clean(&[]);
}

#[test]
fn a_mirror_without_the_release() {
    assert_refused(&[Fault::Empty], &[], "");
}

#[test]
fn bad_signature() {
    assert_refused(&[Fault::Edited], &[], "");
}

#[test]
fn signature_of_a_stranger() {
    assert_refused(&[Fault::Stranger], &[], "");
}

#[test]
fn no_signature() {
    assert_refused(&[Fault::Unsigned], &[], "");
}

#[test]
fn not_debians_keys_without_a_keyring() {
    let (trial, archive) = (Trial::new(), Archive::with(&[]));
    let mut command = trial.xbuild(&["image", "--profile", "storage", "-o", "out", "--source"]);
    command.arg(checkout()).args(archive.options().into_iter().filter(|option| !option.starts_with("--keyring")));
    let said = trial.refusal(&mut command, Some(&archive));
    // Where the host has no copy of Debian's keyring, the mirror's is asked for; neither makes it trusted.
    assert!(said.starts_with("error: cannot trust http://MIRROR/debian/dists/trixie/InRelease\n") || said.starts_with("error: none of the keys"), "{said}");
    trial.assert_clean(&[]);
}

#[test]
fn expired_release() {
    assert_refused(&[Fault::Expired], &[], "");
}

#[test]
fn wrong_origin() {
    assert_refused(&[Fault::Origin("Devuan")], &[], "");
}

#[test]
fn an_index_with_a_wrong_hash() {
    assert_refused(&[Fault::Index], &[], "");
}

#[test]
fn a_package_with_a_wrong_hash() {
    assert_refused(&[Fault::Forged("mdadm")], &["resolved"], "");
}

#[test]
fn a_package_that_is_in_the_index_only() {
    assert_refused(&[Fault::Gone("mdadm")], &["resolved"], "");
}

#[test]
fn packages_that_are_none() {
    assert_refused(&[], &["resolved"], "");
}
