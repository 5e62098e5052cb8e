//! Checked reading of the store's rows. Rows are untrusted input: anybody can edit a database, and disks fail. Every
//! value is checked when it is read, and an error names the table, the row and the column.

use std::fmt;
use std::ops::RangeInclusive;

use super::engine::{Transaction, Value};
use crate::{Error, Result};

/// Largest number of characters of a value that an error shows.
const SHOWN: usize = 40;

/// The columns to read from a table.
pub struct Columns {
    /// The table's name.
    pub table: &'static str,
    /// Column names, in reading order.
    pub names: &'static [&'static str],
    /// Number of leading columns that identify a row in an error.
    pub key: usize,
}

/// The reason why a row is refused.
#[derive(Debug)]
pub struct Invalid {
    column: &'static str,
    reason: String,
}

impl Columns {
    /// Selects the rows that satisfy `condition`, the end of a SELECT statement, and converts each with `read`.
    ///
    /// # Errors
    /// [`Error::Store`] that names table, row and column of a value that `read` refuses, or holds the database's
    /// message.
    pub fn read<T>(
        &self,
        tx: &mut dyn Transaction,
        condition: &str,
        parameters: &[Value],
        mut read: impl FnMut(&mut Row) -> Result<T, Invalid>,
    ) -> Result<Vec<T>> {
        let found = self.rows(tx, condition, parameters)?;
        found.into_iter().map(|row| row.read(&mut read).map_err(|reason| refused(tx.store(), reason))).collect()
    }

    /// Selects the rows that satisfy `condition` without reading them.
    ///
    /// # Errors
    /// [`Error::Store`] with the database's message.
    pub fn rows(&self, tx: &mut dyn Transaction, condition: &str, parameters: &[Value]) -> Result<Vec<Row>> {
        let sql = format!("SELECT {} FROM {} {condition}", self.names.join(", "), self.table);
        Ok(tx.query(&sql, parameters)?.into_iter().map(|values| self.row(values)).collect())
    }

    /// Makes a row of the table with the given values.
    pub fn row(&self, values: Vec<Value>) -> Row {
        Row { table: self.table, columns: self.names, key: self.key, values, next: 0 }
    }
}

/// Makes the [`Error::Store`] for an invalid row of `store`.
pub fn refused(store: &str, reason: String) -> Error {
    let reason = format!("{reason}: correct the row, or restore the store from a copy");
    Error::Store { store: store.into(), reason, passing: false }
}

/// The values of a row, taken in the order of its columns.
pub struct Row {
    table: &'static str,
    columns: &'static [&'static str],
    key: usize,
    values: Vec<Value>,
    next: usize,
}

impl Row {
    /// Converts the row with `read`.
    ///
    /// # Errors
    /// A message with table, row, column and the reason.
    pub fn read<T>(mut self, read: &mut dyn FnMut(&mut Self) -> Result<T, Invalid>) -> Result<T, String> {
        read(&mut self).map_err(|Invalid { column, reason }| {
            let value = |at: usize| self.values.get(at).unwrap_or(&Value::Null);
            let key = self.columns.iter().take(self.key).enumerate();
            let key: Vec<String> = key.map(|(at, name)| format!("{name} = {}", ShownValue(value(at)))).collect();
            format!("table {}, row {}, column {column}: {reason}", self.table, key.join(", "))
        })
    }

    /// Takes the next column's name and value, NULL if the row has too few values. Values of the key are copied, not
    /// moved, because errors show them.
    fn take(&mut self) -> (&'static str, Value) {
        let (at, column) = (self.next, self.columns.get(self.next).copied().unwrap_or("behind the last"));
        self.next += 1;
        let value = match self.values.get_mut(at) {
            Some(value) if at < self.key => value.clone(),
            Some(value) => std::mem::take(value),
            None => Value::Null,
        };
        (column, value)
    }

    /// Takes the next column, an integer within `allowed`.
    ///
    /// # Errors
    /// [`Invalid`] when the value is no such integer.
    pub fn integer(&mut self, allowed: RangeInclusive<i64>) -> Result<i64, Invalid> {
        match self.take() {
            (_, Value::Integer(value)) if allowed.contains(&value) => Ok(value),
            (column, other) => {
                let range = match (*allowed.start(), *allowed.end()) {
                    (low, high) if high >= i64::MAX - 1 => format!("an integer from {low} on"),
                    (low, high) => format!("an integer between {low} and {high}"),
                };
                Err(unlike(column, &range, &other))
            }
        }
    }

    /// Takes the next column, a count of at most `most`.
    ///
    /// # Errors
    /// [`Invalid`] when the value is no such count.
    pub fn count(&mut self, most: usize) -> Result<usize, Invalid> {
        self.integer(0..=i64::try_from(most).unwrap_or(i64::MAX)).map(|value| value as usize)
    }

