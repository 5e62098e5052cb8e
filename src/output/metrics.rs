//! `metrics.jsonl`: one line per epoch and member. The lines are synced to the disk before a checkpoint or `DONE` that
//! relies on them is written.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::RunDir;
use crate::base::{atomic, checksum, regular_file};
use crate::config::StageName;
use crate::{Error, Result};

/// A line of `metrics.jsonl`: one epoch of one member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Stage of the training.
    pub stage: StageName,
    /// Epoch of the stage, counted from 0.
    pub epoch: usize,
    /// Seed of the member.
    pub seed: u64,
    /// Mean training loss.
    pub loss: f64,
    /// Validation score in %: macro-F1, or F(x) (SPEC §4) while the embedding model E is trained alone.
    pub score: f64,
    /// Best score so far, in %.
    pub best_score: f64,
    /// Epoch of the best score.
    pub best_epoch: usize,
}

/// The fields of a line that say when in the training it was written.
#[derive(Deserialize)]
struct Position {
    stage: StageName,
    epoch: u64,
}

impl RunDir {
    /// Appends one JSON line per row to `metrics.jsonl`. A row is an object with the fields `stage` and `epoch`,
    /// counted from 0. Rows are safe from a power cut after [`RunDir::sync_metrics`].
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn append_metrics(&self, rows: &[impl Serialize]) -> Result<()> {
        let path = self.metrics_path();
        let mut lines = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut lines, row).map_err(|e| Error::io("write", &path, e.into()))?;
            lines.push(b'\n');
        }
        // A single call writes all lines: a crash can tear only the last one, which `truncate_metrics` drops.
        self.append(&path)?.write_all(&lines).map_err(|e| Error::io("write", path, e))
    }

    /// Waits until all rows are on the disk. Training states, which record the number of epochs done, and `DONE` are
    /// written only after that.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn sync_metrics(&self) -> Result<()> {
        let path = self.metrics_path();
        match File::open(&path).and_then(|file| file.sync_all()) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            synced => synced.map_err(|e| Error::io("write", &path, e))?,
        }
        // The folder is synced as well, for the file's name. Where a system cannot sync folders, only the name may be
        // lost.
        #[cfg(unix)]
        let _ = File::open(self.path()).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// Drops the rows whose stage and epoch `keep` refuses, because a resumed run computes them again, and a torn last
    /// line.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn truncate_metrics(&self, keep: impl Fn(StageName, u64) -> bool) -> Result<()> {
        let path = self.metrics_path();
        let bytes = read_if_there(&path)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes);
        let wanted = |line: &&str| {
            let row: Option<Position> = serde_json::from_str(line).ok();
            line.ends_with('\n') && row.is_some_and(|Position { stage, epoch }| keep(stage, epoch))
        };
        let kept: String = text.split_inclusive('\n').filter(wanted).collect();
        atomic::write_bytes(&path, kept.as_bytes())
    }

    /// Reads the rows of `metrics.jsonl`.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::Data`] for an invalid line.
    pub fn metrics<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        let path = self.metrics_path();
        let text = regular_file::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let row =
            |(i, line)| serde_json::from_str(line).map_err(|e| Error::data(&path, format!("line {}: {e}", i + 1)));
        text.lines().enumerate().map(row).collect()
    }

    /// Returns whether `metrics.jsonl` has no row yet.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(super) fn metrics_are_empty(&self) -> Result<bool> {
        Ok(read_if_there(&self.metrics_path())?.is_empty())
    }

    /// Returns a fingerprint of the rows so far: their length in bytes and their SHA-256.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn metrics_so_far(&self) -> Result<String> {
        Ok(length_and_hash(&read_if_there(&self.metrics_path())?))
    }

    /// Whether the rows up to the last training state are still those that were written before it. A run without a
    /// training state has all its rows until it is finished.
    ///
    /// # Errors
    /// The errors of [`RunDir::training_state`]; [`Error::Io`] naming the file.
    pub fn has_all_metrics(&self) -> Result<bool> {
        let Some(training_state) = self.training_state()? else { return Ok(!self.is_finished()) };
        let rows = read_if_there(&self.metrics_path())?;
        let kept = training_state.metrics.unwrap_or_default();
        // Later rows are dropped when the run resumes, so they are not compared.
        let n_bytes = kept.split(' ').next().and_then(|n| n.parse::<usize>().ok());
        Ok(n_bytes.and_then(|n| rows.get(..n)).is_some_and(|rows| length_and_hash(rows) == kept))
    }
}

/// Returns the length and the hash of `rows`.
fn length_and_hash(rows: &[u8]) -> String {
    format!("{} {}", rows.len(), checksum::sha256(&[rows]))
}

/// Reads the file at `path`; a missing file counts as empty.
fn read_if_there(path: &Path) -> Result<Vec<u8>> {
    match regular_file::read(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|e| Error::io("read", path, e)),
    }
}
