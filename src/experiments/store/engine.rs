//! Interface of the store's databases: statements within transactions that do not overlap, and the time.
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
    /// A 64-bit floating-point number.
    Real(f64),
    /// UTF-8 text.
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

/// Statements within an open transaction.
pub trait Transaction {
    /// Returns the store's name in errors: a file, or a server's address without its password.
    fn store(&self) -> &str;

    /// Runs a statement and returns the number of rows that it changed.
    ///
    /// # Errors
    /// [`crate::Error::Store`] with the database's message.
    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64>;

    /// Runs a query and returns every row's values in the order of the columns.
    ///
    /// # Errors
    /// [`crate::Error::Store`] with the database's message.
    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>>;

    /// Returns the database's current time, not the time at which the transaction began, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`crate::Error::Store`] with the database's message.
    fn now_ms(&mut self) -> Result<i64>;
}

/// The function that runs within a transaction.
pub type TransactionBody<'a> = dyn FnMut(&mut dyn Transaction) -> Result<()> + 'a;

/// A connection to a database.
pub trait Engine: Send {
    /// Runs `work` in one transaction, which is rolled back when `work` fails. Transactions of the same `topic` wait
    /// for each other.
    ///
    /// # Errors
    /// The error of `work`, or [`crate::Error::Store`] with the database's message.
    fn transaction(&mut self, topic: i64, work: &mut TransactionBody<'_>) -> Result<()>;
}
