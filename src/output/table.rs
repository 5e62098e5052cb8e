//! Plain text tables: the first column left-aligned, the others right-aligned, with widths as a terminal counts them.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use crate::base::printable;

/// A table of text cells under a header.
#[derive(Debug, Clone)]
pub struct Table {
    n_columns: usize,
    /// `None` is a rule across the table.
    rows: Vec<Option<Vec<String>>>,
}

impl Table {
    /// Makes an empty table below `header`.
    pub fn new(header: Vec<String>) -> Self {
        let mut table = Self { n_columns: header.len(), rows: Vec::new() };
        table.push(header);
        table
    }

    /// Appends a row, which must have as many cells as the header.
    pub fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.n_columns, "cells in a row and in the header");
        // Control characters are written out first: a cell must fit on one line, and its width is that of the shown
        // text.
        self.rows.push(Some(row.iter().map(|cell| printable::line(cell).into_owned()).collect()));
    }

    /// Returns the table in Markdown with the same alignment, without rules.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut rows = self.rows.iter().flatten();
        let mut text = rows.next().map(|header| line(header)).unwrap_or_default();
        text += &format!("|---|{}\n", "---:|".repeat(self.n_columns - 1));
        rows.for_each(|row| text += &line(row));
        text
    }

    /// Appends a rule across the table.
    pub fn rule(&mut self) {
        self.rows.push(None);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |column: usize| self.rows.iter().flatten().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.n_columns).map(widest).collect();
        let total = widths.iter().sum::<usize>() + 2 * self.n_columns.saturating_sub(1);
        for row in &self.rows {
            let Some(row) = row else {
                writeln!(f, "{}", "-".repeat(total))?;
                continue;
            };
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.width());
                line += &if column == 0 { format!("{cell}{padding}") } else { format!("  {padding}{cell}") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_line_that_steers_no_terminal() {
        let mut table = Table::new(vec!["class".into()]);
        table.push(vec!["a\u{1b}[2J\nb".into()]);
        assert_eq!(table.to_string(), "class\na\\u{1b}[2J\\nb\n");
    }

    #[test]
    fn columns_align_by_width_not_by_bytes() {
        let mut table = Table::new(vec!["class".into(), "F1".into()]);
        table.push(vec!["猫".into(), "45.8 ± 2.9".into()]);
        table.push(vec!["Geräusch".into(), "3.7".into()]);
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(table.markdown(), "| class | F1 |\n|---|---:|\n| 猫 | 45.8 ± 2.9 |\n| Geräusch | 3.7 |\n");
        assert_eq!(lines[0], "class             F1");
        assert!(lines.iter().all(|line| line.width() == lines[0].width()), "{text}");
    }
}
