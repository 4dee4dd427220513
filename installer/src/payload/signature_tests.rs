//! Against files that minisign 0.11 has made: `minisign -G -W`, `minisign -S`, `minisign -S -l`.

use super::TrustedKeys;
use crate::payload::error::PayloadError;

const MANIFEST: &[u8] = include_bytes!("../../tests/payload/manifest.json");
const SIGNATURE: &[u8] = include_bytes!("../../tests/payload/manifest.json.minisig");
const LEGACY: &[u8] = include_bytes!("../../tests/payload/legacy.minisig");
const OTHER: &[u8] = include_bytes!("../../tests/payload/other.minisig");
const KEY: &str = include_str!("../../tests/payload/xbuild.pub");
const OTHER_KEY: &str = include_str!("../../tests/payload/other.pub");

fn keys(texts: &[&str]) -> TrustedKeys {
    TrustedKeys::read(texts.iter().map(|text| ("xbuild.pub", *text))).unwrap()
}

fn refused(keys: &TrustedKeys, content: &[u8], signature: &[u8]) -> PayloadError {
    keys.verify("http://boot/payload", content, signature).unwrap_err()
}

#[test]
fn what_minisign_has_signed_is_taken() {
    let both = keys(&[OTHER_KEY, KEY]);
    let comment = |signature| both.verify("here", MANIFEST, signature).unwrap();
    assert_eq!(comment(SIGNATURE), "recorded from minisign 0.11");
    assert_eq!(comment(LEGACY), "recorded from minisign 0.11, legacy format");
    assert_eq!(comment(OTHER), "recorded from minisign 0.11");
    let ids: Vec<String> = both.ids().map(|id| id.to_string()).collect();
    assert_eq!(ids, ["F34B5BCA229F3A88", "49F1F208F7C110E6"]);
}

#[test]
fn another_key_is_refused() {
    assert_eq!(
        refused(&keys(&[OTHER_KEY]), MANIFEST, SIGNATURE).report(),
        "error: the payload at http://boot/payload is signed with a key that is not trusted
  because: it is of the key 49F1F208F7C110E6; trusted is F34B5BCA229F3A88
  hint: boot a medium that was made with the same key as the payload, or make the payload anew with the key that this medium trusts"
    );
    let because = |error| std::error::Error::source(&error).unwrap().to_string();
    let none = because(refused(&TrustedKeys::default(), MANIFEST, SIGNATURE));
    assert_eq!(none, "it is of the key 49F1F208F7C110E6; no key is trusted");
}

#[test]
fn a_key_that_only_has_the_same_id_is_refused() {
    // The id of one key, the bytes of the other.
    let forged = "untrusted comment: x\nRWTmEMH3CPLxSXVhUrcaIz0QDrGsX7PEVqGIKYHTPm9MyWgrI/pOql3G\n";
    let error = refused(&keys(&[forged]), MANIFEST, SIGNATURE);
    assert!(matches!(error, PayloadError::NotAsSigned { .. }), "{error:?}");
    let also = keys(&[forged, KEY]);
    assert!(also.verify("here", MANIFEST, SIGNATURE).is_ok());
}

#[test]
fn every_flipped_bit_of_a_manifest_is_seen() {
    let keys = keys(&[KEY]);
    for bit in 0..MANIFEST.len() * 8 {
        let mut changed = MANIFEST.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            refused(&keys, &changed, SIGNATURE).report(),
            "error: the payload at http://boot/payload is not what was signed
  because: the key 49F1F208F7C110E6 made another signature for these bytes or this comment
  hint: copy manifest.json and manifest.json.minisig once more, both of the same build; if that does not help, somebody has changed them"
        );
    }
}

/// Only the untrusted comment and the last line break are not covered.
#[test]
fn every_flipped_bit_of_a_signature_is_seen() {
    let keys = keys(&[KEY]);
    for signature in [SIGNATURE, LEGACY] {
        let start = signature.iter().position(|byte| *byte == b'\n').unwrap();
        for bit in start * 8..(signature.len() - 1) * 8 {
            let mut changed = signature.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let taken = keys.verify("here", MANIFEST, &changed);
            assert!(taken.is_err(), "bit {bit}: {:?}", String::from_utf8_lossy(&changed));
        }
    }
}

#[test]
fn a_signature_that_is_cut_off_is_none() {
    let keys = keys(&[KEY]);
    for end in 0..SIGNATURE.len() - 1 {
        let error = refused(&keys, MANIFEST, &SIGNATURE[..end]);
        assert!(matches!(error, PayloadError::NoSignature { .. }), "{end}: {error:?}");
    }
    assert_eq!(
        refused(&keys, MANIFEST, b"").report(),
        "error: manifest.json.minisig at http://boot/payload is no signature
  because: Invalid encoding in minisign data
  hint: copy manifest.json.minisig to the server or the medium once more, as it was made"
    );
}

#[test]
fn what_is_no_public_key_is_named() {
    let error = TrustedKeys::read([("keys/a.pub", KEY), ("keys/b.pub", "ssh-ed25519 AAAA\n")]).unwrap_err();
    assert_eq!(
        error.report(),
        "error: cannot use the public key keys/b.pub
  because: Invalid encoding in minisign data
  hint: give a file that `xbuild keygen` or `minisign -G` has written as the public key"
    );
}
