//! Settings of daemons: each has a name, what it may be, and what it is unless somebody says otherwise.

use serde_json::json;

use super::document::Table;
use super::schema::{self, Schema};
use super::suggest;
use super::value::{Found, Wrong};

/// One setting, by the name that the daemon's own configuration has for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) usual: &'static str,
}

impl Setting {
    pub(super) const fn new(name: &'static str, kind: Kind, usual: &'static str) -> Self {
        Self { name, kind, usual }
    }

    /// As editors are to know it.
    pub(super) fn schema(&self) -> Schema {
        let mut schema = self.kind.schema();
        schema["default"] = match self.kind {
            Kind::Number(..) => json!(self.usual.parse::<u32>().ok()),
            Kind::Flag => json!(self.usual == "true"),
            Kind::Word(_) | Kind::Rate => json!(self.usual),
        };
        schema
    }
}

/// How to write a rate.
const RATE_HINT: &str = "write a whole number with K, M or G behind it, such as `100M`: bytes in a second";

/// What a setting may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A whole number within limits, and what it counts.
    Number(u32, u32, &'static str),
    /// Yes or no.
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    /// Bytes in a second, with a unit of 1024 each: `100M`.
    Rate,
}

impl Kind {
    /// A value as the daemon's configuration has it.
    pub(super) fn read(self, name: &str, found: &Found<'_>) -> Result<String, Wrong> {
        match self {
            Self::Number(least, most, unit) => number(found, (least, most), unit),
            Self::Flag => found.value.as_bool().map(|flag| flag.to_string()).ok_or(Wrong::Kind),
            Self::Word(known) => {
                let text = found.text()?;
                let hint = suggest::hint(text, "value", known.iter().copied());
                let wrong = || Wrong::value(format!("`{text}` is nothing that `{name}` can be"), hint);
                known.contains(&text).then(|| text.to_owned()).ok_or_else(wrong)
            }
            Self::Rate => {
                let text = found.text()?;
                let wrong = || Wrong::value(format!("`{text}` is not a rate"), RATE_HINT);
                is_rate(text).then(|| text.to_owned()).ok_or_else(wrong)
            }
        }
    }

    fn schema(self) -> Schema {
        match self {
            Self::Number(least, most, unit) => schema::number(unit, least..=most),
            Self::Flag => schema::kind(self.what()),
            Self::Word(known) => schema::words("", known),
            Self::Rate => schema::text(RATE_HINT, "^[1-9][0-9]{0,6}[KMG]$"),
        }
    }

    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Number(..) => "a whole number",
            Self::Flag => "true or false",
            Self::Word(_) | Self::Rate => "a string",
        }
    }

    /// How a value looks in a file.
    pub(super) fn example(self, value: &str) -> String {
        match self {
            Self::Number(..) | Self::Flag => value.to_owned(),
            Self::Word(_) | Self::Rate => format!("\"{value}\""),
        }
    }
}

/// Settings with their values, in the order in which they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings(Vec<Set>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    name: &'static str,
    value: String,
    /// The file says it.
    said: bool,
}

impl Settings {
    /// As they are when nobody says anything.
    pub(super) fn usual(known: &'static [Setting]) -> Self {
        let usual =
            |setting: &Setting| Set { name: setting.name, value: setting.usual.to_owned(), said: false };
        Self(known.iter().map(usual).collect())
    }

    /// What a table says, and what is usual where it says nothing.
    pub(super) fn read(table: &mut Table<'_>, known: &'static [Setting]) -> Self {
        let mut set = |setting: &Setting| Set {
            name: setting.name,
            value: table.setting(setting),
            said: table.has(setting.name),
        };
        Self(known.iter().map(&mut set).collect())
    }

    /// With other values where the file says nothing.
    pub(super) fn but(mut self, others: &[(&str, &str)]) -> Self {
        for (name, value) in others {
            self.0
                .iter_mut()
                .filter(|set| set.name == *name && !set.said)
                .for_each(|set| (*value).clone_into(&mut set.value));
        }
        self
    }

    /// The value of a [`Kind::Number`] among them.
    pub(super) fn number(&self, name: &str) -> u32 {
        let value = self.0.iter().find(|set| set.name == name).and_then(|set| set.value.parse().ok());
        value.expect("a number was read for it")
    }

    /// Names and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|set| (set.name, set.value.as_str()))
    }
}

fn number(found: &Found<'_>, (least, most): (u32, u32), unit: &str) -> Result<String, Wrong> {
    let number = found.value.as_integer().ok_or(Wrong::Kind)?;
    let within = u32::from_str_radix(number.as_str(), number.radix());
    let within = within.ok().filter(|number| (least..=most).contains(number));
    let hint = format!("write a whole number of {unit} from {least} to {most}");
    within
        .map(|number| number.to_string())
        .ok_or_else(|| Wrong::value(format!("{number} is out of range"), hint))
}

fn is_rate(text: &str) -> bool {
    text.strip_suffix(['K', 'M', 'G']).is_some_and(|number| {
        !number.starts_with('0')
            && !number.is_empty()
            && number.len() < 8
            && number.bytes().all(|b| b.is_ascii_digit())
    })
}
