//! What one value in a file may be: text, numbers, sizes, names. Each knows how it looks when it is right.

use std::num::NonZeroU32;

use toml::de::DeValue;

use super::problem::Place;
use super::schema::{self, Schema};
use super::suggest;
use crate::units::Bytes;

/// A value in a file, with its place.
pub struct Found<'a> {
    pub(super) value: &'a DeValue<'a>,
    pub(super) place: &'a dyn Fn() -> Place,
}

impl Found<'_> {
    /// Its text.
    ///
    /// # Errors
    /// If it is anything but a string.
    pub fn text(&self) -> Result<&str, Wrong> {
        self.value.as_str().ok_or(Wrong::Kind)
    }
}

/// Why a value is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is of another kind, such as text where a number belongs.
    Kind,
    /// It is of the right kind, and still wrong.
    Value {
        /// What is wrong.
        message: String,
        /// The way out.
        hint: String,
    },
}

impl Wrong {
    /// Of the right kind, and still wrong.
    pub fn value(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Value { message: message.into(), hint: hint.into() }
    }
}

/// What can be read from one value.
pub trait Value: Sized + 'static {
    /// What it must be, such as `a whole number`.
    const WHAT: &'static str;
    /// How it looks in a file.
    const EXAMPLE: &'static str;
    /// Whether it must not be shown.
    const SECRET: bool = false;

    /// What it is for editors; without more to say, of the type that [`Self::WHAT`] names.
    #[must_use]
    fn schema() -> Schema {
        schema::kind(Self::WHAT)
    }

    /// Reads it.
    ///
    /// # Errors
    /// Why it is refused.
    fn read(found: &Found<'_>) -> Result<Self, Wrong>;
}

/// What people call the kind of a value.
pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A value that remembers where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub place: Place,
}

impl<T: Value> Value for Placed<T> {
    const WHAT: &'static str = T::WHAT;
    const EXAMPLE: &'static str = T::EXAMPLE;
    const SECRET: bool = T::SECRET;

    fn schema() -> Schema {
        T::schema()
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        Ok(Self { value: T::read(found)?, place: (found.place)() })
    }
}

impl Value for String {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = "\"text\"";

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        found.text().map(str::to_owned)
    }
}

impl Value for bool {
    const WHAT: &'static str = "true or false";
    const EXAMPLE: &'static str = "true";

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        found.value.as_bool().ok_or(Wrong::Kind)
    }
}

impl Value for u32 {
    const WHAT: &'static str = "a whole number";
    const EXAMPLE: &'static str = "2";

    fn schema() -> Schema {
        schema::number("", 0..=Self::MAX)
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let number = found.value.as_integer().ok_or(Wrong::Kind)?;
        Self::from_str_radix(number.as_str(), number.radix()).map_err(|_| {
            Wrong::value(format!("{number} is out of range"), "write a whole number from 0 to 4294967295")
        })
    }
}

impl Value for NonZeroU32 {
    const WHAT: &'static str = "a whole number";
    const EXAMPLE: &'static str = "2";

    fn schema() -> Schema {
        schema::number("", 1..=u32::MAX)
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let number = u32::read(found)?;
        Self::new(number)
            .ok_or_else(|| Wrong::value("0 is too few", "write 1 or more, or leave the line out"))
    }
}

/// No disk is larger, and sums of sizes stay far from overflowing.
const LARGEST: Bytes = Bytes(1 << 60);

/// How to write a size.
const SIZE_HINT: &str = "write a whole number with K, M, G or T behind it, such as `8G`";

impl Value for Bytes {
    const WHAT: &'static str = "a size";
    const EXAMPLE: &'static str = "\"8G\"";

    fn schema() -> Schema {
        schema::text(&format!("{}: {SIZE_HINT}", Self::WHAT), "^[0-9]+[KMGTPkmgtp]?$")
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        let text = found.text()?;
        let size: Self =
            text.parse().map_err(|_| Wrong::value(format!("`{text}` is not a size"), SIZE_HINT))?;
        if size > LARGEST {
            return Err(Wrong::value(format!("`{text}` is more than any disk holds"), SIZE_HINT));
        }
        Ok(size)
    }
}

/// A value that is one word of a fixed list.
pub trait Choice: Copy + 'static {
    /// What it is called, such as `bond mode`.
    const NAME: &'static str;
    /// How it looks in a file.
    const EXAMPLE: &'static str;

    /// Every word, with what it stands for.
    fn words() -> Vec<(&'static str, Self)>;
}

impl<T: Choice> Value for T {
    const WHAT: &'static str = "a string";
    const EXAMPLE: &'static str = T::EXAMPLE;

    fn schema() -> Schema {
        let words: Vec<&str> = T::words().into_iter().map(|(word, _)| word).collect();
        schema::words(T::NAME, &words)
    }

    fn read(found: &Found<'_>) -> Result<Self, Wrong> {
        one_of(found, T::NAME, &T::words())
    }
}

/// One word of a fixed list.
pub(super) fn one_of<T: Copy>(
    found: &Found<'_>,
    what: &str,
    known: &[(&'static str, T)],
) -> Result<T, Wrong> {
    let text = found.text()?;
    let meant = known.iter().find(|(word, _)| *word == text);
    meant.map(|(_, value)| *value).ok_or_else(|| {
        Wrong::value(
            format!("unknown {what} `{text}`"),
            suggest::hint(text, what, known.iter().map(|(word, _)| *word)),
        )
    })
}
