use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use installer::payload::TrustedKeys;

use super::{MediaKey, public_path};
use crate::failure::Shown;

// Recorded from minisign 0.11: `minisign -G -W`, and `minisign -S -t 'made by minisign'` over this content.
const SECRET: &str = "untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+oSXIJXMc3WLjijwGd8yaalgjICbUI+hSJ4vQYG6CjQE36M8XJXzBbydS2bX4BwMbEZS+NSjF/3xx1CjRkYVQZQjm302Q1XfAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
";
const PUBLIC: &str = "RWT6hJcglcxzdbydS2bX4BwMbEZS+NSjF/3xx1CjRkYVQZQjm302Q1Xf";
const CONTENT: &[u8] = br#"{"hello": 1}"#;
const SIGNED: &str =
    "RUT6hJcglcxzdb5RQcMgitutm29uMCiUo1mu5oTiJGLnZ8xxOMG0HMxExhZnkhQ+wnGmyACGOg9WOA7TkAnndoDy1Zaf2UE6ygE=
trusted comment: made by minisign
Vtl+NwjUx3uhwsFoU6hP5i0CNy6B6aBHQxTNi/JVgVJzz19uU+uF5Pb8sUIJG0NPymz5RtxlJ89RdvKkGrZABg==
";

#[test]
fn a_key_of_minisign_signs_as_minisign_does() {
    let key = MediaKey::parse(SECRET).unwrap();
    assert_eq!(key.id().to_string(), "7573CC95209784FA");
    assert_eq!(key.public(), format!("untrusted comment: xbuild public key 7573CC95209784FA\n{PUBLIC}\n"));
    assert_eq!(
        key.sign(CONTENT, "made by minisign").unwrap(),
        format!("untrusted comment: signature of xbuild with key 7573CC95209784FA\n{SIGNED}")
    );
}

#[test]
fn a_secret_key_is_written_as_minisign_reads_it() {
    let key = MediaKey::parse(SECRET).unwrap();
    let (ours, theirs) = (key.secret(), SECRET.lines().nth(1).unwrap());
    let ours = ours.lines().nth(1).unwrap();
    // minisign leaves the checksum out where there is no passphrase; other programs want it.
    assert_eq!(ours[..168], theirs[..168]);
    assert_eq!(MediaKey::parse(&key.secret()).unwrap().secret(), key.secret());
}

#[test]
fn a_key_is_made_once_and_both_halves_match() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("share/xbuild.key");
    let made = MediaKey::open(&path).unwrap();
    let again = MediaKey::open(&path).unwrap();
    assert_eq!(made.id(), again.id());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let public = public_path(&path);
    assert_eq!((mode(&path), mode(&public)), (0o600, 0o644));
    let keys = TrustedKeys::read([("xbuild.pub", fs::read_to_string(public).unwrap())]).unwrap();
    let signature = again.sign(b"content", "comment").unwrap();
    assert_eq!(keys.verify("here", b"content", signature.as_bytes()).unwrap(), "comment");
}

#[test]
fn no_key_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("xbuild.key");
    let public = public_path(&path);
    fs::write(&public, "somebody's").unwrap();
    let refused = || Shown(&MediaKey::create(&path).unwrap_err()).to_string();
    let hint =
        "installers trust the key that their medium carries: keep it, or give another folder with --out DIR";
    assert_eq!(
        refused(),
        format!("error: {} is there already, and is not overwritten\n  hint: {hint}", public.display())
    );
    // The public half of a key that is lost must not lie beside another one.
    let unmade = MediaKey::open(&path).unwrap_err();
    assert_eq!(
        unmade.chain().last().unwrap().to_string(),
        format!("{} is there already, and is not overwritten", public.display())
    );
    assert!(!path.exists());
    fs::remove_file(&public).unwrap();
    let key = MediaKey::create(&path).unwrap();
    assert_eq!(
        refused(),
        format!("error: {} is there already, and is not overwritten\n  hint: {hint}", path.display())
    );
    assert_eq!(MediaKey::open(&path).unwrap().id(), key.id());
}

#[test]
fn what_is_no_key_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("xbuild.key");
    let said = |text: &str| {
        fs::write(&path, text).unwrap();
        Shown(&MediaKey::open(&path).unwrap_err()).to_string()
    };
    let expected = |because: &str| {
        format!(
            "error: cannot use the key {}\n  because: {because}\n  hint: it must be a secret key as `xbuild keygen` or `minisign -G -W` makes it",
            path.display()
        )
    };
    assert_eq!(said("no key"), expected("it has no second line"));
    assert_eq!(said(&format!("comment\n{PUBLIC}")), expected("it has 42 bytes, not 158"));
    let encrypted = SECRET.replace("RWQAAEIy", "RWRTY0Iy");
    assert_eq!(
        said(&encrypted),
        expected(
            "it has a passphrase, and builds cannot ask for one; `minisign -C -W -s FILE` removes it from a copy"
        )
    );
    // A bit of the seed.
    let damaged = SECRET.replace("WLjijw", "WLjiiw");
    assert!(said(&damaged).starts_with(&format!(
        "error: cannot use the key {}\n  because: its two halves do not match",
        path.display()
    )));
}
