//! Lists of the files in folders of sounds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// File name extensions of the sounds that can be read.
pub(super) const EXTENSIONS: [&str; 16] = [
    "wav", "flac", "ogg", "mp3", "m4a", "aac", "aif", "aiff", "aifc", "bwf", "caf", "mp2", "mp4", "oga", "rf64", "w64",
];

/// Returns names and paths of the entries of `folder` that are not hidden, sorted by name.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let failed = |source| Error::io("list", folder, source);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with('.') {
            entries.push((name, path));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

/// Returns names and paths of the audio files directly in `folder`, sorted by name.
pub(super) fn audio_files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for (name, path) in entries(folder)? {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        if EXTENSIONS.contains(&extension.as_str()) {
            let found = fs::metadata(&path).map_err(|source| Error::io("read", &path, source))?;
            if found.is_file() {
                files.push((name, path));
            }
        }
    }
    Ok(files)
}

/// Returns the path of an existing file or folder from the root, without links.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|source| Error::io("read", path, source))
}
