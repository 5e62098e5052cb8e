//! The run folder: one training, with all files needed to understand, evaluate and resume it.
//!
//! | entry | holds |
//! |---|---|
//! | `config.toml` | the resolved configuration, itself a valid `--config` |
//! | `env.json` | version, adapter, system, arguments, start time |
//! | `tiles.json` | the register tiles of the kernels, a file for `--tiles` |
//! | `data.json` | names and SHA-256 of the data's files |
//! | `metrics.jsonl` | one line per epoch and member |
//! | `time.json` | seconds trained up to the last checkpoint |
//! | `log.jsonl` | log messages |
//! | `checkpoints/` | `best` and `last`, in safetensors, and `init`, from which the training started |
//! | `results.json` | [`Results`] |
//! | `DONE` | marks a finished training |
//! | `run.lock` | marks the folder as a run, and is locked by the process that writes to it |

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Results;
use crate::base::secrets::without_secrets;
use crate::base::{atomic, regular_file};
use crate::config::{self, Config};
use crate::model::StartingModel;
use crate::model::tiles::TileFile;
use crate::{Error, Result};

const LOCK: &str = "run.lock";
const CONFIG: &str = "config.toml";
const ENVIRONMENT: &str = "env.json";
const TILES: &str = "tiles.json";
const DATA: &str = "data.json";
const METRICS: &str = "metrics.jsonl";
const TIME: &str = "time.json";
const LOG: &str = "log.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const RESULTS: &str = "results.json";
const DONE: &str = "DONE";
/// Name of the checkpoint that is a copy of the model from which the training started.
const INIT: &str = "init";
/// Entries that a new run in the same folder replaces. `run.lock` stays because it is locked.
const REPLACED: [&str; 10] = [CONFIG, ENVIRONMENT, TILES, DATA, METRICS, TIME, LOG, CHECKPOINTS, RESULTS, DONE];
/// Entries that a process can have created when it is killed before `config.toml` is written.
const FIRST: [&str; 3] = [LOCK, CHECKPOINTS, ENVIRONMENT];

/// An open run folder. [`RunDir::create`] and [`RunDir::resume`] lock it against other writers until it is dropped or
/// the process ends in any way.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    lock: Option<File>,
}

impl RunDir {
    /// Creates and locks a new run at `path` with its `config.toml` and `env.json`.
    ///
    /// Paths in the stored configuration are absolute, so that the run can be resumed from any folder. `adapter` is the
    /// description of the device for `env.json`. With `force`, an earlier run at `path` is replaced. A folder that is
    /// not a run is never replaced, and foreign files in a run folder are kept. A folder that holds only the first
    /// files of a run whose process was killed counts as empty.
    ///
    /// # Errors
    /// [`Error::Data`] when `path` is taken or another process writes to it; [`Error::Io`] naming the file that cannot
    /// be written.
    pub fn create(path: &Path, config: &Config, adapter: &Value, force: bool) -> Result<Self> {
        fs::create_dir_all(path).map_err(|e| Error::io("create", path, e))?;
        let occupied = !holds_only(path, &[])?;
        let is_run = path.join(LOCK).is_file();
        if occupied && !is_run {
            return Err(Error::data(path, "the folder is not empty and not a run: choose another with --out"));
        }
        if occupied && !force && !half_made(path)? {
            return Err(Error::data(path, "there is a run here: --resume continues it, --force replaces it"));
        }
        // Before anything is removed: a training may start from the very run that it replaces.
        let init = StartingModel::of(config)?;
        let run = Self::locked(path)?;
        for name in REPLACED {
            remove(&path.join(name))?;
        }
        fs::create_dir(run.entry(CHECKPOINTS)).map_err(|e| Error::io("create", run.entry(CHECKPOINTS), e))?;
        if let Some(model) = init {
            atomic::write_bytes(&run.checkpoint(INIT), &model.bytes)?;
        }
        atomic::write_bytes(&run.entry(ENVIRONMENT), pretty(&environment(adapter)).as_bytes())?;
        run.write_config(&absolute_paths(config)?)?;
        Ok(run)
    }

    /// Opens and locks the run at `path` to continue it.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no run at `path` or another process writes to it.
    pub fn resume(path: &Path) -> Result<Self> {
        Self::open(path)?;
        Self::locked(path)
    }

    /// Locks the run at `path` and removes temporary files that killed processes left.
    fn locked(path: &Path) -> Result<Self> {
        let run = Self { path: path.into(), lock: lock(path, LOCK)? };
        if run.lock.is_some() {
            atomic::remove_leftovers(path)?;
            atomic::remove_leftovers(&run.entry(CHECKPOINTS))?;
        }
        Ok(run)
    }