    /// Takes the next column, a non-negative integer or NULL.
    ///
    /// # Errors
    /// [`Invalid`] when the value is neither.
    pub fn optional_integer(&mut self) -> Result<Option<i64>, Invalid> {
        if self.values.get(self.next).is_none_or(|value| *value == Value::Null) {
            self.next += 1;
            return Ok(None);
        }
        self.integer(0..=i64::MAX).map(Some)
    }

    /// Takes the next column, a number for which `allows` returns true; `allowed` describes such numbers in the error.
    ///
    /// # Errors
    /// [`Invalid`] when the value is no such number.
    pub fn real(&mut self, allowed: &str, allows: impl Fn(f64) -> bool) -> Result<f64, Invalid> {
        match self.take() {
            (_, Value::Real(value)) if allows(value) => Ok(value),
            (_, Value::Integer(value)) if allows(value as f64) => Ok(value as f64),
            (column, other) => Err(unlike(column, allowed, &other)),
        }
    }

    /// Takes the next column, text.
    ///
    /// # Errors
    /// [`Invalid`] when the value is not text.
    pub fn text(&mut self) -> Result<String, Invalid> {
        match self.take() {
            (_, Value::Text(value)) => Ok(value),
            (column, other) => Err(unlike(column, "text", &other)),
        }
    }

    /// Takes the next column, text or NULL.
    ///
    /// # Errors
    /// [`Invalid`] when the value is neither.
    pub fn optional_text(&mut self) -> Result<Option<String>, Invalid> {
        match self.take() {
            (_, Value::Text(value)) => Ok(Some(value)),
            (_, Value::Null) => Ok(None),
            (column, other) => Err(unlike(column, "text or NULL", &other)),
        }
    }

    /// Takes the next column, bytes.
    ///
    /// # Errors
    /// [`Invalid`] when the value is not bytes.
    pub fn bytes(&mut self) -> Result<Vec<u8>, Invalid> {
        match self.take() {
            (_, Value::Bytes(value)) => Ok(value),
            (column, other) => Err(unlike(column, "bytes", &other)),
        }
    }

    /// Refuses the column that was read last, or an earlier one whose name is passed.
    pub fn refuse<T>(&self, column: Option<&'static str>, reason: String) -> Result<T, Invalid> {
        let last = self.columns.get(self.next.saturating_sub(1)).copied().unwrap_or("behind the last");
        Err(Invalid { column: column.unwrap_or(last), reason })
    }
}

fn unlike(column: &'static str, allowed: &str, found: &Value) -> Invalid {
    Invalid { column, reason: format!("must be {allowed}, not {}", ShownValue(found)) }
}

/// A value in the form in which errors show it.
struct ShownValue<'a>(&'a Value);

impl fmt::Display for ShownValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("NULL"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Real(value) => write!(f, "{value:?}"),
            Value::Text(text) if text.chars().count() > SHOWN => {
                write!(f, "{:?}…", text.chars().take(SHOWN).collect::<String>())
            }
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THINGS: Columns = Columns { table: "things", names: &["number", "name", "size", "weight"], key: 1 };

    fn read(values: Vec<Value>) -> Result<(usize, String, i64, f64), String> {
        let thing = |row: &mut Row| {
            Ok((row.count(9)?, row.text()?, row.integer(-1..=i64::MAX)?, row.real("above 0", |weight| weight > 0.0)?))
        };
        THINGS.row(values).read(&mut { thing })
    }

    #[test]
    fn a_row_is_read_in_the_order_of_its_columns() {
        let row = vec![3_i64.into(), "stone".into(), (-1_i64).into(), 2_i64.into()];
        assert_eq!(read(row), Ok((3, "stone".into(), -1, 2.0)));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_table_row_and_column() {
        let cases: [(Vec<Value>, &str); 7] = [
            (vec![10_i64.into()], "row number = 10, column number: must be an integer between 0 and 9, not 10"),
            (vec![i64::MIN.into()], "column number: must be an integer between 0 and 9"),
            (vec![3_i64.into(), Value::Bytes(vec![0; 7])], "row number = 3, column name: must be text, not 7 bytes"),
            (vec![3_i64.into(), "a".into(), "b".into()], "column size: must be an integer from -1 on, not \"b\""),
            (vec![3_i64.into(), "a".into(), 0_i64.into(), f64::NAN.into()], "column weight: must be above 0, not NaN"),
            (vec!["\x1b[31m".into()], "row number = \"\\u{1b}[31m\", column number: must be an integer"),
            (Vec::new(), "row number = NULL, column number: must be an integer between 0 and 9, not NULL"),
        ];
        for (row, expected) in cases {
            let message = read(row).unwrap_err();
            assert!(message.starts_with("table things, row ") && message.contains(expected), "{message}");
        }
        let long = read(vec![3_i64.into(), "a".into(), "x".repeat(99).as_str().into()]).unwrap_err();
        assert!(long.len() < 200 && long.ends_with("…"), "{long}");
    }
}
