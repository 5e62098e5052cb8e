//! A table of a report: what its cells hold, how people see them, and TSV for machines.

use super::words::{number, short};
use crate::printable;
use crate::report::{SeedSummary, tsv};

/// What people see where there is no value.
const NOTHING: &str = "–";

/// A table of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Stem of its files, and its anchor in HTML and LaTeX: letters, digits and hyphens.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What its numbers are.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// How many of the first columns name a row.
    pub labels: usize,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<GridCell>>,
    /// Rows before which a rule stands, ascending.
    pub rules: Vec<usize>,
}

/// A column of a [`Grid`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its head, unlike that of any other column.
    pub head: String,
    /// What its cells hold.
    pub kind: ColumnKind,
}

/// What the cells of a column hold, and how people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words.
    Text,
    /// A number with so many decimals.
    Number(usize),
    /// A mean over seeds and its standard deviation, with so many decimals: two columns in TSV.
    Score(usize),
    /// A number of any size, or words of which people see the beginning.
    Value,
    /// A probability with four decimals, or that it is smaller.
    Probability,
}

/// A cell of a [`Grid`].
#[derive(Debug, Clone, PartialEq)]
pub enum GridCell {
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// A mean and a standard deviation; none of a single seed.
    Score(f64, Option<f64>),
    /// Not known.
    Missing,
}

impl Column {
    /// A column of `kind` under `head`.
    pub fn new(head: impl Into<String>, kind: ColumnKind) -> Self {
        Self { head: head.into(), kind }
    }
}

impl GridCell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A count.
    pub fn count(n: usize) -> Self {
        Self::Number(n as f64)
    }

    /// Mean and spread of `values`, one per seed; missing without values, or where one is not finite.
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

/// `value` with `decimals`, a true minus sign, and no sign on what rounds to zero.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let negative = value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if negative { format!("−{text}") } else { text }
}

impl ColumnKind {
    /// How people see `cell`.
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
    /// A table without rows.
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

    /// A rule between the rows so far and the next one.
    pub fn rule(&mut self) {
        let at = self.rows.len();
        if at > 0 && self.rules.last() != Some(&at) {
            self.rules.push(at);
        }
    }

    /// Tab-separated values below one line of heads: numbers as they are, not rounded, mean and standard deviation of a
    /// score in two columns, what is missing as nothing.
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

/// `text` on one line: every run of blanks, tabs and line breaks as one space, other control characters written out.
pub(super) fn one_line(text: &str) -> String {
    printable::line(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two rows with a rule between them and a cell of every kind.
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