    /// Opens the run at `path` for reading. Another process may be writing to it.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no run at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let config = path.join(CONFIG);
        // A folder that may not be read is no reason to say that there is no run.
        config.try_exists().map_err(|e| Error::io("read", &config, e))?;
        if !config.is_file() {
            return Err(Error::data(path, format!("no run here (a run folder holds a {CONFIG})")));
        }
        Ok(Self { path: path.into(), lock: None })
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the configuration that the run was created with. A model from which the training started is the run's own
    /// copy of it.
    ///
    /// # Errors
    /// The errors of [`config::read_config`].
    pub fn config(&self) -> Result<Config> {
        let mut config = config::read_config(&[self.entry(CONFIG)], &[])?;
        config.train.init = config.train.init.map(|_| self.checkpoint(INIT));
        Ok(config)
    }

    /// Writes `config.toml`. With data on disk it names every key that a training chooses from the data, so that `-c`
    /// with it chooses nothing anew.
    pub(super) fn write_config(&self, config: &Config) -> Result<()> {
        let text = match config.data.dataset {
            Some(_) => config::to_explicit_toml(config)?,
            None => config::to_toml(config)?,
        };
        atomic::write_bytes(&self.entry(CONFIG), text.as_bytes())
    }

    /// Returns the path of `config.toml`, the resolved configuration.
    pub fn config_path(&self) -> PathBuf {
        self.entry(CONFIG)
    }

    /// Returns the path of `tiles.json`.
    pub fn tiles_path(&self) -> PathBuf {
        self.entry(TILES)
    }

    /// Writes `tiles.json`, unless the run has one already.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn keep_tiles(&self, tiles: &TileFile) -> Result<()> {
        let path = self.tiles_path();
        if path.is_file() { Ok(()) } else { tiles.write(&path) }
    }

    /// Returns the path of the checkpoint called `name` ("best", "last"), which need not exist.
    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.entry(CHECKPOINTS).join(format!("{name}.safetensors"))
    }

    /// Opens `log.jsonl` to append to it.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn log(&self) -> Result<File> {
        self.append(&self.entry(LOG))
    }

    pub(super) fn metrics_path(&self) -> PathBuf {
        self.entry(METRICS)
    }

    pub(super) fn data_path(&self) -> PathBuf {
        self.entry(DATA)
    }

    pub(super) fn time_path(&self) -> PathBuf {
        self.entry(TIME)
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
        let bytes = regular_file::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let results: Results = serde_json::from_slice(&bytes).map_err(|e| Error::data(&path, e.to_string()))?;
        results.check().map_err(|reason| Error::data(&path, reason))?;
        Ok(results)
    }

    /// Marks the training as finished, after its metrics are synced to the disk.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn finish(&self) -> Result<()> {
        self.sync_metrics()?;
        atomic::write_bytes(&self.entry(DONE), b"")
    }

    /// Removes the mark of a finished training, and the scores of its models.
    pub(super) fn unfinish(&self) -> Result<()> {
        remove(&self.entry(RESULTS))?;
        remove(&self.entry(DONE))
    }

    /// Whether the training is finished.
    pub fn is_finished(&self) -> bool {
        self.entry(DONE).is_file()
    }

    fn entry(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn append(&self, path: &Path) -> Result<File> {
        OpenOptions::new().append(true).create(true).open(path).map_err(|e| Error::io("open", path, e))
    }
}

/// Whether the run at `path` was left by a process that was killed while it created the folder.
fn half_made(path: &Path) -> Result<bool> {
    let checkpoints = path.join(CHECKPOINTS);
    Ok(holds_only(path, &FIRST)? && (!checkpoints.is_dir() || holds_only(&checkpoints, &["init.safetensors"])?))
}

/// Whether `folder` holds nothing but entries of these names and temporary files of killed processes.
fn holds_only(folder: &Path, names: &[&str]) -> Result<bool> {
    let list = |e| Error::io("list", folder, e);
    for entry in fs::read_dir(folder).map_err(list)? {
        let name = entry.map_err(list)?.file_name();
        if !atomic::is_leftover(&name) && names.iter().all(|known| name != *known) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Locks the file `name` in a folder. Returns `None` on a file system without locks.
///
/// # Errors
/// [`Error::Data`] when another process holds the lock; [`Error::Io`].
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

/// Returns `config` with absolute paths.
pub(crate) fn absolute_paths(config: &Config) -> Result<Config> {
    let mut config = config.clone();
    let data = &mut config.data;
    let paths = [&mut data.dataset, &mut data.soundbank, &mut data.cooccurrence, &mut config.train.init];
    for path in paths.into_iter().flatten() {
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
