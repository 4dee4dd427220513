//! One TOML file being read: every problem in it is found in one go, and whatever is read knows its place.
//!
//! Serde stops at the first error and loses the places of what it has read; so this is a small reader of our own.
//! A [`Section`] asks its [`Table`] for every key it knows, whatever went wrong before, and only then gives up.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, Problems};
use super::schema::{self, Asked, Schema};
use super::setting::Setting;
use super::suggest;
use super::value::{Found, Value, Wrong, kind_of};

/// A file and its text.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    name: String,
    text: String,
}

impl Document {
    /// A text and the name that problems give it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// The file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is not UTF-8.
    pub fn open(path: &Path) -> Result<Arc<Self>, Problem> {
        let name = path.strip_prefix(".").unwrap_or(path).display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::anywhere(
                format!("cannot read {name}: {error}"),
                "does the file exist, and may you read it?",
            )
        })?;
        Ok(Self::new(name, text))
    }

    /// Where a span of bytes stands; only its first line counts.
    #[must_use]
    pub fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let excerpt = self.text[line_start..].lines().next().unwrap_or_default();
        let marked = self.text.get(span).and_then(|marked| marked.lines().next()).unwrap_or_default();
        Place {
            file: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            width: marked.chars().count().max(1),
            excerpt: excerpt.to_owned(),
        }
    }

    /// The whole file as one section. What could be read comes back although there are problems,
    /// so that more of them can be found; none if there is nothing left to look at.
    pub fn read<T: Section>(self: &Arc<Self>, problems: &mut Problems) -> Option<Entry<T>> {
        let (root, errors) = DeTable::parse_recoverable(&self.text);
        if !errors.is_empty() {
            problems.extend(self.syntax_problems(&errors));
            return None;
        }
        Table {
            document: self,
            path: String::new(),
            entries: root.get_ref(),
            header: 0..0,
            asked: Asked::default(),
            problems,
        }
        .read()
    }

    /// The first of each line: what follows on the same line mostly follows from it.
    fn syntax_problems(&self, errors: &[toml::de::Error]) -> Vec<Problem> {
        let mut problems: Vec<Problem> = errors.iter().map(|error| self.syntax_problem(error)).collect();
        problems.dedup_by_key(|problem| problem.place.as_ref().map(|place| place.line));
        problems
    }

    fn syntax_problem(&self, error: &toml::de::Error) -> Problem {
        let (message, expected) = error.message().split_once(", ").unwrap_or((error.message(), ""));
        let hint = match message {
            "duplicate key" => "say it once",
            "string values must be quoted" => "put the value in double quotes",
            _ if expected.is_empty() => "write `key = value`, with text in double quotes",
            _ => expected,
        };
        Problem::at(self.place(error.span().unwrap_or(0..0)), message, hint)
    }
}

/// What can be read from a table.
pub trait Section: Sized + 'static {
    /// What it is, in one line for editors.
    const ABOUT: &'static str = "";

    /// Asks for every key first and gives up afterwards, so that all problems are found and editors know all keys.
    fn read(table: &mut Table<'_>) -> Option<Self>;
}

/// A section as editors are to know it: what it asks an empty table for.
pub(super) fn schema<T: Section>() -> Schema {
    let (document, entries) = (Document::new("", ""), DeTable::new());
    let mut table = Table {
        document: &document,
        path: String::new(),
        entries: &entries,
        header: 0..0,
        asked: Asked::default(),
        problems: &mut Problems::default(),
    };
    T::read(&mut table);
    table.asked.table(T::ABOUT)
}

/// What was read from a table, and where its keys stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<T> {
    /// What was read.
    pub value: T,
    document: Arc<Document>,
    header: Range<usize>,
    keys: BTreeMap<String, Range<usize>>,
}

impl<T> Entry<T> {
    /// Where the value of `key` stands; without the key, where its table begins.
    #[must_use]
    pub fn at(&self, key: &str) -> Place {
        self.document.place(self.keys.get(key).unwrap_or(&self.header).clone())
    }
}

