//! `weaklabel cache`.

use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::output::{print, print_json};
use super::{Session, tiles};
use crate::Result;
use crate::data::features::{CachedFeatures, FeatureCache};
use crate::output::Table;

const EXAMPLES: &str = "\
Examples:
  weaklabel cache
  weaklabel cache --clear
  weaklabel cache --json

A training keeps the features of its clips here when computing them took more than five seconds, or when they are too
many for the GPU. The next training on the same data starts without decoding anything. Nothing is removed without being
asked. WEAKLABEL_CACHE names another folder, and --set train.cache=off switches this off.";

/// `weaklabel cache`: list the features that are kept for later trainings, or remove them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CacheCommand {
    /// Remove all features that are kept
    #[arg(long)]
    pub clear: bool,
}

impl CacheCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] when there is no folder for caches; [`crate::Error::Io`].
    pub fn run(self, session: &Session) -> Result<()> {
        let folder = tiles::cache_folder()?;
        let cache = FeatureCache::within(&folder);
        if self.clear {
            let (files, bytes) = cache.clear()?;
            if session.options.json {
                return print_json(&json!({"folder": folder, "removed": files, "bytes": bytes}));
            }
            return print(&format!("removed {files} files of features, {} MiB\n", bytes >> 20));
        }
        let files = cache.files()?;
        if session.options.json {
            let file = |file: &CachedFeatures| json!({"path": file.path, "bytes": file.bytes, "used_s_ago": age_s(file), "key": file.key});
            let files: Vec<Value> = files.iter().map(file).collect();
            return print_json(&json!({"folder": folder, "features": files}));
        }
        let total: u64 = files.iter().map(|file| file.bytes).sum();
        let mut text = String::new();
        if !files.is_empty() {
            let mut table = Table::new(["features of", "MiB", "last used", "file"].map(String::from).to_vec());
            for file in &files {
                let used = age_s(file).map_or("–".into(), |seconds| match seconds / 3600 {
                    0 => "within the last hour".into(),
                    hours @ 1..48 => format!("{hours} h ago"),
                    hours => format!("{} days ago", hours / 24),
                });
                let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                table.push(vec![what(file), format!("{:.1}", file.bytes as f64 / f64::from(1 << 20)), used, name]);
            }
            text = format!("{table}\n");
        }
        let place = folder.display();
        print(&format!("{text}{} files of features, {} MiB, in {place}\n", files.len(), total >> 20))
    }
}

/// Returns the number of seconds since the last use of `file`.
fn age_s(file: &CachedFeatures) -> Option<u64> {
    Some(SystemTime::now().duration_since(file.used?).unwrap_or_default().as_secs())
}

/// Describes the features of `file`.
fn what(file: &CachedFeatures) -> String {
    let Some(segments) = file.key.as_ref().map(|key| &key["segments"]) else { return "damaged".into() };
    let subset = segments["subset"].as_str().unwrap_or("?");
    format!("{} {subset} segments of {} s", segments["clips"], segments["seconds"])
}
