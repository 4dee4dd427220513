//! Ways in for root: what a public key and a password hash look like.

pub use super::ssh_key::is_public_key;

/// Whether this is a hash as crypt(5) makes them, safe to stand in `/etc/shadow`.
#[must_use]
pub fn is_password_hash(text: &str) -> bool {
    let parts: Vec<&str> = text.split('$').collect();
    let written = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    parts.len() >= 4 && parts[0].is_empty() && written
}

#[cfg(test)]
mod tests {
    use super::is_password_hash;

    #[test]
    fn a_hash_cannot_break_the_line_it_stands_in() {
        assert!(is_password_hash("$6$salt$hash"));
        for wrong in ["", "secret", "$6$a$b:0", "$6$a$b\nroot", "x$6$a$b"] {
            assert!(!is_password_hash(wrong), "{wrong}");
        }
    }
}
