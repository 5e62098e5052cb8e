//! The folder of a study: its configuration, a run for each cell, and the data of the report.
//!
//! | entry | holds |
//! |---|---|
//! | `study.toml` | the resolved configuration, itself a valid `--config` |
//! | `tiles.json` | the register tiles that the study was started with |
//! | `cells/<dataset>-<method>-<length>/` | the run of a cell, and `cell.json` once it has been evaluated |
//! | `events.json` | durations of the training events of each class |
//! | `report.html`, `tables/`, `figures/` | the report |
//! | `log.jsonl` | the log |
//! | `study.lock` | the lock of the process that works on the study |

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Cell;
use crate::base::{atomic, checksum, regular_file};
use crate::config::{self, Config, Variant};
use crate::data::scenes::Contents;
use crate::experiments::study::CellResult;
use crate::model::tiles::TileFile;
use crate::output::{absolute_paths, lock};
use crate::{Error, Result};

const CONFIG: &str = "study.toml";
const TILES: &str = "tiles.json";
const CELLS: &str = "cells";
const RESULT: &str = "cell.json";
const EVENTS: &str = "events.json";
const LOCK: &str = "study.lock";
const LOG: &str = "log.jsonl";

/// The events of the training clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Variant of the dataset.
    pub variant: Variant,
    /// Class names.
    pub classes: Vec<String>,
    /// Number of clips for training, validation and evaluation.
    pub clips: [usize; 3],
    /// Durations in seconds, `[class][event]`.
    pub durations: Vec<Vec<f64>>,
}

/// An open study folder, locked against other processes.
#[derive(Debug)]
pub struct StudyDir {
    path: PathBuf,
    _lock: Option<File>,
}

