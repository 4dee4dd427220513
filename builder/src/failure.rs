//! Errors as part of the product: what failed, because of what, and what to do about it.

use std::fmt;

use installer::model::problem::Problems;

/// A way out, attached to an error with [`Hinted::hint`].
#[derive(Debug)]
pub struct Hint(String);

/// Empty: a hint is not a link of the "because" chain; [`Shown`] prints it on a line of its own.
impl fmt::Display for Hint {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Attaches a way out to an error.
pub trait Hinted<T> {
    /// Adds `text`, a sentence that says what to do.
    ///
    /// # Errors
    /// The error it was called on, with the hint.
    fn hint(self, text: impl Into<String>) -> anyhow::Result<T>;

    /// The same, but for a disk without room, which has a way out of its own.
    ///
    /// # Errors
    /// The error it was called on.
    fn hint_unless_full(self, text: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hinted<T> for Result<T, E> {
    fn hint(self, text: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| hinted(error.into(), text))
    }

    fn hint_unless_full(self, text: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(Into::into).map_err(|error| if is_full(&error) { error } else { hinted(error, text) })
    }
}

/// An error, and a way out of it.
#[must_use]
pub fn hinted(error: anyhow::Error, hint: impl Into<String>) -> anyhow::Error {
    error.context(Hint(hint.into()))
}

/// An error with its way out, in one call.
pub fn with_hint(message: impl fmt::Display, hint: impl Into<String>) -> anyhow::Error {
    hinted(anyhow::anyhow!("{message}"), hint)
}

const FULL: &str = "free some space, or give a folder on a larger disk: --cache DIR for the cache (it takes about 10 GB), -o DIR for the images";

/// A disk or a quota without room, for us or for a program that said so.
fn is_full(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    error.chain().any(|link| {
        let kind = link.downcast_ref().map(std::io::Error::kind);
        matches!(kind, Some(StorageFull | QuotaExceeded))
            || link.to_string().contains("No space left on device")
    })
}

/// How an error is shown: once, whole.
pub struct Shown<'a>(pub &'a anyhow::Error);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Reports on files have a form of their own, and say "error:" themselves.
        if let Some(problems) = self.0.downcast_ref::<Problems>() {
            return write!(f, "{problems}");
        }
        let mut links = self.0.chain().map(ToString::to_string).filter(|text| !text.is_empty());
        write!(f, "error: {}", links.next().unwrap_or_default())?;
        for because in links {
            write!(f, "\n  because: {}", because.replace('\n', "\n    "))?;
        }
        match self.0.downcast_ref() {
            Some(Hint(text)) => write!(f, "\n  hint: {text}"),
            None if is_full(self.0) => write!(f, "\n  hint: {FULL}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{FULL, Hinted as _, Shown};
    use anyhow::Context as _;

    #[test]
    fn a_full_disk_has_a_way_out_of_its_own() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = anyhow::Error::new(full()).context("cannot write x");
        assert_eq!(
            Shown(&error).to_string(),
            format!("error: cannot write x\n  because: no storage space\n  hint: {FULL}")
        );
        let hinted = Err::<(), _>(full()).hint("a better one").unwrap_err();
        assert_eq!(Shown(&hinted).to_string(), "error: no storage space\n  hint: a better one");
        let small =
            |error| Shown(&Err::<(), _>(error).hint_unless_full("make it larger").unwrap_err()).to_string();
        assert_eq!(small(full().into()), format!("error: no storage space\n  hint: {FULL}"));
        assert_eq!(small(anyhow::anyhow!("no block left")), "error: no block left\n  hint: make it larger");
    }

    #[test]
    fn an_error_is_shown_as_what_because_hint() {
        let error = Err::<(), _>(anyhow::anyhow!("connection refused"))
            .hint("is the mirror up?")
            .context("cannot fetch x")
            .unwrap_err();
        assert_eq!(
            Shown(&error).to_string(),
            "error: cannot fetch x\n  because: connection refused\n  hint: is the mirror up?"
        );
    }
}
