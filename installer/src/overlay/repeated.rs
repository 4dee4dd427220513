//! Templates for several files: `{links.name}.link.hbs` is one file for each of `links`, and named by its `name`.

use serde_json::Value;

use crate::model::suggest;

/// A name with a blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated<'a> {
    before: &'a str,
    list: &'a str,
    key: &'a str,
    after: &'a str,
}

impl<'a> Repeated<'a> {
    /// None if the name is one of a single file.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (before, rest) = name.split_once('{')?;
        let (blank, after) = rest.split_once('}')?;
        let (list, key) = blank.split_once('.')?;
        Some(Self { before, list, key, after })
    }

    /// Each file's name, and the values that it is rendered with.
    ///
    /// # Errors
    /// What the values do not have, and what was meant perhaps.
    pub(super) fn files<'v>(&self, context: &'v Value) -> Result<Vec<(String, &'v Value)>, (String, String)> {
        let items = context.get(self.list).and_then(Value::as_array).ok_or_else(|| self.no_list(context))?;
        let name = |item: &'v Value| {
            let key = item.get(self.key).and_then(Value::as_str).ok_or_else(|| self.no_key(item))?;
            Ok((format!("{}{key}{}", self.before, self.after), item))
        };
        items.iter().map(name).collect()
    }

    fn no_list(&self, context: &Value) -> (String, String) {
        let lists = context.as_object().into_iter().flatten().filter(|(_, value)| value.is_array());
        let hint = suggest::hint(self.list, "list", lists.map(|(name, _)| name.as_str()));
        (format!("there is no list `{}`", self.list), hint)
    }

    fn no_key(&self, item: &Value) -> (String, String) {
        let words = item.as_object().into_iter().flatten().filter(|(_, value)| value.is_string());
        let hint = suggest::hint(self.key, "value", words.map(|(name, _)| name.as_str()));
        (format!("`{}` has no `{}` to name files by", self.list, self.key), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::Repeated;

    #[test]
    fn a_blank_has_a_list_and_a_key() {
        let blank = Repeated { before: "10-", list: "links", key: "name", after: ".link.hbs" };
        assert_eq!(Repeated::parse("10-{links.name}.link.hbs"), Some(blank));
        for single in ["fstab.hbs", "a{b", "a{b}.hbs", "a}b.c{"] {
            assert_eq!(Repeated::parse(single), None, "{single}");
        }
    }
}
