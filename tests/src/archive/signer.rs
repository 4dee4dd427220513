//! An OpenPGP key made for one test.

use pgp::composed::{ArmorOptions, CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedSecretKey};
use pgp::types::Password;
use rand::rngs::OsRng;

/// Signs Releases.
#[derive(Debug)]
pub struct Signer(SignedSecretKey);

impl Signer {
    /// A new key.
    #[must_use]
    pub fn new() -> Self {
        let mut parameters = SecretKeyParamsBuilder::default();
        parameters.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(true);
        parameters.primary_user_id("Archive of a test <archive@localhost>".into());
        let parameters = parameters.build().expect("parameters of a key");
        Self(parameters.generate(OsRng).expect("random numbers"))
    }

    /// Its public half, armored.
    #[must_use]
    pub fn public(&self) -> String {
        self.0.to_public_key().to_armored_string(ArmorOptions::default()).expect("a key has a text form")
    }

    /// `text`, clear-signed.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let key = &self.0.primary_key;
        let signed = CleartextSignedMessage::sign(OsRng, text.trim_end(), key, &Password::empty());
        let signed = signed.expect("the key signs");
        signed.to_armored_string(ArmorOptions::default()).expect("a message has a text form")
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}