/// A table that is being read.
pub struct Table<'a> {
    document: &'a Arc<Document>,
    /// What stands before its keys, such as `layout.`.
    path: String,
    entries: &'a DeTable<'a>,
    header: Range<usize>,
    asked: Asked,
    problems: &'a mut Problems,
}

impl Table<'_> {
    /// What the next key is about, for editors: where its name and its kind do not say it.
    pub fn about(&mut self, text: &'static str) -> &mut Self {
        self.asked.about(text);
        self
    }

    /// The value of a key that must be there.
    pub fn required<T: Value>(&mut self, key: &'static str) -> Option<T> {
        let hint = format!("add a line such as `{key} = {}`", T::EXAMPLE);
        self.must_have(key, format!("missing key `{key}`"), hint);
        self.optional(key)
    }

    /// The value of a key that may be there; wrong is not the same as missing, but both are none here.
    pub fn optional<T: Value>(&mut self, key: &'static str) -> Option<T> {
        let found = self.get(key, T::schema)?;
        self.value(found, &format!("`{key}`"), &format!("{key} = {}", T::EXAMPLE))
    }

    /// The values of a list; empty without the key.
    pub fn list<T: Value>(&mut self, key: &'static str) -> Vec<T> {
        let (label, example) = (format!("an entry of `{key}`"), format!("{key} = [{}]", T::EXAMPLE));
        let entries = self.array(key, || schema::list(&T::schema()), ("a list", &example));
        entries.iter().filter_map(|found| self.value(found, &label, &example)).collect()
    }

    /// As [`Self::list`], of exactly `count` values; who asks reports another number of them.
    pub fn list_of<T: Value>(&mut self, key: &'static str, count: usize) -> Vec<T> {
        self.asked.require(key);
        self.asked.note(key, move || schema::list_of(count, &T::schema()));
        self.list(key)
    }

    /// The value of a setting, as the daemon's configuration has it; the usual one without the key.
    pub(super) fn setting(&mut self, setting: &Setting) -> String {
        let Setting { name, kind, usual } = *setting;
        let known = *setting;
        let Some(found) = self.get(name, move || known.schema()) else { return usual.to_owned() };
        let place = self.document.place(found.span());
        let read = kind.read(name, &Found { value: found.get_ref(), place: &|| place.clone() });
        let (label, example) = (format!("`{name}`"), format!("{name} = {}", kind.example(usual)));
        let value = self.unless_wrong(read, found, place.clone(), (kind.what(), &label, &example));
        value.unwrap_or_else(|| usual.to_owned())
    }

    /// The table `[key]`, if it is there.
    pub fn section<T: Section>(&mut self, key: &'static str) -> Option<Entry<T>> {
        let found = self.get(key, schema::<T>)?;
        self.table(found, key, &format!("[{}{key}]", self.path))
    }

    /// All tables `[[key]]`.
    pub fn sections<T: Section>(&mut self, key: &'static str) -> Vec<Entry<T>> {
        let example = format!("[[{}{key}]]", self.path);
        let entries = self.array(key, || schema::list(&schema::<T>()), ("a list of tables", &example));
        entries.iter().filter_map(|found| self.table(found, key, &example)).collect()
    }

    /// Reports a key that must be there and is not.
    pub fn must_have(&mut self, key: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.asked.require(key);
        if !self.has(key) {
            self.problem(key, message, hint);
        }
    }

    /// Reports a key that says nothing without another one.
    pub fn pair(&mut self, key: &'static str, other: &'static str, hint: &str) {
        self.asked.pair(key, other);
        if self.has(key) && !self.has(other) {
            self.problem(key, format!("`{key}` without `{other}`"), hint);
        }
    }

    /// Which of these keys are there; it must be one, and who asks reports anything else.
    pub fn one_of(&mut self, keys: &[&'static str]) -> Vec<&'static str> {
        self.asked.one_of(keys);
        keys.iter().copied().filter(|key| self.has(key)).collect()
    }

    /// Reports what only this table can know, at the value of `key` or, without it, at the table's beginning.
    pub fn problem(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let span = self.entries.get(key).map_or(self.header.clone(), Spanned::span);
        self.problems.push(Problem::at(self.document.place(span), message, hint));
    }

    /// Whether the key is there, right or wrong.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }
}

impl<'a> Table<'a> {
    fn get(
        &mut self,
        key: &'static str,
        schema: impl Fn() -> Schema + 'static,
    ) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.note(key, schema);
        self.entries.get(key)
    }

    fn array(
        &mut self,
        key: &'static str,
        schema: impl Fn() -> Schema + 'static,
        (what, example): (&str, &str),
    ) -> &'a [Spanned<DeValue<'a>>] {
        let Some(found) = self.get(key, schema) else { return &[] };
        if let DeValue::Array(entries) = found.get_ref() {
            return entries;
        }
        self.wrong_kind(found, &format!("`{key}`"), what, example);
        &[]
    }

    fn value<T: Value>(&mut self, found: &Spanned<DeValue<'a>>, label: &str, example: &str) -> Option<T> {
        let place = || {
            let place = self.document.place(found.span());
            if T::SECRET { place.masked() } else { place }
        };
        let read = T::read(&Found { value: found.get_ref(), place: &place });
        let (place, kind) = (place(), (T::WHAT, label, example));
        self.unless_wrong(read, found, place, kind)
    }

    fn unless_wrong<T>(
        &mut self,
        read: Result<T, Wrong>,
        found: &Spanned<DeValue<'a>>,
        place: Place,
        (what, label, example): (&str, &str, &str),
    ) -> Option<T> {
        let problem = match read {
            Ok(value) => return Some(value),
            Err(Wrong::Kind) => wrong_kind(found.get_ref(), place, label, what, example),
            Err(Wrong::Value { message, hint }) => Problem::at(place, message, hint),
        };
        self.problems.push(problem);
        None
    }

    fn table<T: Section>(
        &mut self,
        found: &Spanned<DeValue<'_>>,
        key: &str,
        example: &str,
    ) -> Option<Entry<T>> {
        let DeValue::Table(entries) = found.get_ref() else {
            self.wrong_kind(found, &format!("`{key}`"), "a table", example);
            return None;
        };
        let (document, problems) = (self.document, &mut *self.problems);
        let path = format!("{}{key}.", self.path);
        Table { document, path, entries, header: found.span(), asked: Asked::default(), problems }.read()
    }

    fn wrong_kind(&mut self, found: &Spanned<DeValue<'_>>, label: &str, what: &str, example: &str) {
        let place = self.document.place(found.span());
        self.problems.push(wrong_kind(found.get_ref(), place, label, what, example));
    }

    fn read<T: Section>(mut self) -> Option<Entry<T>> {
        let value = T::read(&mut self);
        self.report_unknown_keys();
        let spans = self.entries.iter().map(|(key, value)| (key.get_ref().to_string(), value.span()));
        let (document, header, keys) = (self.document.clone(), self.header.clone(), spans.collect());
        Some(Entry { value: value?, document, header, keys })
    }

    fn report_unknown_keys(&mut self) {
        let asked = |key: &str| self.asked.keys().any(|asked| asked == key);
        for key in self.entries.keys().filter(|key| !asked(key.get_ref())) {
            let hint = suggest::hint(key.get_ref(), "key", self.asked.keys());
            let message = format!("unknown key `{}`", key.get_ref());
            self.problems.push(Problem::at(self.document.place(key.span()), message, hint));
        }
    }
}

fn wrong_kind(found: &DeValue<'_>, place: Place, label: &str, what: &str, example: &str) -> Problem {
    let message = format!("{label} must be {what}, not {}", kind_of(found));
    Problem::at(place, message, format!("write it like this: `{example}`"))
}
