//! The run folder: one training, with everything needed to understand, evaluate and resume it.
//!
//! | entry | holds |
//! |---|---|
//! | `config.toml` | the resolved configuration, itself a valid `--config` |
//! | `env.json` | version, adapter, system, arguments, start time |
//! | `tiles.json` | the register tiles it computes with, a file for `--tiles` |
//! | `metrics.jsonl` | one line per epoch and member |
//! | `log.jsonl` | what was logged |
//! | `checkpoints/` | `best` and `last`, in safetensors |
//! | `results.json` | [`Results`] |
//! | `DONE` | the training came to its end |
//! | `run.lock` | marks the folder as a run, and is locked by the process that writes to it |

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Results;
use crate::config::{self, Config};
use crate::model::tiles::TileFile;
use crate::secrets::without_secrets;
use crate::{Error, Result, atomic};

const LOCK: &str = "run.lock";
const CONFIG: &str = "config.toml";
const ENVIRONMENT: &str = "env.json";
const TILES: &str = "tiles.json";
const METRICS: &str = "metrics.jsonl";
const LOG: &str = "log.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const RESULTS: &str = "results.json";
const DONE: &str = "DONE";
/// All that a new run in the same place replaces; `run.lock` stays, it is held.
const REPLACED: [&str; 8] = [CONFIG, ENVIRONMENT, TILES, METRICS, LOG, CHECKPOINTS, RESULTS, DONE];

/// An open run folder. One made by [`RunDir::create`] or [`RunDir::resume`] is locked against other writers until it is
/// dropped or its process ends, however it ends.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: Option<File>,
}

impl RunDir {
    /// A new run at `path` with its `config.toml` and `env.json`, locked.
    ///
    /// Paths in the stored configuration are absolute, so that the run can be resumed from any folder. `adapter` is what
    /// `env.json` says about the device. With `force` an earlier run at `path` is replaced; a folder that is not a run
    /// never is, and files in a run folder that are not a run's own are kept.
    ///
    /// # Errors
    /// [`Error::Data`] when `path` is taken or another process writes to it; [`Error::Io`] naming what cannot be written.
    pub fn create(path: &Path, config: &Config, adapter: &Value, force: bool) -> Result<Self> {
        fs::create_dir_all(path).map_err(|e| Error::io("create", path, e))?;
        let occupied = fs::read_dir(path).map_err(|e| Error::io("read", path, e))?.next().is_some();
        let is_run = path.join(LOCK).is_file();
        if occupied && !is_run {
            return Err(Error::data(path, "the folder is not empty and not a run: choose another with --out"));
        }
        if occupied && !force {
            return Err(Error::data(path, "there is a run here: --resume continues it, --force replaces it"));
        }
        let run = Self { path: path.into(), _lock: lock(path, LOCK)? };
        for name in REPLACED {
            remove(&path.join(name))?;
        }
        fs::create_dir(run.entry(CHECKPOINTS)).map_err(|e| Error::io("create", run.entry(CHECKPOINTS), e))?;
        atomic::write_bytes(&run.entry(ENVIRONMENT), pretty(&environment(adapter)).as_bytes())?;
        atomic::write_bytes(&run.entry(CONFIG), config::to_toml(&absolute_paths(config)?)?.as_bytes())?;
        Ok(run)
    }

    /// The run at `path`, locked to be continued.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no run at `path` or another process writes to it.
    pub fn resume(path: &Path) -> Result<Self> {
        let run = Self::open(path)?;
        Ok(Self { _lock: lock(path, LOCK)?, ..run })
    }

