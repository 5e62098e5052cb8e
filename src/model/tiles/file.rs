//! Tile files: written by `weaklabel tune` and by every run, read with `--tiles`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Choice, Tiles};
use crate::base::{atomic, regular_file};
use crate::gpu::{AdapterDescription, Gpu};
use crate::{Error, Result};

/// Tiles, and the adapter, driver and program version with which they were measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileFile {
    /// Name of the adapter.
    pub adapter: String,
    /// Graphics API.
    pub backend: String,
    /// Driver with its version.
    pub driver: String,
    /// Version of the program.
    pub version: String,
    /// Tiles, one for each kernel and layer.
    pub tiles: Tiles,
    /// All measurements from which the tiles were chosen, for human readers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Value>,
}

impl TileFile {
    /// Makes a file of `tiles` with the adapter of `gpu`.
    pub fn new(gpu: &Gpu, tiles: Tiles) -> Self {
        let AdapterDescription { name, backend, driver, .. } = gpu.adapter().clone();
        let version = env!("CARGO_PKG_VERSION").to_string();
        Self { adapter: name, backend, driver, version, tiles, candidates: Vec::new() }
    }

    /// Whether the tiles were found on this adapter, with this driver, by this version of the program.
    pub fn is_of(&self, gpu: &Gpu) -> bool {
        let AdapterDescription { name, backend, driver, .. } = gpu.adapter();
        (&self.adapter, &self.backend, &self.driver) == (name, backend, driver)
            && self.version == env!("CARGO_PKG_VERSION")
    }

    /// Reads the file at `path` and checks that every tile fits its layer.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Data`] naming the invalid part.
    pub fn read(path: &Path) -> Result<Self> {
        let text = regular_file::read(path).map_err(|e| Error::io("read", path, e))?;
        let file: Self = serde_json::from_slice(&text)
            .map_err(|e| Error::data(path, format!("these are no tiles of `weaklabel tune`: {e}")))?;
        for Choice { layer, tile, .. } in &file.tiles.0 {
            tile.fits(layer).map_err(|reason| {
                let (kernel, layer) = (tile.kernel(), layer.shape(1).layer());
                Error::data(path, format!("the tile of {kernel} {layer} does not fit it: {reason}"))
            })?;
        }
        Ok(file)
    }

    /// Writes the file to `path`.
    ///
    /// # Errors
    /// [`Error::Io`] naming the path, whose previous contents are kept.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::io("write", path, e.into()))?;
        atomic::write_bytes(path, (text + "\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::Architecture;

    #[test]
    fn tiles_come_out_of_their_file_as_they_went_in_and_wrong_ones_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiles.json");
        let gpu = Gpu::noop();
        let config = Config::default();
        let architecture = Architecture::new(&config.model, &config.features, 10);
        let file = TileFile::new(&gpu, Tiles::default().in_use(gpu.class(), &architecture, 10));
        file.write(&path).unwrap();
        assert_eq!(TileFile::read(&path).unwrap(), file);
        assert!(file.is_of(&gpu));
        let text = std::fs::read_to_string(&path).unwrap();
        // Files of earlier versions call the splits of the weight gradient slices, and the vectors of channels units.
        for (name, earlier) in [("\"splits\"", "\"slices\""), ("\"channel_vectors\"", "\"units\"")] {
            assert!(text.contains(name), "{text}");
            std::fs::write(&path, text.replace(name, earlier)).unwrap();
            assert_eq!(TileFile::read(&path).unwrap(), file);
        }
        for (from, to, part) in [
            ("\"channel_vectors\": ", "\"channel_vectors\": 9", "does not fit it"),
            ("\"workgroup\": ", "\"workgroup\": 99", "workgroups of 99"),
            ("\"layer\"", "\"leyar\"", "no tiles of `weaklabel tune`"),
        ] {
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let error = TileFile::read(&path).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("tiles.json"), "{error}");
        }
    }
}
