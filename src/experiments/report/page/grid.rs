//! Tables of reports: typed cells, their text for readers, and TSV for programs.

use super::words::{number, short};
use crate::base::printable;
use crate::output::{SeedSummary, tsv};

/// Text of a missing value.
const NOTHING: &str = "–";

/// A table of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Stem of the file names, and anchor in HTML and LaTeX: letters, digits and hyphens.
    pub name: String,
    /// Title of the table.
    pub title: String,
    /// Explanation of the numbers.
    pub caption: String,
    /// Columns of the table.
    pub columns: Vec<Column>,
    /// Number of leading columns that label a row.
    pub labels: usize,
    /// Rows, each with a cell for every column.
    pub rows: Vec<Vec<GridCell>>,
    /// Indices of the rows above which a rule is drawn, ascending.
    pub rules: Vec<usize>,
}

/// A column of a [`Grid`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Heading of the column. No two columns share one.
    pub head: String,
    /// Kind of the column's cells.
    pub kind: ColumnKind,
}

/// The kind of a column's cells, which decides their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A number with this many decimals.
    Number(usize),
    /// A mean over seeds and its standard deviation with this many decimals: two columns in TSV.
    Score(usize),
    /// A number of any size, or text that is shortened.
    Value,
    /// A probability with four decimals; smaller ones as "< 0.0001".
    Probability,
}

/// A cell of a [`Grid`].
#[derive(Debug, Clone, PartialEq)]
pub enum GridCell {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// A mean and a standard deviation, `None` for a single seed.
    Score(f64, Option<f64>),
    /// A missing value.
    Missing,
}

impl Column {
    /// Makes a column of `kind` with the heading `head`.
    pub fn new(head: impl Into<String>, kind: ColumnKind) -> Self {
        Self { head: head.into(), kind }
    }
}

impl GridCell {
    /// Makes a cell of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a cell of a count.
    pub fn count(n: usize) -> Self {
        Self::Number(n as f64)
    }

    /// Makes a cell of mean and standard deviation of `values`, one per seed; missing without values, or where one is
    /// not finite.
    pub fn score(values: Vec<f64>) -> Self {
        if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
            return Self::Missing;
        }
        SeedSummary::new(values).into()
    }
}

impl From<SeedSummary> for GridCell {
    fn from(summary: SeedSummary) -> Self {
        Self::Score(summary.mean, summary.sd)
    }
}

/// Rounds `value` to `decimals`, with a true minus sign, and without a sign on a value that rounds to zero.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let negative = value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if negative { format!("−{text}") } else { text }
}

impl ColumnKind {
    /// Returns the text of `cell` for readers.
    pub(super) fn shown(self, cell: &GridCell) -> String {
        let decimals = match self {
            Self::Text | Self::Value => 0,
            Self::Number(decimals) | Self::Score(decimals) => decimals,
            Self::Probability => 4,
        };
        match cell {
            GridCell::Text(text) if self == Self::Value => short(text),
            GridCell::Text(text) => text.clone(),
            GridCell::Number(value) if self == Self::Value => number(*value),
            GridCell::Number(value) if self == Self::Probability && *value < 0.0001 => "< 0.0001".into(),
            GridCell::Number(value) | GridCell::Score(value, None) => rounded(*value, decimals),
            GridCell::Score(mean, Some(sd)) => format!("{} ± {}", rounded(*mean, decimals), rounded(*sd, decimals)),
            GridCell::Missing => NOTHING.into(),
        }
    }
}

impl Grid {
    /// Makes a table without rows.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        labels: usize,
        columns: Vec<Column>,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            caption: caption.into(),
            columns,
            labels,
            rows: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Appends a row, which must have a cell for every column.
    pub fn push(&mut self, row: Vec<GridCell>) {
        assert_eq!(row.len(), self.columns.len(), "cells in a row and columns");
        self.rows.push(row);
    }

