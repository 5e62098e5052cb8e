//! Store engine for an SQLite file that the processes of one machine share. Transactions of different processes wait
//! for each other. SQLite keeps a write-ahead log (WAL) beside the file, which does not work on network file systems.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, TransactionBehavior, params_from_iter};

use super::engine::{Engine, Transaction, TransactionBody, Value};
use crate::{Error, Result};

/// Longest time that a transaction waits for those of other processes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two attempts where SQLite does not wait by itself.
const AGAIN: Duration = Duration::from_millis(5);

pub(super) struct Sqlite {
    connection: Connection,
    name: String,
}

impl Sqlite {
    /// Opens the file, or creates it.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let bad = |e: rusqlite::Error| error(&name, &e);
        let connection = Connection::open(path).map_err(bad)?;
        connection.busy_timeout(PATIENCE).map_err(bad)?;
        keep_wal(&connection).map_err(bad)?;
        // Results survive a power cut once they are acknowledged.
        connection.pragma_update(None, "synchronous", "FULL").map_err(bad)?;
        Ok(Self { connection, name })
    }
}

/// Switches the file to WAL mode, unless it has this mode already. Where several processes create the file at the same
/// time, SQLite refuses all but one without waiting for the busy timeout, since each may hold a lock that another
/// needs: hence the loop.
fn keep_wal(connection: &Connection) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && start.elapsed() < PATIENCE => std::thread::sleep(AGAIN),
            outcome => return outcome,
        }
    }
}

impl Engine for Sqlite {
    fn transaction(&mut self, _topic: i64, work: &mut TransactionBody<'_>) -> Result<()> {
        let name = &self.name;
        let bad = |e: rusqlite::Error| error(name, &e);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(bad)?;
        work(&mut SqliteTransaction { transaction: &transaction, name })?;
        transaction.commit().map_err(bad)
    }
}

struct SqliteTransaction<'a> {
    transaction: &'a rusqlite::Transaction<'a>,
    name: &'a str,
}

impl Transaction for SqliteTransaction<'_> {
    fn store(&self) -> &str {
        self.name
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64> {
        let bad = |e: rusqlite::Error| error(self.name, &e);
        let mut statement = self.transaction.prepare_cached(&numbered(sql)).map_err(bad)?;
        statement.execute(params_from_iter(parameters)).map(|rows| rows as u64).map_err(bad)
    }

    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>> {
        let bad = |e: rusqlite::Error| error(self.name, &e);
        let mut statement = self.transaction.prepare_cached(&numbered(sql)).map_err(bad)?;
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let value = |column| row.get_ref(column).map(value);
            (0..columns).map(value).collect::<Result<Vec<_>, _>>()
        };
        let rows = statement.query_map(params_from_iter(parameters), row).map_err(bad)?;
        rows.collect::<Result<_, _>>().map_err(bad)
    }

    fn now_ms(&mut self) -> Result<i64> {
        // All processes that use the file share this machine's clock.
        Ok(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64))
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.into()),
            Err(_) => Value::Bytes(text.into()),
        },
        ValueRef::Blob(value) => Value::Bytes(value.into()),
    }
}

/// Replaces `$1` by `?1`, SQLite's form of numbered parameters.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn error(name: &str, error: &rusqlite::Error) -> Error {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "not a store: choose another file".into(),
        _ => error.to_string(),
    };
    Error::Store { store: name.into(), reason, passing: is_busy(error) }
}
