//! `metrics.jsonl`: one line per epoch and member. What a checkpoint or the end of a training builds on is on the disk before.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunDir;
use crate::config::Config;
use crate::train::StageName;
use crate::{Error, Result, atomic};

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
    /// Validation score in %: macro-F1, or F(x) while E trains alone.
    pub score: f64,
    /// Best of it so far.
    pub best_score: f64,
    /// Its epoch.
    pub best_epoch: usize,
}

impl RunDir {
    /// Appends one JSON line per row to `metrics.jsonl`. A row is an object with the fields `stage` and `epoch`, counted
    /// from 0. Rows are safe from a power cut after [`RunDir::sync_metrics`].
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
        // One call for all lines: a crash can only tear the last one, which `truncate_metrics` drops.
        self.append(&path)?.write_all(&lines).map_err(|e| Error::io("write", path, e))
    }

    /// Waits until all rows are on the disk. A training state that says how many epochs were done, and `DONE`, are written
    /// after that.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn sync_metrics(&self) -> Result<()> {
        let path = self.metrics_path();
        match File::open(&path).and_then(|file| file.sync_all()) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            synced => synced.map_err(|e| Error::io("write", &path, e))?,
        }
        // The file's name as well; a system that cannot sync folders loses nothing but that.
        #[cfg(unix)]
        let _ = File::open(self.path()).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// Drops the rows whose stage and epoch `keep` refuses, those a resumed run computes again, and a torn last line.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn truncate_metrics(&self, keep: impl Fn(&str, u64) -> bool) -> Result<()> {
        let path = self.metrics_path();
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::io("read", path, e)),
        };
        let wanted = |line: &&str| {
            let row: Option<Value> = serde_json::from_str(line).ok();
            let fields = row.as_ref().and_then(|row| Some((row.get("stage")?.as_str()?, row.get("epoch")?.as_u64()?)));
            line.ends_with('\n') && fields.is_some_and(|(stage, epoch)| keep(stage, epoch))
        };
        let kept: String = text.split_inclusive('\n').filter(wanted).collect();
        atomic::write_bytes(&path, kept.as_bytes())
    }

    /// The rows of `metrics.jsonl`.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::Data`] for a line that is not such a row.
    pub fn metrics<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        let path = self.metrics_path();
        let text = fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let row =
            |(i, line)| serde_json::from_str(line).map_err(|e| Error::data(&path, format!("line {}: {e}", i + 1)));
        text.lines().enumerate().map(row).collect()
    }

    /// Whether there is a row of every epoch that the models of `config` were trained for, as far as the training state
    /// tells. A power cut may have taken rows of a run that an earlier version of this program wrote.
    ///
    /// # Errors
    /// As [`RunDir::standing`].
    pub fn has_all_metrics(&self, config: &Config) -> Result<bool> {
        let standing = self.standing()?;
        if standing.is_none() && !self.is_finished() {
            return Ok(true);
        }
        let text = fs::read(self.metrics_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        // A line that was torn by the end of a process, if only before its line feed, is dropped when the run goes on.
        let row = |line: &str| line.ends_with('\n').then(|| serde_json::from_str(line).ok()).flatten();
        let rows: Vec<Option<Metrics>> = text.split_inclusive('\n').map(row).collect();
        if self.is_finished() && rows.iter().any(Option::is_none) {
            return Ok(false);
        }
        let stages = StageName::of(config.train.method);
        let current = standing.as_ref().map_or(stages.last().map(|stage| stage.name()), |s| Some(s.stage.as_str()));
        let begun = stages.iter().take_while(|stage| Some(stage.name()) != current).count() + 1;
        let complete = |(member, seed): (usize, &u64)| {
            stages.iter().take(begun).enumerate().all(|(index, stage)| {
                let own = rows.iter().flatten().filter(|row| row.seed == *seed && row.stage == *stage);
                let epochs: Vec<usize> = own.map(|row| row.epoch).collect();
                let trained = standing.as_ref().filter(|_| index + 1 == begun);
                let least =
                    trained.map_or(1, |s| s.progress.get(member).map_or(0, |progress| progress.epochs as usize));
                epochs.len() >= least && epochs.iter().enumerate().all(|(place, epoch)| place == *epoch)
            })
        };
        Ok(config.train.seeds.iter().enumerate().all(complete))
    }
}
