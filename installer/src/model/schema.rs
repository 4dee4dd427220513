//! What editors are told of a file, as JSON Schema (draft 2020-12): the readers of the file describe themselves.

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

/// What may stand in one place of a file.
pub type Schema = Json;

/// Says it when somebody wants to know.
type Describe = Box<dyn Fn() -> Schema>;

/// What a reader has asked its table for, and what it has said about that.
#[derive(Default)]
pub(super) struct Asked {
    keys: Vec<(&'static str, Describe)>,
    required: Vec<&'static str>,
    rules: Vec<Schema>,
    /// Of the key that is asked for next.
    about: &'static str,
}

impl Asked {
    /// What the key that is asked for next is about.
    pub(super) fn about(&mut self, text: &'static str) {
        self.about = text;
    }

    /// A key that may be there, and what it may be.
    pub(super) fn note(&mut self, key: &'static str, schema: impl Fn() -> Schema + 'static) {
        let about = std::mem::take(&mut self.about);
        if !self.keys().any(|known| known == key) {
            self.keys.push((key, Box::new(move || described(schema(), about))));
        }
    }

    /// A key that must be there.
    pub(super) fn require(&mut self, key: &'static str) {
        self.required.push(key);
    }

    /// A key that must not be there without another one.
    pub(super) fn pair(&mut self, key: &'static str, other: &'static str) {
        self.rules.push(json!({ "dependentRequired": { key: [other] } }));
    }

    /// Keys of which exactly one must be there.
    pub(super) fn one_of(&mut self, keys: &[&'static str]) {
        let alone: Vec<Schema> = keys.iter().map(|key| json!({ "required": [key] })).collect();
        self.rules.push(json!({ "oneOf": alone }));
    }

    /// Every key, in the order in which they were asked for.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|(key, _)| *key)
    }

    /// The table: it has these keys and no others.
    pub(super) fn table(&self, about: &str) -> Schema {
        let properties = self.keys.iter().map(|(key, schema)| ((*key).to_owned(), schema()));
        said(json!({
            "type": "object",
            "description": about,
            "properties": properties.collect::<Map<_, _>>(),
            "required": self.required,
            "allOf": self.rules,
            "additionalProperties": false,
        }))
    }
}

/// A whole file.
pub(super) fn file(title: &str, mut table: Schema) -> Schema {
    table["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    table["title"] = json!(title);
    table
}

/// A list of things that are all alike.
pub(super) fn list(item: &Schema) -> Schema {
    json!({ "type": "array", "items": item })
}

/// A list of that many things.
pub(super) fn list_of(count: usize, item: &Schema) -> Schema {
    json!({ "type": "array", "items": item, "minItems": count, "maxItems": count })
}

/// Text that a regular expression fits; an empty one fits all.
pub(super) fn text(about: &str, pattern: &str) -> Schema {
    said(json!({ "type": "string", "description": about, "pattern": pattern }))
}

/// One of these words.
pub(super) fn words(about: &str, words: &[&str]) -> Schema {
    said(json!({ "type": "string", "description": about, "enum": words }))
}

/// A whole number within limits.
pub(super) fn number<N: Serialize>(about: &str, limits: RangeInclusive<N>) -> Schema {
    said(json!({
        "type": "integer",
        "description": about,
        "minimum": limits.start(),
        "maximum": limits.end(),
    }))
}

/// Of a value nothing is known but what people call its kind.
pub(super) fn kind(what: &str) -> Schema {
    let kind = match what {
        "a whole number" => "integer",
        "true or false" => "boolean",
        _ => "string",
    };
    json!({ "type": kind })
}

/// With another description, if there is one.
fn described(mut schema: Schema, about: &str) -> Schema {
    if !about.is_empty() {
        schema["description"] = json!(about);
    }
    schema
}

/// Without what says nothing; `allOf` must not be empty.
fn said(mut schema: Schema) -> Schema {
    if let Some(words) = schema.as_object_mut() {
        words.retain(|_, value| *value != json!("") && *value != json!([]));
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::net::IpAddr;

    use boon::{Compiler, Schemas};
    use proptest::prelude::any;
    use proptest::sample::{Index, select};
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;
    use toml::de::DeValue;

    use crate::model::network::{Mac, Subnet};
    use crate::model::storage::Carrier;
    use crate::model::value::{Found, Value};
    use crate::model::words::{
        Argument, DiskText, Domain, Hostname, Label, MachineSerial, Mirror, MountPoint, Name, NetworkName,
        Package, ReportUrl, SshKey,
    };
    use crate::units::Bytes;

    fn is_read<T: Value>(text: &str) -> bool {
        let value = DeValue::String(text.into());
        T::read(&Found { value: &value, place: &|| unreachable!() }).is_ok()
    }

    /// What is read fits the pattern, and where a pattern is the whole truth, what fits is read.
    fn agree<T: Value + Debug>(whole: bool) {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("http://localhost/value.json", T::schema()).unwrap();
        let schema = compiler.compile("http://localhost/value.json", &mut schemas).unwrap();
        let fits = |text: &str| schemas.validate(&text.into(), schema).is_ok();
        let pattern = T::schema()["pattern"].as_str().unwrap().to_owned();
        let fitting = string_regex(pattern.trim_matches(['^', '$'])).unwrap();
        let cases = (fitting, any::<Index>(), select(" ~-:./$=+A0z".chars().collect::<Vec<_>>()));
        let verdict = TestRunner::deterministic().run(&cases, |(text, at, slip)| {
            assert!(fits(&text) && (!whole || is_read::<T>(&text)), "{text:?}");
            let mut letters: Vec<char> = text.chars().collect();
            letters.insert(at.index(letters.len() + 1), slip);
            let text: String = letters.into_iter().collect();
            assert!(fits(&text) || !is_read::<T>(&text), "{text:?}");
            Ok(())
        });
        verdict.unwrap();
    }

    #[test]
    fn patterns_and_readers_agree() {
        agree::<Name>(true);
        agree::<Package>(true);
        agree::<Argument>(true);
        agree::<Label>(true);
        agree::<Hostname>(true);
        agree::<Mirror>(true);
        agree::<ReportUrl>(true);
        agree::<Carrier>(true);
    }

    #[test]
    fn readers_know_more_than_some_patterns() {
        agree::<DiskText>(false);
        agree::<MountPoint>(false);
        agree::<Domain>(false);
        agree::<NetworkName>(false);
        agree::<MachineSerial>(false);
        agree::<SshKey>(false);
        agree::<Mac>(false);
        agree::<IpAddr>(false);
        agree::<Subnet>(false);
        agree::<Bytes>(false);
    }
}
