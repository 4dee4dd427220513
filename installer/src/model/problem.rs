//! What is wrong with what somebody wrote, where it stands, and the way out.

use std::fmt;

use serde::{Serialize, Serializer};

/// A stretch of one line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user would name it.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// First character in that line, from 1.
    pub column: usize,
    /// How many characters, at least 1.
    pub width: usize,
    /// The whole line.
    pub excerpt: String,
}

impl Place {
    /// The same place with its text blotted out: secrets do not belong into logs.
    #[must_use]
    pub fn masked(mut self) -> Self {
        let hidden = self.column - 1..self.column - 1 + self.width;
        let blot = |(at, letter)| if hidden.contains(&at) { '*' } else { letter };
        self.excerpt = self.excerpt.chars().enumerate().map(blot).collect();
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, if it stands in a file.
    pub place: Option<Place>,
    /// What.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl Problem {
    /// A problem that stands somewhere.
    pub fn at(place: Place, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place: Some(place), message: message.into(), hint: hint.into() }
    }

    /// A problem of no file, such as a wrong argument.
    pub fn anywhere(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), hint: hint.into() }
    }

    /// Files by name, places from top to bottom; what stands nowhere comes last.
    fn order(&self) -> (bool, &str, usize, usize) {
        self.place.as_ref().map_or((true, "", 0, 0), |at| (false, at.file.as_str(), at.line, at.column))
    }
}

impl std::error::Error for Problem {}

/// As compilers show it: message, place, the line with the words underlined, hint.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let gutter = self.place.as_ref().map_or(1, |place| place.line.to_string().len());
        if let Some(place) = &self.place {
            // A tab is one character to us and many columns to a terminal.
            let excerpt = place.excerpt.replace('\t', " ");
            let before = " ".repeat(place.column - 1);
            let line = format!(" {} | {excerpt}", place.line);
            let underline = format!(" {:gutter$} | {before}{}", "", "^".repeat(place.width));
            writeln!(f, " {:gutter$}--> {place}", "")?;
            writeln!(f, " {:gutter$} |", "")?;
            writeln!(f, "{}", line.trim_end())?;
            writeln!(f, "{underline}")?;
        }
        write!(f, " {:gutter$} = hint: {}", "", self.hint)
    }
}

/// For `--json`: flat, with `file`, `line` and `column` null where a problem stands nowhere.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            file: Option<&'a str>,
            line: Option<usize>,
            column: Option<usize>,
            message: &'a str,
            hint: &'a str,
        }
        let place = self.place.as_ref();
        Flat {
            file: place.map(|place| place.file.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            message: &self.message,
            hint: &self.hint,
        }
        .serialize(serializer)
    }
}

/// Everything that is wrong, in the order of its places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one, at its place in the order.
    pub fn push(&mut self, problem: Problem) {
        let at = self.0.partition_point(|other| other.order() <= problem.order());
        self.0.insert(at, problem);
    }

    /// Whether all is well.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// The value, if all is well.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn unless_any<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl std::error::Error for Problems {}

/// One after the other, with an empty line between.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&shown.join("\n\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Problem, Problems};

    fn packges() -> Problem {
        let place = Place {
            file: "profiles/storage.toml".to_owned(),
            line: 7,
            column: 1,
            width: 7,
            excerpt: "packges = [\"drbd-utils\"]".to_owned(),
        };
        Problem::at(place, "unknown key `packges`", "did you mean `packages`?")
    }

    #[test]
    fn a_problem_shows_its_place_and_its_way_out() {
        let expected = "\
error: unknown key `packges`
  --> profiles/storage.toml:7:1
   |
 7 | packges = [\"drbd-utils\"]
   | ^^^^^^^
   = hint: did you mean `packages`?";
        assert_eq!(packges().to_string(), expected);
    }

    #[test]
    fn a_problem_of_no_file_is_two_lines() {
        let problem = Problem::anywhere("unknown profile `x`", "known profiles: `base`");
        assert_eq!(problem.to_string(), "error: unknown profile `x`\n   = hint: known profiles: `base`");
    }

    #[test]
    fn secrets_are_blotted_out() {
        let place = Place { column: 11, width: 12, ..packges().place.unwrap() };
        assert_eq!(place.masked().excerpt, "packges = ************\"]");
    }

    #[test]
    fn json_is_flat_and_in_order() {
        let mut problems = Problems::from(Problem::anywhere("m", "h"));
        problems.push(packges());
        let expected = serde_json::json!([
            { "file": "profiles/storage.toml", "line": 7, "column": 1,
              "message": "unknown key `packges`", "hint": "did you mean `packages`?" },
            { "file": null, "line": null, "column": null, "message": "m", "hint": "h" },
        ]);
        assert_eq!(serde_json::to_value(problems).unwrap(), expected);
    }
}
