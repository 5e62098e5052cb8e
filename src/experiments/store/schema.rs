//! The store's tables, and the migration of older stores to them.

use super::engine::Transaction;
use super::row::{Columns, Row};
use crate::{Error, Result};

/// SQL statements that lead from each schema version to the next. The version of a store is the number of the last list
/// that was applied.
///
/// Times are milliseconds since 1970 by the database's clock. `fence` grows with every lease of a trial; a delivery
/// under an older fence is refused.
const VERSIONS: [&[&str]; 2] = [FIRST, SECOND];

const FIRST: &[&str] = &[
    "CREATE TABLE weaklabel_studies (
        id BIGINT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        config TEXT NOT NULL,
        version TEXT NOT NULL,
        data TEXT NOT NULL,
        trials BIGINT NOT NULL,
        eta BIGINT NOT NULL,
        rungs BIGINT NOT NULL,
        created_ms BIGINT NOT NULL
    )",
    "CREATE TABLE weaklabel_trials (
        study BIGINT NOT NULL REFERENCES weaklabel_studies (id),
        number BIGINT NOT NULL,
        rung BIGINT NOT NULL,
        state TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        fence BIGINT NOT NULL,
        worker TEXT,
        lease_until_ms BIGINT,
        epoch BIGINT NOT NULL,
        reason TEXT,
        PRIMARY KEY (study, number)
    )",
    "CREATE TABLE weaklabel_results (
        study BIGINT NOT NULL REFERENCES weaklabel_studies (id),
        number BIGINT NOT NULL,
        rung BIGINT NOT NULL,
        fence BIGINT NOT NULL,
        score DOUBLE PRECISION NOT NULL,
        details TEXT NOT NULL,
        worker TEXT NOT NULL,
        adapter TEXT NOT NULL,
        seconds DOUBLE PRECISION NOT NULL,
        finished_ms BIGINT NOT NULL,
        PRIMARY KEY (study, number, rung)
    )",
    "CREATE TABLE weaklabel_checkpoints (
        study BIGINT NOT NULL REFERENCES weaklabel_studies (id),
        number BIGINT NOT NULL,
        bytes BYTEA NOT NULL,
        details TEXT NOT NULL,
        PRIMARY KEY (study, number)
    )",
    "CREATE TABLE weaklabel_workers (
        name TEXT PRIMARY KEY,
        adapter TEXT NOT NULL,
        seen_ms BIGINT NOT NULL
    )",
];

/// Counts a trial's failures and its workers' deaths separately, and stores the length of a lease. A worker of the
/// first version that is still connected finds the column `attempts` gone, and ends.
const SECOND: &[&str] = &[
    "ALTER TABLE weaklabel_trials DROP COLUMN attempts",
    "ALTER TABLE weaklabel_trials ADD COLUMN failures BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE weaklabel_trials ADD COLUMN deaths BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE weaklabel_trials ADD COLUMN lease_ms BIGINT",
    // The longest allowed lease, since the length of an older lease is unknown.
    "UPDATE weaklabel_trials SET lease_ms = 86400000 WHERE state = 'running'",
];

const SCHEMA: Columns = Columns { table: "weaklabel_schema", names: &["version"], key: 1 };

/// Brings the store to the newest version in one transaction.
///
/// # Errors
/// [`Error::Store`] for a store that a newer program created, or with the database's message.
pub(super) fn migrate(transaction: &mut dyn Transaction) -> Result<()> {
    transaction.execute("CREATE TABLE IF NOT EXISTS weaklabel_schema (version BIGINT NOT NULL)", &[])?;
    let found = SCHEMA.read(transaction, "", &[], |row: &mut Row| row.integer(1..=i64::MAX))?;
    let version = found.first().map(|version| *version as usize);
    let Some(missing) = VERSIONS.get(version.unwrap_or(0)..) else {
        let reason = "a newer weaklabel made it: use that one".into();
        return Err(Error::Store { store: transaction.store().into(), reason, passing: false });
    };
    for statement in missing.iter().copied().flatten() {
        transaction.execute(statement, &[])?;
    }
    let set = match version {
        None => "INSERT INTO weaklabel_schema (version) VALUES ($1)",
        Some(_) => "UPDATE weaklabel_schema SET version = $1",
    };
    transaction.execute(set, &[VERSIONS.len().into()]).map(|_| ())
}
