//! What somebody may have meant.

/// The hint for a word that is none of `known`: the nearest one, or all there are.
pub(crate) fn hint<'a>(word: &str, what: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, &known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => format!("there is no {what}"),
        None => format!("known {what}s: {}", quoted(&known)),
    }
}

/// `a`, `b`, `c`, each in backquotes.
fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The nearest of `known`, if it is near enough to be a slip of the finger: a third of the letters.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let letters = word.chars().count();
    // Of a single letter nothing would be left.
    let allowed = (letters / 3).max(usize::from(letters > 1));
    let near = known.iter().map(|other| (distance(word, other), *other));
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, other)| other)
}

/// Letters to insert, to remove or to replace (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, hint};

    #[test]
    fn distance_counts_letters() {
        for (from, to, letters) in
            [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0), ("ab", "ba", 2)]
        {
            assert_eq!(distance(from, to), letters);
        }
    }

    #[test]
    fn a_slip_gets_the_word_and_anything_else_the_list() {
        let known = ["packages", "overlays"];
        assert_eq!(hint("packges", "key", known), "did you mean `packages`?");
        assert_eq!(hint("colour", "key", known), "known keys: `packages`, `overlays`");
        assert_eq!(hint("D", "protocol", ["A", "C"]), "known protocols: `A`, `C`");
        assert_eq!(hint("colour", "network", []), "there is no network");
    }
}
