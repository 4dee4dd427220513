//! What the kernel's command line says to the installer.

/// Its words that are the installer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// All of it.
    pub line: String,
    /// `xbuild.source=`: where the payload is, see [`crate::medium::Medium`].
    pub source: Option<String>,
    /// `xbuild.nic=`: the MAC of the card that the machine was started by.
    pub nic: Option<String>,
    /// `xbuild.again`: also over a node that this payload has finished.
    pub again: bool,
}

impl Arguments {
    /// Of two with one name the later one counts.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let mut arguments = Self { line: line.trim().to_owned(), ..Self::default() };
        for word in line.split_whitespace() {
            match word.split_once('=').unwrap_or((word, "")) {
                ("xbuild.source", value) => arguments.source = Some(value.to_owned()),
                ("xbuild.nic", value) => arguments.nic = Some(value.to_ascii_lowercase()),
                ("xbuild.again", _) => arguments.again = true,
                _ => {}
            }
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    #[test]
    fn words_of_others_are_left_alone() {
        let line = "console=ttyS0 xbuild.source=http://192.0.2.1/a xbuild.nic=52:54:00:AA:00:01 quiet\n";
        let arguments = Arguments::parse(line);
        assert_eq!(arguments.source.as_deref(), Some("http://192.0.2.1/a"));
        assert_eq!(arguments.nic.as_deref(), Some("52:54:00:aa:00:01"));
        assert!(!arguments.again);
        assert!(Arguments::parse("xbuild.again").again);
    }
}
