//! Embedding files: NumPy's `.npy`, safetensors, or a tab-separated table.

use std::io::{self, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView, serialize};
use serde::Serialize;

use super::tsv;
use crate::base::atomic;
use crate::{Error, Result};

/// A file format for embeddings. The ending of the file name chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingFormat {
    /// A single array `[row, dimension]` of little-endian f32 in C order, format version 1.0.
    Npy,
    /// The tensor `embeddings`, `[row, dimension]`. The metadata entry `rows` holds the source of every row as JSON.
    Safetensors,
    /// A table with a header and the columns `filename`, `onset`, `offset` and one for each dimension.
    Tsv,
}

/// The source of a row: the sound that its embedding was computed from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddingRow {
    /// Name of the sound file.
    pub file: String,
    /// Part of the file. `None` when the file could not be used; the row is NaN then.
    #[serde(flatten)]
    pub bounds: Option<Bounds>,
}

/// A part of a sound file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// Start of the part, in seconds.
    pub onset: f64,
    /// End of the part, in seconds.
    pub offset: f64,
}

/// Embeddings with their sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// Number of values per row.
    pub dimensions: usize,
    /// Source of each row.
    pub rows: Vec<EmbeddingRow>,
    /// Values, `[row · dimension]`.
    pub values: Vec<f32>,
}

impl EmbeddingFormat {
    /// Returns the format that the ending of `path` chooses, `None` for an unknown ending.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "npy" => Some(Self::Npy),
            "safetensors" => Some(Self::Safetensors),
            "tsv" => Some(Self::Tsv),
            _ => None,
        }
    }
}

impl Embeddings {
    /// Makes an empty set of embeddings of `dimensions` values each.
    pub fn new(dimensions: usize) -> Self {
        Self { dimensions, rows: Vec::new(), values: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: EmbeddingRow, values: &[f32]) {
        assert_eq!(values.len(), self.dimensions, "values of a row");
        self.rows.push(row);
        self.values.extend_from_slice(values);
    }

    /// Writes all rows to `path`. The file is replaced in one step, so that no reader finds a part of it.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn write(&self, path: &Path, format: EmbeddingFormat) -> Result<()> {
        match format {
            EmbeddingFormat::Npy => atomic::write(path, |file| self.write_npy(file)),
            EmbeddingFormat::Safetensors => atomic::write_bytes(path, &self.to_safetensors(path)?),
            EmbeddingFormat::Tsv => atomic::write(path, |file| self.write_tsv(file, true)),
        }
    }

    fn write_npy(&self, file: &mut dyn Write) -> io::Result<()> {
        let shape = format!("({}, {})", self.rows.len(), self.dimensions);
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        // Magic, version, length, header and line feed together fill a multiple of 64 bytes.
        let width = (10 + header.len() + 1).next_multiple_of(64) - 11;
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(width as u16 + 1).to_le_bytes())?;
        writeln!(file, "{header:width$}")?;
        self.values.iter().try_for_each(|x| file.write_all(&x.to_le_bytes()))
    }

    fn to_safetensors(&self, path: &Path) -> Result<Vec<u8>> {
        let bad = |e: safetensors::SafeTensorError| Error::data(path, format!("cannot be put together: {e}"));
        let shape = vec![self.rows.len(), self.dimensions];
        let view = TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(&self.values)).map_err(bad)?;
        let rows = serde_json::to_string(&self.rows).map_err(|e| Error::io("write", path, e.into()))?;
        serialize([("embeddings", view)], Some([("rows".to_string(), rows)].into())).map_err(bad)
    }

    /// Writes the rows as a table, with a header line if `header` is set. A row of a file that could not be used has
    /// blank bounds and NaN values.
    ///
    /// # Errors
    /// The errors of writing to `out`.
    pub fn write_tsv(&self, out: &mut dyn Write, header: bool) -> io::Result<()> {
        if header {
            let names = ["filename", "onset", "offset"].map(String::from).into_iter();
            let names = names.chain((0..self.dimensions).map(|dimension| format!("e{dimension}")));
            out.write_all(tsv::row(names).as_bytes())?;
        }
        for (row, values) in self.rows.iter().zip(self.values.chunks_exact(self.dimensions)) {
            let second = |of: fn(&Bounds) -> f64| row.bounds.as_ref().map_or(String::new(), |b| of(b).to_string());
            let name = [row.file.clone(), second(|bounds| bounds.onset), second(|bounds| bounds.offset)];
            out.write_all(tsv::row(name.into_iter().chain(values.iter().map(f32::to_string))).as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    fn embeddings() -> Embeddings {
        let mut all = Embeddings::new(2);
        let bounds = Some(Bounds { onset: 0.0, offset: 1.5 });
        all.push(EmbeddingRow { file: "a\tb.wav".into(), bounds }, &[0.1, -2.5e-7]);
        all.push(EmbeddingRow { file: "missing.wav".into(), bounds: None }, &[f32::NAN; 2]);
        all
    }

    fn written(name: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        embeddings().write(&path, EmbeddingFormat::of(&path).unwrap()).unwrap();
        std::fs::read(path).unwrap()
    }

    /// Reads the file back by NumPy's description of format 1.0.
    #[test]
    fn npy_is_a_header_of_whole_64_bytes_and_the_values() {
        let bytes = written("e.npy");
        assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
        let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!(start % 64, 0);
        let header = std::str::from_utf8(&bytes[10..start]).unwrap();
        assert_eq!(header.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }");
        assert!(header.ends_with('\n'));
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes[start..]);
        assert_eq!(values[..2], [0.1, -2.5e-7]);
        assert!(values.len() == 4 && values[2].is_nan() && values[3].is_nan());
    }

    #[test]
    fn safetensors_say_what_every_row_is_of() {
        let bytes = written("e.safetensors");
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = tensors.tensor("embeddings").unwrap();
        assert_eq!((tensor.shape(), tensor.dtype()), (&[2, 2][..], Dtype::F32));
        assert_eq!(bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data())[..2], [0.1, -2.5e-7]);
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let rows = &metadata.metadata().as_ref().unwrap()["rows"];
        assert_eq!(rows, r#"[{"file":"a\tb.wav","onset":0.0,"offset":1.5},{"file":"missing.wav"}]"#);
    }

    #[test]
    fn a_row_of_a_table_is_a_line() {
        let text = String::from_utf8(written("e.tsv")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "filename\tonset\toffset\te0\te1");
        assert_eq!(lines[1], "\"a\\tb.wav\"\t0\t1.5\t0.1\t-0.00000025");
        assert_eq!(lines[2..], ["missing.wav\t\t\tNaN\tNaN"]);
    }

    #[test]
    fn other_endings_are_no_format() {
        for name in ["e", "e.csv", "npy", "e.npy.gz", ".tsv"] {
            assert_eq!(EmbeddingFormat::of(Path::new(name)), None, "{name}");
        }
    }
}
