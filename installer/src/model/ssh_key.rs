//! Telling a public ssh key from an accident.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether a line is `type key comment`. The key itself begins with its type, so a cut or mixed up line shows.
#[must_use]
pub fn is_public_key(line: &str) -> bool {
    let mut words = line.split(' ');
    let (Some(kind), Some(key)) = (words.next(), words.next()) else { return false };
    let known = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| kind.starts_with(start));
    let head = key_head(kind);
    let body = key.trim_end_matches('=');
    let whole =
        key.len() % 4 == 0 && key.len() > head.len() && body.bytes().all(|byte| ALPHABET.contains(&byte));
    known && whole && key.starts_with(&head) && !line.contains(char::is_control)
}

/// How the base64 of every key of a type begins: the type's length and the type, as far as whole groups go.
fn key_head(kind: &str) -> String {
    let length = u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes();
    let bytes: Vec<u8> = length.into_iter().chain(kind.bytes()).collect();
    bytes.chunks_exact(3).flat_map(|group| base64(group[0], group[1], group[2])).collect()
}

fn base64(first: u8, second: u8, third: u8) -> [char; 4] {
    let bits = u32::from_be_bytes([0, first, second, third]);
    [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift & 63) as usize]))
}

#[cfg(test)]
mod tests {
    use super::is_public_key;

    const BODY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJ2kZ0h8Zr1l8hGk2mJm9gq2o8h1yq4Z3b5c6d7e8f9g";

    #[test]
    fn a_key_begins_with_its_type() {
        assert!(is_public_key(&format!("ssh-ed25519 {BODY} admin@example.net")));
        assert!(is_public_key(&format!("ssh-ed25519 {BODY}")));
        for wrong in [
            String::new(),
            BODY.to_owned(),
            format!("ssh-rsa {BODY} wrong type"),
            "ssh-ed25519 AAAA".to_owned(),
            format!("ssh-ed25519 {}", &BODY[..67]),
            format!("ssh-ed25519 {BODY} two\nssh-ed25519 lines"),
            "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
        ] {
            assert!(!is_public_key(&wrong), "{wrong}");
        }
    }
}
