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
    assert_eq!(
        said,
        "\
error: cannot fetch http://MIRROR/debian/dists/trixie/InRelease
  because: Connection refused (os error 111)
  hint: check the address (--mirror, --mirror-security) and the network; what was fetched stays in the cache"
    );
    trial.assert_clean(&[]);
}

#[test]
fn a_mirror_without_the_release() {
    assert_refused(&[Fault::Empty], &[], "\
error: http://MIRROR/debian/dists/trixie/InRelease: the server answers 404 Not Found
  hint: is this a Debian mirror that carries the release? name another one with --mirror or --mirror-security");
}

#[test]
fn bad_signature() {
    assert_refused(
        &[Fault::Edited],
        &[],
        "\
error: cannot trust http://MIRROR/debian/dists/trixie/InRelease
  because: no trusted key has made a good signature over it
  hint: the mirror may be broken, half-synchronised or forged; try another one with --mirror",
    );
}

#[test]
fn signature_of_a_stranger() {
    assert_refused(
        &[Fault::Stranger],
        &[],
        "\
error: cannot trust http://MIRROR/debian/dists/trixie/InRelease
  because: no trusted key has made a good signature over it
  hint: the mirror may be broken, half-synchronised or forged; try another one with --mirror",
    );
}

#[test]
fn no_signature() {
    assert_refused(
        &[Fault::Unsigned],
        &[],
        "\
error: cannot trust http://MIRROR/debian/dists/trixie/InRelease
  because: it is not a clear-signed OpenPGP message
  hint: this may be no Debian mirror, or something between it and here answers in its place",
    );
}

#[test]
fn not_debians_keys_without_a_keyring() {
    let (trial, archive) = (Trial::new(), Archive::with(&[]));
    let mut command = trial.xbuild(&["image", "--profile", "storage", "-o", "out", "--source"]);
    command
        .arg(checkout())
        .args(archive.options().into_iter().filter(|option| !option.starts_with("--keyring")));
    let said = trial.refusal(&mut command, Some(&archive));
    // Where the host has no copy of Debian's keyring, the mirror's is asked for; neither makes it trusted.
    assert!(
        said.starts_with("error: cannot trust http://MIRROR/debian/dists/trixie/InRelease\n")
            || said.starts_with("error: none of the keys"),
        "{said}"
    );
    trial.assert_clean(&[]);
}

#[test]
fn expired_release() {
    assert_refused(&[Fault::Expired], &[], "\
error: cannot use http://MIRROR/debian/dists/trixie/InRelease
  because: it expired on 2000-01-01T00:00:00Z
  hint: the mirror has stopped following Debian, or this machine's clock is wrong; try another mirror with --mirror or --mirror-security");
}

#[test]
fn wrong_origin() {
    assert_refused(
        &[Fault::Origin("Devuan")],
        &[],
        "\
error: cannot use http://MIRROR/debian/dists/trixie/InRelease
  because: its Origin is `Devuan`, not `Debian`
  hint: name a mirror of Debian's main archive with --mirror ADDRESS, or in the cluster file",
    );
}

#[test]
fn an_index_with_a_wrong_hash() {
    assert_refused(&[Fault::Index], &[], "\
error: trixie/main/binary-amd64/Packages.xz from http://MIRROR/debian/dists/trixie/main/binary-amd64/by-hash/SHA256/SHA256 is not the file that was asked for: its SHA-256 is SHA256, not SHA256
  hint: the mirror is broken or forged; nothing of it was used; try another one with --mirror");
}

#[test]
fn a_package_with_a_wrong_hash() {
    assert_refused(&[Fault::Forged("mdadm")], &["resolved"], "\
error: mdadm 1.0-1 from http://MIRROR/debian/pool/main/mdadm_1.0-1_amd64.deb is not the file that was asked for: its SHA-256 is SHA256, not SHA256
  hint: the mirror is broken or forged; nothing of it was used; try another one with --mirror");
}

#[test]
fn a_package_that_is_in_the_index_only() {
    assert_refused(&[Fault::Gone("mdadm")], &["resolved"], "\
error: the mirror lists mdadm 1.0-1, but does not have it
  because: http://MIRROR/debian/pool/main/mdadm_1.0-1_amd64.deb: the server answers 404 Not Found
  hint: it may be in the middle of an update: try again in a while, or name another one with --mirror or --mirror-security");
}

#[test]
fn packages_that_are_none() {
    assert_refused(&[], &["resolved"], "error: no base-files among the packages");
}
