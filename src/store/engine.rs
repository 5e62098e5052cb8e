//! What the store asks of a database: statements within transactions that nobody else's overlap, and the time.
//!
//! Statements number their parameters `$1`, `$2`, … and use the part of SQL that SQLite and PostgreSQL share.

use crate::Result;

/// A value of a row or a parameter.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// SQL's NULL.
    #[default]
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

/// Statements within a transaction.
pub trait Transaction {
    /// The store's name in errors: a file, or a server's address without its password.
    fn store(&self) -> &str;

    /// Runs a statement; the number of rows it changed.
    ///
    /// # Errors
    /// [`crate::Error::Store`] in the database's words.
    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64>;

    /// Runs a query; the values of every row in the order of the columns.
    ///
    /// # Errors
    /// [`crate::Error::Store`] in the database's words.
    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>>;

    /// The database's time in milliseconds since 1970, now rather than when the transaction began.
    ///
    /// # Errors
    /// [`crate::Error::Store`] in the database's words.
    fn now_ms(&mut self) -> Result<i64>;
}

/// What a transaction does.
pub type TransactionBody<'a> = dyn FnMut(&mut dyn Transaction) -> Result<()> + 'a;

/// A connection to a database.
pub trait Engine: Send {
    /// Does `work` in one transaction, which is undone when it fails. Transactions of the same `topic` wait for each other.
    ///
    /// # Errors
    /// That of `work`; [`crate::Error::Store`] in the database's words.
    fn transaction(&mut self, topic: i64, work: &mut TransactionBody<'_>) -> Result<()>;
}
