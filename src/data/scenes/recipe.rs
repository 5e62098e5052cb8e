//! `dataset.toml`: the recipe of a generated dataset, from which every clip can be mixed again.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cooccurrence::Cooccurrence;
use super::soundbank::Soundbank;
use crate::base::regular_file;
use crate::config::{Config, DataConfig, SceneConfig, TableConfig, validate};
use crate::data::clips::{absolute, text};
use crate::{Error, Result};

/// Name of the file in a dataset folder.
pub const FILE: &str = "dataset.toml";

/// Version of the clips; increased whenever the same recipe gives other clips.
const CLIPS: u32 = 1;

/// Version of the file format. Format 1 identified the soundbank by the names and sizes of its files, format 2 by their
/// contents.
const FORMAT: u32 = 2;

/// Everything that clips depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    format: u32,
    /// Whether the clips exist as files.
    pub wav: bool,
    /// [`Soundbank::fingerprint`] of the soundbank that the clips were mixed from; always set in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soundbank_fingerprint: Option<String>,
    /// Counts, variant and seed, and the paths of the soundbank and the co-occurrence file.
    pub data: DataConfig,
    /// Parameters of mixing.
    pub scene: SceneConfig,
    /// Content of the co-occurrence file, which is not read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooccurrence: Option<Cooccurrence>,
}

impl Recipe {
    /// Makes the recipe of clips drawn from `soundbank`.
    ///
    /// # Errors
    /// The errors of [`Cooccurrence::read`] about `data.cooccurrence`.
    pub fn new(soundbank: &Soundbank, data: &DataConfig, scene: &SceneConfig, wav: bool) -> Result<Self> {
        let root = soundbank.root().map(Path::to_path_buf);
        let file = data.cooccurrence.as_deref().map(absolute).transpose()?;
        Ok(Self {
            format: FORMAT,
            wav,
            soundbank_fingerprint: None,
            cooccurrence: file.as_deref().map(Cooccurrence::read).transpose()?,
            data: DataConfig {
                dataset: None,
                soundbank: root,
                cooccurrence: file,
                fold: None,
                table: TableConfig::default(),
                ..data.clone()
            },
            scene: scene.clone(),
        })
    }

    /// Returns, as text, everything that samples depend on besides the soundbank, including the sampling rate of their
    /// use.
    pub fn essence(&self, rate: u32) -> String {
        let data = DataConfig { dataset: None, soundbank: None, cooccurrence: None, ..self.data.clone() };
        serde_json::json!([CLIPS, data, self.scene, self.cooccurrence, rate]).to_string()
    }

    /// Reads the recipe of the dataset in `folder`; `None` if there is no such file.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Data`] if it is damaged, has another format, or holds a value
    /// out of range.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let bytes = match regular_file::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("read", path, source)),
        };
        let damaged = |error: toml::de::Error| Error::data(&path, error.to_string().trim_end());
        let text = text(&path, &bytes)?;
        let table: toml::Table = toml::from_str(text).map_err(damaged)?;
        let format = table.get("format").and_then(toml::Value::as_integer);
        // Clips that exist as files need no soundbank, so format 1 is accepted for them.
        let wav = table.get("wav").and_then(toml::Value::as_bool) == Some(true);
        if format != Some(i64::from(FORMAT)) && !(format == Some(1) && wav) {
            let found = format.map_or("no format number".to_owned(), |format| format!("format {format}"));
            return Err(Error::data(&path, format!("has {found}, this version reads {FORMAT}: generate it anew")));
        }
        let recipe: Self = toml::from_str(text).map_err(damaged)?;
        let config = Config { data: recipe.data.clone(), scene: recipe.scene.clone(), ..Config::default() };
        validate(&config).map_err(|error| Error::data(&path, error.to_string()))?;
        Ok(Some(recipe))
    }

    /// Writes the recipe of the dataset in `folder`, which was mixed from `soundbank`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written or a sound cannot be read; [`Error::Config`] if a value does not fit into
    /// TOML.
    pub fn write(&self, folder: &Path, soundbank: &Soundbank) -> Result<()> {
        let path = folder.join(FILE);
        let whole = Self { soundbank_fingerprint: Some(soundbank.fingerprint()?), ..self.clone() };
        let text = toml::to_string(&whole).map_err(|error| Error::config(FILE, error.to_string()))?;
        let written = std::fs::write(&path, text).and_then(|()| std::fs::File::open(&path)?.sync_all());
        written.map_err(|source| Error::io("write", path, source))
    }

    /// Opens the soundbank of the dataset in `folder`: at its recorded path, or at `moved_to` if that path is gone.
    ///
    /// # Errors
    /// [`Error::Data`] if the soundbank is missing or its files differ from those that the dataset was generated from;
    /// the errors of [`Soundbank::scan`].
    pub fn soundbank(&self, folder: &Path, moved_to: Option<&Path>) -> Result<Soundbank> {
        let bank = match (&self.data.soundbank, moved_to) {
            (None, _) => Soundbank::builtin(),
            (Some(root), None) if !root.is_dir() => {
                let reason = format!("its soundbank {} is gone: say where it is now with --soundbank", root.display());
                return Err(Error::data(folder, reason));
            }
            (Some(root), Some(moved_to)) if !root.is_dir() => Soundbank::scan(moved_to, &self.scene)?,
            (Some(root), _) => Soundbank::scan(root, &self.scene)?,
        };
        if Some(bank.fingerprint()?) == self.soundbank_fingerprint {
            return Ok(bank);
        }
        let reason = bank.root().map_or_else(
            || "was generated from another version of the built-in soundbank: generate it anew".to_owned(),
            |root| {
                let root = root.display();
                format!("the files of its soundbank {root} have changed since it was generated: generate it anew")
            },
        );
        Err(Error::data(folder, reason))
    }
}