impl StudyDir {
    /// Opens the study of `config` at `path`, which is new or will be resumed.
    ///
    /// # Errors
    /// [`Error::Data`] if the folder holds something else or a study with another configuration, or if another process
    /// works on it; [`Error::Io`].
    pub fn open(path: &Path, config: &Config) -> Result<Self> {
        let own = path.join(CONFIG);
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries.flatten().map(|entry| entry.file_name()).collect(),
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::io("read", path, e)),
        };
        // A process that was killed at its start may leave these entries without a configuration.
        let own_entry = |name: &OsString| name == CELLS || name == LOCK || atomic::is_leftover(name);
        let foreign = !entries.iter().all(own_entry);
        if foreign && !own.is_file() {
            return Err(Error::data(path, "the folder is not empty and not a study: choose another with --out"));
        }
        fs::create_dir_all(path.join(CELLS)).map_err(|e| Error::io("create", path, e))?;
        let lock = lock(path, LOCK)?;
        atomic::remove_leftovers(path)?;
        remove_leftovers_below(&path.join(CELLS))?;
        let config = absolute_paths(config)?;
        if own.is_file() {
            let found = config::read_config(std::slice::from_ref(&own), &[])?;
            if found != config {
                let reason = "this study has another configuration: repeat the command it was started with, or choose another folder with --out";
                return Err(Error::data(&own, reason));
            }
        } else {
            atomic::write_bytes(&own, config::to_toml(&config)?.as_bytes())?;
        }
        Ok(Self { path: path.into(), _lock: lock })
    }

    /// Opens the study at `path` for reading, and returns it with its configuration.
    ///
    /// # Errors
    /// [`Error::Data`] if there is no study.
    pub fn read(path: &Path) -> Result<(Self, Config)> {
        let own = path.join(CONFIG);
        if !own.is_file() {
            return Err(Error::data(path, format!("no study here (a study folder holds a {CONFIG})")));
        }
        Ok((Self { path: path.into(), _lock: None }, config::read_config(&[own], &[])?))
    }

    /// Whether there is a study at `path`.
    pub fn is_study(path: &Path) -> bool {
        path.join(CONFIG).is_file()
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of `tiles.json` of the study at `path`.
    pub fn tiles_path(path: &Path) -> PathBuf {
        path.join(TILES)
    }

    /// Writes `tiles.json` of the study at `path`, unless the file exists since the study's start.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn keep_tiles(path: &Path, tiles: &TileFile) -> Result<()> {
        let path = Self::tiles_path(path);
        if path.is_file() { Ok(()) } else { tiles.write(&path) }
    }

    /// Returns the run folder of `cell`.
    pub fn cell(&self, cell: &Cell) -> PathBuf {
        self.path.join(CELLS).join(cell.to_string())
    }

    /// Reads the result of `cell`; `None` if the cell has not been evaluated.
    ///
    /// # Errors
    /// [`Error::Data`] if the file does not hold a result; [`Error::Io`].
    pub fn result(&self, cell: &Cell) -> Result<Option<CellResult>> {
        let path = self.cell(cell).join(RESULT);
        if !path.is_file() {
            return Ok(None);
        }
        let result: CellResult = read(&path)?;
        match result.is_whole() {
            true => Ok(Some(result)),
            false => Err(Error::data(&path, "it lacks values: remove it to have it made again")),
        }
    }

    /// Checks that the finished ones among `cells` with dataset `variant` were made with data of this fingerprint.
    ///
    /// # Errors
    /// [`Error::Data`] naming a cell that was made with other data; the errors of [`StudyDir::result`].
    pub fn check_data(&self, cells: &[Cell], variant: Variant, fingerprint: &str) -> Result<()> {
        for cell in cells.iter().filter(|cell| cell.variant == variant) {
            if let Some(other) = self.result(cell)?.filter(|result| result.data != fingerprint) {
                let reason = match Contents::made(&other.data) {
                    true => "was made with other data than there are now: restore them, or start another study",
                    false => {
                        "was made by an earlier version, which knew data by the names and sizes of their files: go on with \
                         that version, or start another study"
                    }
                };
                return Err(Error::data(self.cell(cell), reason));
            }
        }
        Ok(())
    }

    /// Writes the result of `cell`, which marks the cell as finished.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file or the folder.
    pub fn write_result(&self, cell: &Cell, result: &CellResult) -> Result<()> {
        // The folder does not exist yet if other machines trained the cell.
        let folder = self.cell(cell);
        fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
        write(&folder.join(RESULT), result)
    }

    /// Reads the events of the training clips; `None` before the first cell has started.
    ///
    /// # Errors
    /// [`Error::Data`] if the file does not hold events; [`Error::Io`].
    pub fn events(&self) -> Result<Option<Events>> {
        let path = self.path.join(EVENTS);
        if path.is_file() { read(&path).map(Some) } else { Ok(None) }
    }

    /// Writes the events of the training clips. Whole events are preferred to those cropped to 200 ms.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; [`Error::Data`] if the existing file does not hold events.
    pub fn keep_events(&self, events: &Events) -> Result<()> {
        match self.events()? {
            Some(kept) if kept.variant == Variant::Waa || events.variant != Variant::Waa => Ok(()),
            _ => write(&self.path.join(EVENTS), events),
        }
    }

    /// Opens `log.jsonl` of the study at `path` to append to it.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn log(path: &Path) -> Result<File> {
        let path = path.join(LOG);
        OpenOptions::new().append(true).create(true).open(&path).map_err(|e| Error::io("open", path, e))
    }
}

/// Removes partly written files of killed processes in the folders below `folder`.
fn remove_leftovers_below(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            atomic::remove_leftovers(&entry.path())?;
            remove_leftovers_below(&entry.path())?;
        }
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = regular_file::read(path).map_err(|e| Error::io("read", path, e))?;
    let again = "remove it to have it made again";
    if !checksum::is_right(&bytes) {
        let reason = format!("is damaged: its contents do not match its checksum: {again}");
        return Err(Error::data(path, reason));
    }
    serde_json::from_slice(&bytes).map_err(|e| Error::data(path, format!("{e}: {again}")))
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = checksum::to_json(value).map_err(|e| Error::io("write", path, e.into()))?;
    atomic::write_bytes(path, &text)
}
