//! Columns of text.

/// Rows whose cells stand below each other, with two blanks between columns and none at the end of a line.
#[must_use]
pub fn draw<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn cells_stand_below_each_other() {
        let rows = [["a", "long one", "x"], ["longer", "b", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(draw(&rows), "a       long one  x\nlonger  b\n");
    }
}
