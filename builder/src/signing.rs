//! The key that signs what xbuild publishes. It is made once and stays with whoever builds: nodes trust it, and two
//! builds with one key give the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, Deserializable as _, KeyType, SecretKeyParamsBuilder,
    SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, Password, Timestamp};
use rand::rngs::OsRng;

use crate::cache::hex;
use crate::failure::Hinted as _;
use crate::secret;

const USER: &str = "xbuild packages <xbuild@localhost>";

/// An Ed25519 key with its file.
#[derive(Debug)]
pub struct SigningKey(SignedSecretKey);

impl SigningKey {
    /// `$XDG_DATA_HOME/xbuild/signing-key.asc`, else below `~/.local/share`.
    ///
    /// # Errors
    /// When neither variable says where.
    pub fn default_path() -> Result<PathBuf> {
        secret::folder()
            .map(|folder| folder.join("signing-key.asc"))
            .context("no place for the signing key")
            .hint("set HOME or XDG_DATA_HOME, or give --signing-key FILE")
    }

    /// Reads the key. If there is no such file a key is made, and the file with it.
    ///
    /// # Errors
    /// When the file holds no key, or cannot be read or written.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            create(path).with_context(|| format!("cannot make the signing key {}", path.display()))?;
        }
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the signing key {}", path.display()))?;
        let (key, _) = SignedSecretKey::from_string(&text)
            .with_context(|| format!("cannot use the signing key {}", path.display()))
            .hint("it must be an armored OpenPGP secret key without a passphrase")?;
        Ok(Self(key))
    }

    /// The public half, armored, as apt's `Signed-By` takes it.
    ///
    /// # Errors
    /// When the key has no text form.
    pub fn public(&self) -> Result<String> {
        self.0
            .to_public_key()
            .to_armored_string(ArmorOptions::default())
            .context("cannot write the public key")
    }

    /// Fingerprint, hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(self.0.primary_key.fingerprint().as_bytes())
    }

    /// `text`, clear-signed. Signed at `time` (seconds since 1970), or when the key was made if that is later: no
    /// verifier takes a signature that is older than its key.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, text: &str, time: i64) -> Result<String> {
        let key = &self.0.primary_key;
        let time = u32::try_from(time).unwrap_or(0).max(self.made_at());
        let mut config = SignatureConfig::v4(SignatureType::Text, key.algorithm(), HashAlgorithm::Sha512);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(time)))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        ];
        let signed = CleartextSignedMessage::new(text, config, key, &Password::empty());
        signed.and_then(|signed| signed.to_armored_string(ArmorOptions::default())).context("cannot sign")
    }

    /// When the key's own signature over its name was made.
    fn made_at(&self) -> u32 {
        let users = self.0.details.users.iter().flat_map(|user| &user.signatures);
        users.filter_map(|signature| signature.created()).map(Timestamp::as_secs).max().unwrap_or_default()
    }
}

/// If another build makes one at the same time, the first one counts.
fn create(path: &Path) -> Result<()> {
    let mut parameters = SecretKeyParamsBuilder::default();
    parameters.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(true);
    parameters.primary_user_id(USER.into());
    let key = parameters.build().map_err(|error| anyhow::anyhow!("{error}"))?.generate(OsRng)?;
    secret::make(path, key.to_armored_string(ArmorOptions::default())?.as_bytes(), secret::SECRET)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::SigningKey;
    use crate::debian::openpgp::Keyring;

    #[test]
    fn a_key_is_made_once_and_signs_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("share/signing-key.asc");
        let first = SigningKey::open(&path).unwrap();
        let again = SigningKey::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(first.fingerprint(), again.fingerprint());
        let signed = first.sign("Origin: xbuild\n", 1).unwrap();
        assert_eq!(signed, again.sign("Origin: xbuild\n", 1).unwrap());
        let keyring = Keyring::of_user(first.public().unwrap().as_bytes()).unwrap();
        assert_eq!(keyring.verify(signed.as_bytes()).unwrap(), "Origin: xbuild\n");
    }

    #[test]
    fn what_is_no_key_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "no key").unwrap();
        let error = SigningKey::open(&path).unwrap_err();
        assert!(error.chain().any(|link| link.to_string().starts_with("cannot use the signing key")));
    }
}
