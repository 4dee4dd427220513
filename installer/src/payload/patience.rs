//! How long a source is given.

use std::time::Duration;

/// How often something is fetched before it is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often a file is asked for while the source does not deliver it, at least once.
    pub tries: u32,
    /// How often a chunk may arrive with a wrong hash, at least once.
    pub copies: u32,
    /// The pause before the second try; each one after it is twice as long.
    pub pause: Duration,
}

/// A switch may need half a minute after the link is up; a server restarts in that time.
impl Default for Patience {
    fn default() -> Self {
        Self { tries: 7, copies: 3, pause: Duration::from_secs(1) }
    }
}

impl Patience {
    /// The pause after so many failures.
    #[must_use]
    pub fn pause_after(&self, failures: u32) -> Duration {
        self.pause.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;

    #[test]
    fn pauses_double() {
        let patience = Patience::default();
        let pauses: Vec<u64> = (1..7).map(|failures| patience.pause_after(failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32]);
        assert!(patience.pause_after(u32::MAX) > patience.pause_after(6));
    }
}
