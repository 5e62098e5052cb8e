//! The tables, and how an older store gets them.

use super::engine::Transaction;
use crate::{Error, Result};

/// The statements that lead from one version to the next; a store is at the version of the last one it has seen.
///
/// Times are milliseconds since 1970 by the database's clock. `fence` grows with every lease of a trial: what comes with an
/// older one is late.
const VERSIONS: [&[&str]; 1] = [&[
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
]];

/// Brings the store to the newest version, all at once or not at all.
///
/// # Errors
/// [`Error::Store`] for a store that a newer program made, and in the database's words.
pub(super) fn migrate(transaction: &mut dyn Transaction, store: &str) -> Result<()> {
    transaction.execute("CREATE TABLE IF NOT EXISTS weaklabel_schema (version BIGINT NOT NULL)", &[])?;
    let found = transaction.query("SELECT version FROM weaklabel_schema", &[])?.into_iter().next();
    let version = found.map(|mut row| row.count());
    if version.is_some_and(|version| version > VERSIONS.len()) {
        let reason = "a newer weaklabel made it: use that one".into();
        return Err(Error::Store { store: store.into(), reason, passing: false });
    }
    for statement in VERSIONS[version.unwrap_or(0)..].iter().copied().flatten() {
        transaction.execute(statement, &[])?;
    }
    let set = match version {
        None => "INSERT INTO weaklabel_schema (version) VALUES ($1)",
        Some(_) => "UPDATE weaklabel_schema SET version = $1",
    };
    transaction.execute(set, &[VERSIONS.len().into()]).map(|_| ())
}
