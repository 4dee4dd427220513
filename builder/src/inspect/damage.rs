//! What is wrong with something that was found, in words.

use serde::Serialize;

/// More than a person reads; a hostile table could hold thousands.
const MOST: usize = 16;

/// What is wrong, each in one line. Empty is good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Damage(Vec<String>);

impl Damage {
    /// Nothing is wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a line.
    pub fn add(&mut self, line: impl Into<String>) {
        match self.0.len() {
            ..MOST => self.0.push(line.into()),
            MOST => self.0.push("more of the kind, which is not listed".to_owned()),
            _ => {}
        }
    }

    /// Adds a line unless something holds.
    pub fn unless(&mut self, holds: bool, line: impl Into<String>) {
        if !holds {
            self.add(line);
        }
    }

    /// Adds what is wrong with a part of it.
    pub fn append(&mut self, other: &Self) {
        other.lines().iter().for_each(|line| self.add(line));
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Damage;

    #[test]
    fn a_list_stays_short() {
        let mut damage = Damage::none();
        (0..1000).for_each(|number| damage.add(number.to_string()));
        assert_eq!(damage.lines().len(), 17);
        assert_eq!(damage.lines()[16], "more of the kind, which is not listed");
        damage.unless(true, "not this");
        assert!(!damage.is_none() && Damage::none().is_none());
    }
}
