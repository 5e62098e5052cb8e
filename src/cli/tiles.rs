//! Sources of the register tiles of a command: `--tiles`, a run or study that is continued, or the cache of
//! `weaklabel tune`.

use std::path::{Path, PathBuf};

use crate::base::checksum::sha256;
use crate::base::environment;
use crate::base::printable::counted;
use crate::gpu::Gpu;
use crate::model::tiles::{TileFile, Tiles};
use crate::{Error, Result};

/// The value of `--tiles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TilesFrom {
    /// The tiles that the program has for the device's class, whatever was measured.
    Shipped,
    /// The tiles of a file.
    File(PathBuf),
}

impl std::str::FromStr for TilesFrom {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(if text == "shipped" { Self::Shipped } else { Self::File(text.into()) })
    }
}

/// Returns the tiles for `gpu`: those that `from` names, or else those in the cache, or none.
///
/// # Errors
/// The errors of [`TileFile::read`] for a file that is named. A damaged cache is only logged: `weaklabel tune` can
/// write it again.
pub fn choose(gpu: &Gpu, from: Option<&TilesFrom>) -> Result<Tiles> {
    let file = match from {
        Some(TilesFrom::Shipped) => None,
        Some(TilesFrom::File(path)) => Some(TileFile::read(path)?),
        None => cached(gpu),
    };
    Ok(file.map(announced).unwrap_or_default())
}

/// Returns the tiles in the file of a run or study, with which it continues to the same bits.
///
/// # Errors
/// The errors of [`TileFile::read`].
pub fn read(path: &Path) -> Result<Tiles> {
    TileFile::read(path).map(announced)
}

/// Logs the number of tiles in `file` and returns them.
fn announced(file: TileFile) -> Tiles {
    // A run keeps an empty list where nothing was tuned.
    if !file.tiles.0.is_empty() {
        tracing::info!("{} found on {}", counted(file.tiles.0.len(), "tile"), file.adapter);
    }
    file.tiles
}

fn cached(gpu: &Gpu) -> Option<TileFile> {
    let path = cache_path(gpu).ok().filter(|path| path.is_file())?;
    match TileFile::read(&path) {
        Ok(file) if file.is_of(gpu) => Some(file),
        Ok(_) => {
            tracing::warn!(
                "{}: tiles of another version of the program, the shipped ones are used: `weaklabel tune` finds new ones",
                path.display()
            );
            None
        }
        Err(error) => {
            tracing::warn!("{error}; the shipped tiles are used: `weaklabel tune` writes a new file");
            None
        }
    }
}

/// The folder of `WEAKLABEL_CACHE`, or the system's folder for caches.
///
/// # Errors
/// [`Error::Usage`] when there is no such folder.
pub fn cache_folder() -> Result<PathBuf> {
    let named = environment::variable("WEAKLABEL_CACHE").map(PathBuf::from);
    let missing = "this system names no folder for caches: set WEAKLABEL_CACHE";
    named.or_else(|| Some(dirs::cache_dir()?.join("weaklabel"))).ok_or_else(|| Error::Usage(missing.into()))
}

/// The file in the cache for the adapter of `gpu` and its driver.
///
/// # Errors
/// [`Error::Usage`] when there is no such folder.
pub fn cache_path(gpu: &Gpu) -> Result<PathBuf> {
    let folder = cache_folder()?;
    let adapter = gpu.adapter();
    let hash = sha256(&[format!("{}\n{}\n{}", adapter.name, adapter.backend, adapter.driver).as_bytes()]);
    let readable = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = adapter.name.chars().map(readable).collect();
    let words = words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    Ok(folder.join("tiles").join(format!("{words}-{}.json", &hash[..8])))
}