    /// The run at `path`, to be read; another process may be writing to it.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no run at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(CONFIG).is_file() {
            return Err(Error::data(path, format!("no run here (a run folder holds a {CONFIG})")));
        }
        Ok(Self { path: path.into(), _lock: None })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration the run was created with.
    ///
    /// # Errors
    /// As [`config::load`].
    pub fn config(&self) -> Result<Config> {
        config::load(&[self.entry(CONFIG)], &[])
    }

    /// `config.toml`, the resolved configuration.
    pub fn config_path(&self) -> PathBuf {
        self.entry(CONFIG)
    }

    /// `tiles.json`.
    pub fn tiles_path(&self) -> PathBuf {
        self.entry(TILES)
    }

    /// Writes `tiles.json`, unless the run has one from its beginning.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn keep_tiles(&self, tiles: &TileFile) -> Result<()> {
        let path = self.tiles_path();
        if path.is_file() { Ok(()) } else { tiles.write(&path) }
    }

    /// Where the checkpoint called `name` ("best", "last") is or will be.
    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.entry(CHECKPOINTS).join(format!("{name}.safetensors"))
    }

    /// `log.jsonl`, opened to append.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn log(&self) -> Result<File> {
        self.append(LOG)
    }

    /// Appends one JSON line per row to `metrics.jsonl`. A row is an object with the fields `stage` and `epoch`, counted
    /// from 0.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn append_metrics(&self, rows: &[impl Serialize]) -> Result<()> {
        let mut lines = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut lines, row).map_err(|e| Error::io("write", self.entry(METRICS), e.into()))?;
            lines.push(b'\n');
        }
        // One call for all lines: a crash can only tear the last one, which `truncate_metrics` drops.
        self.append(METRICS)?.write_all(&lines).map_err(|e| Error::io("write", self.entry(METRICS), e))
    }

    /// Drops the rows whose stage and epoch `keep` refuses, those a resumed run computes again, and a torn last line.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn truncate_metrics(&self, keep: impl Fn(&str, u64) -> bool) -> Result<()> {
        let path = self.entry(METRICS);
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
        let path = self.entry(METRICS);
        let text = fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let row =
            |(i, line)| serde_json::from_str(line).map_err(|e| Error::data(&path, format!("line {}: {e}", i + 1)));
        text.lines().enumerate().map(row).collect()
    }

    /// Writes `results.json`.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn write_results(&self, results: &Results) -> Result<()> {
        let value = serde_json::to_value(results).map_err(|e| Error::io("write", self.entry(RESULTS), e.into()))?;
        atomic::write_bytes(&self.entry(RESULTS), pretty(&value).as_bytes())
    }

    /// Reads `results.json`.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::Data`] for one that does not hold results.
    pub fn results(&self) -> Result<Results> {
        let path = self.entry(RESULTS);
        let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        serde_json::from_slice(&bytes).map_err(|e| Error::data(&path, e.to_string()))
    }

    /// Marks the training as come to its end.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn finish(&self) -> Result<()> {
        atomic::write_bytes(&self.entry(DONE), b"")
    }

    /// Whether the training came to its end.
    pub fn is_finished(&self) -> bool {
        self.entry(DONE).is_file()
    }

    fn entry(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn append(&self, name: &str) -> Result<File> {
        let path = self.entry(name);
        OpenOptions::new().append(true).create(true).open(&path).map_err(|e| Error::io("open", path, e))
    }
}

/// The held lock `name` of a folder, or `None` on a file system without locks.
///
/// # Errors
/// [`Error::Data`] when another process holds it; [`Error::Io`].
pub(crate) fn lock(folder: &Path, name: &str) -> Result<Option<File>> {
    let path = folder.join(name);
    let file = OpenOptions::new().append(true).create(true).open(&path).map_err(|e| Error::io("create", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::data(folder, "another process is training into this folder")),
        Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {
            tracing::warn!("{}: this file system has no locks: keep other processes out", folder.display());
            Ok(None)
        }
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path, e)),
    }
}

fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(entry) if entry.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    };
    removed.map_err(|e| Error::io("remove", path, e))
}

/// `config` with paths that mean the same from any folder.
pub(crate) fn absolute_paths(config: &Config) -> Result<Config> {
    let mut config = config.clone();
    let data = &mut config.data;
    for path in [&mut data.dataset, &mut data.soundbank, &mut data.cooccurrence].into_iter().flatten() {
        *path = std::path::absolute(&*path).map_err(|e| Error::io("find", &*path, e))?;
    }
    Ok(config)
}

fn environment(adapter: &Value) -> Value {
    let arguments: Vec<_> = std::env::args_os().map(|a| without_secrets(&a.to_string_lossy())).collect();
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "adapter": adapter,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "threads": rayon::current_num_threads(),
        "arguments": arguments,
        "started_unix_s": started,
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
