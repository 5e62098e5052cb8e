//! What the store asks of a database: statements within transactions that nobody else's overlap, and the time.
//!
//! Statements number their parameters `$1`, `$2`, … and use the part of SQL that SQLite and PostgreSQL share.

use crate::Result;

/// A value of a row or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double.
    Real(f64),
    /// UTF-8.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(value as i64)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.into())
    }
}

/// The values of a row, taken in the order of the columns. What is of another type reads as nothing: the schema is ours.
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// A row of `values`.
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// The next column as an integer; 0 for NULL.
    pub fn integer(&mut self) -> i64 {
        if let Some(Value::Integer(value)) = self.0.next() { value } else { 0 }
    }

    /// The next column as a count; 0 for NULL.
    pub fn count(&mut self) -> usize {
        self.integer().try_into().unwrap_or(0)
    }

    /// The next column as a double; NaN for NULL, as SQLite keeps it.
    pub fn real(&mut self) -> f64 {
        match self.0.next() {
            Some(Value::Real(value)) => value,
            Some(Value::Integer(value)) => value as f64,
            _ => f64::NAN,
        }
    }

    /// The next column as text.
    pub fn text(&mut self) -> Option<String> {
        if let Some(Value::Text(value)) = self.0.next() { Some(value) } else { None }
    }

    /// The next column as bytes.
    pub fn bytes(&mut self) -> Option<Vec<u8>> {
        if let Some(Value::Bytes(value)) = self.0.next() { Some(value) } else { None }
    }
}

/// Statements within a transaction.
pub trait Transaction {
    /// Runs a statement; the number of rows it changed.
    ///
    /// # Errors
    /// [`crate::Error::Store`] in the database's words.
    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64>;

    /// Runs a query.
    ///
    /// # Errors
    /// [`crate::Error::Store`] in the database's words.
    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>>;

    /// The database's time in milliseconds since 1970, now rather than when the transaction began.
    ///
    /// # Errors
    /// [`crate::Error::Store`] in the database's words.
    fn now_ms(&mut self) -> Result<i64>;
}

/// What a transaction does.
pub type Work<'a> = dyn FnMut(&mut dyn Transaction) -> Result<()> + 'a;

/// A connection to a database.
pub trait Engine: Send {
    /// Does `work` in one transaction, which is undone when it fails. Transactions of the same `topic` wait for each other.
    ///
    /// # Errors
    /// That of `work`; [`crate::Error::Store`] in the database's words.
    fn transaction(&mut self, topic: i64, work: &mut Work<'_>) -> Result<()>;
}
