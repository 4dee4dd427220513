//! Why there is no plan, or why it is not applied, in words that name the way out.

use std::fmt;

use crate::units::Bytes;

/// One reason why a layout does not fit the disks, or why a disk is not touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What does not fit, and by how much.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    /// A refusal with its way out.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    /// Our own mistake: whoever sees it can only tell us.
    pub(crate) fn bug(message: impl fmt::Display) -> Self {
        Self::new(format!("BUG: {message}"), "this is a mistake in xbuild: please report it with the layout")
    }
}

/// A size that can be typed back without loss: `6675M` where [`Bytes`] would show `6.51G`.
pub(crate) fn exact(size: Bytes) -> String {
    let is_typable = size.0 >= Bytes::MIB.0 && size.0.is_multiple_of(Bytes::MIB.0);
    if is_typable && !size.0.is_multiple_of(Bytes::GIB.0) {
        return format!("{}M", size.0 / Bytes::MIB.0);
    }
    size.to_string()
}

/// `1 disk`, `2 disks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::{count, exact};
    use crate::units::Bytes;

    #[test]
    fn sizes_in_refusals_can_be_typed_back() {
        for (bytes, text) in [
            (Bytes::mib(6675), "6675M"),
            (Bytes::mib(8192), "8G"),
            (Bytes(500_107_862_016), "465.76G"),
            (Bytes(512), "512"),
        ] {
            assert_eq!(exact(bytes), text);
        }
    }

    #[test]
    fn nouns_agree_with_their_number() {
        assert_eq!((count(1, "disk"), count(2, "disk")), ("1 disk".to_owned(), "2 disks".to_owned()));
    }
}
