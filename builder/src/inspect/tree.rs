//! Trees as text, like those of `xbuild plan`, with notes below their leaves.

use installer::units::Bytes;

/// A heading, and what is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// One line or more.
    pub heading: Vec<String>,
    /// What is below.
    pub leaves: Vec<Leaf>,
}

/// One thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    /// What it is called.
    pub name: String,
    /// How large it is; none where that is not known.
    pub size: Option<Bytes>,
    /// What it is.
    pub what: String,
    /// More about it.
    pub notes: Vec<String>,
}

impl Leaf {
    /// With a name and a word about it.
    #[must_use]
    pub fn new(name: &str, what: &str) -> Self {
        Self { name: name.to_owned(), what: what.to_owned(), ..Self::default() }
    }

    fn size(&self) -> String {
        self.size.map_or_else(String::new, |size| size.to_string())
    }
}

/// Widths that trees share, so that sizes stand below each other.
struct Columns {
    name: usize,
    size: usize,
}

/// The trees, one below the other.
#[must_use]
pub fn print(trees: &[Tree]) -> String {
    let leaves = || trees.iter().flat_map(|tree| &tree.leaves);
    let columns = Columns {
        name: leaves().map(|leaf| leaf.name.chars().count()).max().unwrap_or(0),
        size: leaves().map(|leaf| leaf.size().len()).max().unwrap_or(0),
    };
    trees.iter().map(|tree| tree.print(&columns)).collect()
}

impl Tree {
    fn print(&self, columns: &Columns) -> String {
        let last = self.leaves.len().saturating_sub(1);
        let leaves = self.leaves.iter().enumerate().map(|(at, leaf)| leaf.print(columns, at == last));
        format!("\n{}\n{}", self.heading.join("\n"), leaves.collect::<String>())
    }
}

impl Leaf {
    fn print(&self, columns: &Columns, is_last: bool) -> String {
        let (branch, trunk) = if is_last { ("└─", "  ") } else { ("├─", "│ ") };
        let line = |lead: &str, name: &str, size: &str, text: &str| {
            let size = if columns.size == 0 { String::new() } else { format!("  {size:>0$}", columns.size) };
            format!("{lead} {name:0$}{size}  {text}\n", columns.name)
        };
        let notes = self.notes.iter().map(|note| line(trunk, "", "", note));
        line(branch, &self.name, &self.size(), &self.what) + &notes.collect::<String>()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use installer::units::Bytes;

    use super::{Leaf, Tree, print};

    #[test]
    fn notes_stand_below_what_they_are_about() {
        let leaf = |name: &str, size, notes: &[&str]| Leaf {
            name: name.to_owned(),
            size,
            what: "x".to_owned(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        };
        let leaves = vec![leaf("a", Some(Bytes::MIB * 12), &["n"]), leaf("bb", None, &["n"])];
        let tree = Tree { heading: vec!["head".to_owned()], leaves };
        assert_eq!(print(&[tree]), "\nhead\n├─ a   12M  x\n│           n\n└─ bb       x\n            n\n");
        let bare = Tree { heading: vec!["head".to_owned()], leaves: vec![leaf("a", None, &[])] };
        assert_eq!(print(&[bare]), "\nhead\n└─ a  x\n");
    }
}
