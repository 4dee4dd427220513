//! Names that must be there, and names that must be there once.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::problem::{Place, Problem, Problems};
use super::suggest;

/// Reports every name that an earlier one repeats; the message says where the first one stands.
pub(super) fn once<K: Ord + Display>(
    what: &str,
    way_out: &str,
    names: impl IntoIterator<Item = (K, Place)>,
    problems: &mut Problems,
) {
    let mut names: Vec<(K, Place)> = names.into_iter().collect();
    names.sort_by_key(|(_, place)| (place.line, place.column));
    let mut first: BTreeMap<K, Place> = BTreeMap::new();
    for (name, place) in names {
        if let Some(first) = first.get(&name) {
            problems.push(Problem::at(place, format!("{what} `{name}` is already used at {first}"), way_out));
        } else {
            first.insert(name, place);
        }
    }
}

/// Reports a name that is none of `known`.
pub(super) fn known<'a>(
    what: &str,
    name: &str,
    place: Place,
    known: impl IntoIterator<Item = &'a str>,
    problems: &mut Problems,
) {
    let known: Vec<&str> = known.into_iter().collect();
    if !known.contains(&name) {
        problems.push(Problem::at(
            place,
            format!("unknown {what} `{name}`"),
            suggest::hint(name, what, known),
        ));
    }
}
