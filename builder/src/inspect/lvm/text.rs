//! The language of LVM's metadata: sections, and keys with numbers, texts and lists (lvm2 `libdm/libdm-config.c`).

use crate::inspect::fields::printable;

/// Sections in sections, and lists in lists; LVM itself uses four.
const DEEPEST: usize = 8;

/// A section: names and what they stand for, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section(Vec<(String, Value)>);

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number that is not negative.
    Number(u64),
    /// Text, or a number of another kind.
    Text(String),
    /// `[ ... ]`
    List(Vec<Value>),
    /// `{ ... }`
    Section(Section),
}

impl Section {
    /// Everything in it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The sections in it.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name, section)),
            _ => None,
        })
    }

    /// What a name stands for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A section by its name.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections().find(|(known, _)| *known == name).map(|(_, section)| section)
    }

    /// A number by its name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Text by its name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list by its name.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&[Value]> {
        match self.get(name)? {
            Value::List(values) => Some(values),
            _ => None,
        }
    }
}

/// Reads text; nothing if it does not follow the language.
#[must_use]
pub fn read(text: &str) -> Option<Section> {
    let mut rest = Rest(text);
    let section = rest.section(0)?;
    rest.peek().is_none().then_some(section)
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// The next letter that is neither space nor comment; a NUL ends the text.
    fn peek(&mut self) -> Option<char> {
        loop {
            self.0 = self.0.trim_start();
            let Some(comment) = self.0.strip_prefix('#') else { break };
            self.0 = comment.split_once('\n').map_or("", |(_, behind)| behind);
        }
        self.0.chars().next().filter(|letter| *letter != '\0')
    }

    fn take(&mut self, letter: char) -> Option<()> {
        self.peek().filter(|next| *next == letter)?;
        self.0 = self.0.get(letter.len_utf8()..)?;
        Some(())
    }

    fn section(&mut self, depth: usize) -> Option<Section> {
        let mut entries = Vec::new();
        while self.peek().is_some_and(|next| next != '}') {
            let name = if self.peek() == Some('"') { self.quoted()? } else { self.word()?.to_owned() };
            let value = if self.take('{').is_some() {
                let section = self.deeper(depth, Self::section)?;
                self.take('}')?;
                Value::Section(section)
            } else {
                self.take('=')?;
                self.value(depth)?
            };
            entries.push((printable(&name), value));
        }
        Some(Section(entries))
    }

    fn deeper<T>(&mut self, depth: usize, read: fn(&mut Self, usize) -> Option<T>) -> Option<T> {
        if depth < DEEPEST { read(self, depth + 1) } else { None }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.peek()? {
            '[' => {
                self.take('[')?;
                self.deeper(depth, Self::values).map(Value::List)
            }
            '"' => self.quoted().map(|text| Value::Text(printable(&text))),
            _ => {
                let word = self.word()?;
                Some(word.parse().map_or_else(|_| Value::Text(word.to_owned()), Value::Number))
            }
        }
    }

    /// Up to the bracket that ends the list.
    fn values(&mut self, depth: usize) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        while self.take(']').is_none() {
            values.push(self.value(depth)?);
            if self.take(',').is_none() {
                self.take(']')?;
                break;
            }
        }
        Some(values)
    }

    fn word(&mut self) -> Option<&'a str> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+_.-@".contains(letter);
        let length = self.0.find(|letter| !is_part(letter)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Text in quotes; a backslash takes the next letter as it is.
    fn quoted(&mut self) -> Option<String> {
        self.take('"')?;
        let mut text = String::new();
        let mut letters = self.0.char_indices();
        loop {
            match letters.next()? {
                (at, '"') => {
                    self.0 = self.0.get(at + 1..)?;
                    return Some(text);
                }
                (_, '\\') => text.push(letters.next()?.1),
                (_, letter) => text.push(letter),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{DEEPEST, Value, read};

    #[test]
    fn sections_keys_and_lists_are_read() {
        let text = "vg0 {\n# Generated\nid = \"a-b\"\nseqno = 3\nflags = []\nstripes = [\n\"pv0\", 7\n]\npv0 {\n}\n}\nversion = 1\n\0";
        let root = read(text).unwrap();
        let group = root.section("vg0").unwrap();
        assert_eq!((group.text("id"), group.number("seqno")), (Some("a-b"), Some(3)));
        assert_eq!(group.list("flags"), Some(&[][..]));
        assert_eq!(group.list("stripes"), Some(&[Value::Text("pv0".to_owned()), Value::Number(7)][..]));
        assert_eq!(group.sections().map(|(name, _)| name).collect::<Vec<_>>(), ["pv0"]);
        assert_eq!(root.number("version"), Some(1));
    }

    #[test]
    fn quotes_may_hold_quotes_and_nothing_that_a_terminal_obeys() {
        let root = read("a = \"x\\\"y\"\nb = \"\u{1b}[1m\"\nc = -5").unwrap();
        assert_eq!((root.text("a"), root.text("b")), (Some("x\"y"), Some("\u{fffd}[1m")));
        assert_eq!((root.text("c"), root.number("c")), (Some("-5"), None));
    }

    #[test]
    fn what_is_not_the_language_is_refused() {
        for text in
            ["a", "a =", "a = \"x", "a = [1 2]", "a = [1", "a {", "a { b = 1", "}", "= 1", "a = {}", "ä = 1"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nobody_gets_to_the_bottom_of_the_stack() {
        let nested = |depth: usize| format!("{}{}", "a {".repeat(depth), "}".repeat(depth));
        assert!(read(&nested(DEEPEST)).is_some());
        assert_eq!(read(&nested(DEEPEST + 1)), None);
        assert_eq!(read(&"a {".repeat(100_000)), None);
        assert_eq!(read(&format!("a = {}", "[".repeat(100_000))), None);
    }
}
