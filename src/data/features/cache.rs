//! The folder in which features are kept for later trainings: one file for each subset and setting.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::LOG_MEL;
use super::feature_file::key_of;
use crate::base::atomic;
use crate::base::checksum::sha256;
use crate::config::FeatureConfig;
use crate::gpu::Gpu;
use crate::{Error, Result};

/// Folder for caches of this process; none before [`keep_features_in`] is called.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Number that is raised when decoding, mixing or the kernels of features change what they compute.
const DEFINITION: u32 = 1;

/// Ending of the names of the files.
const ENDING: &str = "mel";

/// The remedy in messages about a full disk.
pub const WHERE_TO_KEEP: &str = "free space there, or name another folder with WEAKLABEL_CACHE";

/// Keeps features in `folder`, for the rest of the process. Only the first call has an effect.
pub fn keep_features_in(folder: &Path) {
    FOLDER.get_or_init(|| folder.into());
}

/// A folder of features, or none.
#[derive(Debug, Clone)]
pub struct FeatureCache {
    folder: Option<PathBuf>,
}

/// A file of features in the folder.
#[derive(Debug, Clone)]
pub struct CachedFeatures {
    /// Path of the file.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last use.
    pub used: Option<SystemTime>,
    /// Data and settings that the features depend on; `None` if the file is damaged.
    pub key: Option<Value>,
}

impl FeatureCache {
    /// Returns the cache of the process ([`keep_features_in`]).
    pub fn of_process() -> Self {
        Self { folder: FOLDER.get().map(|folder| within(folder)) }
    }

    /// Returns the cache within the folder for caches `folder`.
    pub fn within(folder: &Path) -> Self {
        Self { folder: Some(within(folder)) }
    }

    /// Returns a cache that keeps nothing.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// Returns the path of the file for `key`; `None` without a folder.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        let hash = sha256(&[key.as_bytes()]);
        Some(self.folder.as_ref()?.join(format!("{}.{ENDING}", &hash[..24])))
    }

    /// Makes the folder, and removes what killed processes left half written in it.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder.
    pub fn prepare(&self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        atomic::remove_leftovers(folder).map(|_| ())
    }

    /// Returns the files in the folder, the one that was used last first.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder.
    pub fn files(&self) -> Result<Vec<CachedFeatures>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let list = |e| Error::io("list", folder, e);
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(list)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(list)?.path();
            let Ok(file) = fs::metadata(&path) else { continue };
            if file.is_file() && path.extension().is_some_and(|ending| ending == ENDING) {
                let key = key_of(&path).ok().and_then(|key| serde_json::from_str(&key).ok());
                found.push(CachedFeatures { bytes: file.len(), used: file.modified().ok(), key, path });
            }
        }
        found.sort_by_key(|file| std::cmp::Reverse((file.used, file.path.clone())));
        Ok(found)
    }

    /// Removes all files of features and returns their number and size. A training that reads one goes on with it,
    /// except on Windows, where the file stays.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be removed.
    pub fn clear(&self) -> Result<(usize, u64)> {
        let files = self.files()?;
        for file in &files {
            fs::remove_file(&file.path).map_err(|e| Error::io("remove", &file.path, e))?;
        }
        if let Some(folder) = &self.folder {
            atomic::remove_leftovers(folder)?;
        }
        Ok((files.len(), files.iter().map(|file| file.bytes).sum()))
    }
}

fn within(folder: &Path) -> PathBuf {
    folder.join("features")
}

/// Returns the key of the features that `gpu` computes: a JSON text with the definition of log-mel, the adapter, whose
/// rounding they have, the keys of `config` but `features.epsilon`, which standardisation alone uses, and `facts` about
/// the segments.
pub fn feature_key(gpu: &Gpu, config: &FeatureConfig, facts: &Value) -> String {
    let adapter = gpu.adapter();
    let mut features = json!(config);
    if let Some(fields) = features.as_object_mut() {
        fields.remove("epsilon");
    }
    let log_mel: serde_json::Map<String, Value> = LOG_MEL.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let key = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "definition": DEFINITION,
        "log_mel": log_mel,
        "adapter": format!("{} {} {}", adapter.name, adapter.backend, adapter.driver),
        "features": features,
        "segments": facts,
    });
    key.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::features::{FeatureFile, FeatureShape};

    #[test]
    fn files_are_listed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::within(folder.path());
        assert!(cache.files().unwrap().is_empty() && FeatureCache::none().path("a").is_none());
        cache.prepare().unwrap();
        let gpu = Gpu::noop();
        let config = FeatureConfig::default();
        let key = feature_key(&gpu, &config, &json!({"subset": "train"}));
        let path = cache.path(&key).unwrap();
        let shape = FeatureShape { examples: 0, frames: 1, bands: 1 };
        FeatureFile::write(&path, &key, shape, |_| Ok(())).unwrap();
        fs::write(path.with_file_name("damaged.mel"), "x").unwrap();
        fs::write(path.with_file_name("notes.txt"), "x").unwrap();
        let files = cache.files().unwrap();
        assert_eq!(files.len(), 2);
        let known = files.iter().find(|file| file.path == path).unwrap();
        assert_eq!(known.key.as_ref().unwrap()["segments"]["subset"], "train");
        assert_eq!(cache.clear().unwrap().0, 2);
        assert!(path.with_file_name("notes.txt").exists() && cache.files().unwrap().is_empty());
    }

    #[test]
    fn the_key_depends_on_settings_and_facts() {
        let gpu = Gpu::noop();
        let key = |change: &dyn Fn(&mut FeatureConfig), facts: Value| {
            let mut config = FeatureConfig::default();
            change(&mut config);
            feature_key(&gpu, &config, &facts)
        };
        let plain = key(&|_| {}, json!(1));
        assert_eq!(key(&|config| config.epsilon = 1e-3, json!(1)), plain);
        assert_ne!(key(&|config| config.log_offset = 0.02, json!(1)), plain);
        assert_ne!(key(&|_| {}, json!(2)), plain);
    }
}