    /// Draws a rule between the rows so far and the next one.
    pub fn rule(&mut self) {
        let at = self.rows.len();
        if at > 0 && self.rules.last() != Some(&at) {
            self.rules.push(at);
        }
    }

    /// Returns tab-separated values below one line of headings. Numbers are not rounded, mean and standard deviation of
    /// a score fill two columns, and a missing value is empty.
    pub fn tsv(&self) -> String {
        let mut heads = Vec::new();
        for Column { head, kind } in &self.columns {
            match kind {
                ColumnKind::Score(_) => heads.extend([format!("{head} mean"), format!("{head} sd")]),
                _ => heads.push(head.clone()),
            }
        }
        let mut table = tsv::row(&heads);
        for row in &self.rows {
            let mut line = Vec::with_capacity(heads.len());
            for (column, cell) in self.columns.iter().zip(row) {
                let (value, sd) = match cell {
                    GridCell::Text(text) => (text.clone(), None),
                    GridCell::Number(value) => (value.to_string(), None),
                    GridCell::Score(mean, sd) => (mean.to_string(), *sd),
                    GridCell::Missing => (String::new(), None),
                };
                line.push(value);
                if let ColumnKind::Score(_) = column.kind {
                    line.push(sd.map_or_else(String::new, |sd| sd.to_string()));
                }
            }
            table += &tsv::row(line);
        }
        table
    }
}

/// Returns `text` on one line: each run of white space becomes one space, other control characters are written out.
pub(super) fn one_line(text: &str) -> String {
    printable::line(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Makes a table of two rows with a rule between them and a cell of every kind.
    pub fn grid() -> Grid {
        let columns = vec![
            Column::new("class", ColumnKind::Text),
            Column::new("0.2 s", ColumnKind::Score(1)),
            Column::new("p", ColumnKind::Probability),
            Column::new("n", ColumnKind::Number(0)),
        ];
        let mut grid = Grid::new("scores", "Scores", "In %, of 2 seeds", 1, columns);
        grid.push(vec![
            GridCell::text("Cat"),
            GridCell::score(vec![44.0, 47.6]),
            GridCell::Number(0.5),
            GridCell::count(12),
        ]);
        grid.rule();
        grid.rule();
        grid.push(vec![
            GridCell::text("A|b\t<i>&_x"),
            GridCell::score(vec![3.0]),
            GridCell::Number(1e-9),
            GridCell::Missing,
        ]);
        grid
    }

    #[test]
    fn tsv_reads_back_with_means_and_deviations_as_numbers() {
        let mut grid = grid();
        grid.push(vec![GridCell::text("a \"quoted\"\nline"), GridCell::Missing, GridCell::Missing, GridCell::count(0)]);
        let tsv = grid.tsv();
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(tsv.as_bytes());
        assert_eq!(reader.headers().unwrap(), ["class", "0.2 s mean", "0.2 s sd", "p", "n"].as_slice());
        let rows: Vec<Vec<String>> = reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
        assert_eq!(rows[0][1].parse(), Ok(45.8));
        assert!((rows[0][2].parse::<f64>().unwrap() - 6.48_f64.sqrt()).abs() < 1e-12, "not rounded");
        assert_eq!(rows[1], ["A|b\\t<i>&_x", "3", "", "0.000000001", ""]);
        assert_eq!(rows[2][0], "a \\u0022quoted\\u0022\\nline", "a JSON string");
        assert_eq!(tsv.lines().count(), 4, "a row is a line");
    }

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        assert_eq!(rounded(-0.04, 1), "0.0");
        assert_eq!(rounded(-0.06, 1), "−0.1");
        assert_eq!(rounded(-10.0, 0), "−10");
    }

    #[test]
    fn what_is_not_finite_is_missing() {
        assert_eq!(GridCell::score(vec![1.0, f64::NAN]), GridCell::Missing);
        assert_eq!(GridCell::score(Vec::new()), GridCell::Missing);
    }
}
