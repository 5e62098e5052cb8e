//! A file with the log-mel features of one subset, not yet standardised, and what else is known of its examples.
//!
//! | bytes | hold |
//! |---|---|
//! | 4 · examples · frames · bands | features, `[example, frame, band]`, f32, little-endian |
//! | 4 · examples | the CRC-32 of each example's features |
//! | any number | a JSON text: the shape, the key and the description |
//! | 32 | [`MAGIC`], the length of the JSON text, and the CRC-32 of it and of the checksums |
//!
//! The file is read by positions and not mapped into memory: a mapped file that another program cuts short would end
//! the process with a signal, where a failed read is an error that names the file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::raw::{FeatureShape, RawFeatures};
use crate::base::{atomic, regular_file};
use crate::{Error, Result};

/// Beginning of the last 32 bytes of a file, with the number of the format.
const MAGIC: &[u8; 16] = b"weaklabel mel 01";
const FOOTER: usize = 32;

/// The JSON text of a file.
#[derive(Serialize, Deserialize)]
struct FileHeader<D> {
    shape: FeatureShape,
    key: String,
    description: D,
}

/// An open file of features.
#[derive(Debug)]
pub struct FeatureFile {
    path: PathBuf,
    file: File,
    shape: FeatureShape,
    checksums: Vec<u32>,
}

/// Writer of a file of features, which takes the examples in order.
pub struct FeatureWriter<'a> {
    file: &'a mut dyn Write,
    shape: FeatureShape,
    checksums: Vec<u32>,
}

impl FeatureWriter<'_> {
    /// Appends the features of whole examples.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn push(&mut self, values: &[f32]) -> io::Result<()> {
        let examples = values.chunks_exact(self.shape.values());
        self.checksums.par_extend(examples.collect::<Vec<_>>().into_par_iter().map(checksum));
        self.file.write_all(bytemuck::cast_slice(values))
    }
}

fn checksum(example: &[f32]) -> u32 {
    crc32fast::hash(bytemuck::cast_slice(example))
}

impl FeatureFile {
    /// Writes the file `path`, which appears whole or not at all. `key` says what the features depend on. `fill` pushes
    /// all examples of `shape` and returns the description.
    ///
    /// # Errors
    /// The error of `fill`; [`Error::Io`] naming the file.
    pub fn write<D: Serialize>(
        path: &Path,
        key: &str,
        shape: FeatureShape,
        fill: impl FnOnce(&mut FeatureWriter<'_>) -> Result<D>,
    ) -> Result<()> {
        let mut failed = None;
        let written = atomic::write(path, |file| {
            let mut writer = FeatureWriter { file, shape, checksums: Vec::with_capacity(shape.examples) };
            let description = fill(&mut writer).map_err(|error| {
                failed = Some(error);
                io::Error::other("features were not computed")
            })?;
            let FeatureWriter { file, checksums, .. } = writer;
            assert_eq!(checksums.len(), shape.examples, "examples of a feature file");
            let json = serde_json::to_vec(&FileHeader { shape, key: key.into(), description })?;
            let checksums: &[u8] = bytemuck::cast_slice(&checksums);
            let mut hash = crc32fast::Hasher::new();
            hash.update(checksums);
            hash.update(&json);
            for part in [checksums, &json, MAGIC, &(json.len() as u64).to_le_bytes()] {
                file.write_all(part)?;
            }
            file.write_all(&u64::from(hash.finalize()).to_le_bytes())
        });
        failed.map_or(written, Err)
    }

    /// Opens the file at `path` and returns it with its description.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Data`] if the file is damaged, or of another key.
    pub fn open<D: DeserializeOwned>(path: &Path, key: &str) -> Result<(Self, D)> {
        let bad = |reason: &str| Error::data(path, reason);
        let (file, json, checksums) = Self::parts(path)?;
        let header: FileHeader<D> =
            serde_json::from_slice(&json).map_err(|error| bad(&format!("its description cannot be read: {error}")))?;
        let FileHeader { shape, key: found, description } = header;
        if found != key {
            return Err(bad("it holds features of other data or settings"));
        }
        if checksums.len() != shape.examples {
            return Err(bad("its length does not fit its number of examples"));
        }
        let bytes = file.metadata().map_err(|e| Error::io("read", path, e))?.len();
        if bytes != shape.bytes() + (4 * checksums.len() + json.len() + FOOTER) as u64 {
            return Err(bad("it was cut short"));
        }
        Ok((Self { path: path.into(), file, shape, checksums }, description))
    }

    /// Reads the end of the file: the JSON text and the checksums, which are verified.
    fn parts(path: &Path) -> Result<(File, Vec<u8>, Vec<u32>)> {
        let bad = |reason: &str| Error::data(path, reason);
        let failed = |e| Error::io("read", path, e);
        let file = regular_file::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let footer_at = bytes.checked_sub(FOOTER as u64).ok_or_else(|| bad("it was cut short"))?;
        let mut footer = [0; FOOTER];
        read_at(&file, &mut footer, footer_at).map_err(failed)?;
        if &footer[..16] != MAGIC {
            return Err(bad("it was cut short, or another version of this program wrote it"));
        }
        let number = |at: usize| u64::from_le_bytes(footer[at..at + 8].try_into().expect("eight bytes"));
        let (length, sum) = (number(16), number(24));
        let json_at = footer_at.checked_sub(length).ok_or_else(|| bad("its description is damaged"))?;
        let mut json = vec![0; length as usize];
        read_at(&file, &mut json, json_at).map_err(failed)?;
        let shape: FeatureShape = serde_json::from_slice::<FileHeader<serde::de::IgnoredAny>>(&json)
            .map_err(|_| bad("its description is damaged"))?
            .shape;
        let before = (shape.examples as u64).checked_mul(4).and_then(|size| json_at.checked_sub(size));
        let checksums_at = before.ok_or_else(|| bad("its length does not fit its number of examples"))?;
        let mut checksums = vec![0_u32; shape.examples];
        read_at(&file, bytemuck::cast_slice_mut(&mut checksums), checksums_at).map_err(failed)?;
        let mut hash = crc32fast::Hasher::new();
        hash.update(bytemuck::cast_slice(&checksums));
        hash.update(&json);
        if u64::from(hash.finalize()) != sum {
            return Err(bad("its description is damaged"));
        }
        Ok((file, json, checksums))
    }

    /// Returns number and size of the examples.
    pub fn shape(&self) -> FeatureShape {
        self.shape
    }

    /// Marks the file as used now. A failure has no consequence but the time that `weaklabel cache` shows.
    pub fn touch(&self) {
        let _ = self.file.set_modified(std::time::SystemTime::now());
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Returns the key of the file at `path`.
///
/// # Errors
/// The errors of [`FeatureFile::open`].
pub fn key_of(path: &Path) -> Result<String> {
    let (_, json, _) = FeatureFile::parts(path)?;
    let header = serde_json::from_slice::<FileHeader<serde::de::IgnoredAny>>(&json);
    header.map(|header| header.key).map_err(|_| Error::data(path, "its description is damaged"))
}

impl RawFeatures for FeatureFile {
    fn read(&self, examples: &[u32], values: &mut [f32]) -> Result<()> {
        let each = self.shape.values();
        let read = |(id, values): (&u32, &mut [f32])| {
            let at = u64::from(*id) * (each * size_of::<f32>()) as u64;
            read_at(&self.file, bytemuck::cast_slice_mut(values), at)
                .map_err(|error| Error::io("read", &self.path, error))?;
            if checksum(values) == self.checksums[*id as usize] {
                return Ok(());
            }
            let reason = format!(
                "the features of example {id} are damaged: without the file (`weaklabel cache --clear` removes all) they \
                 are computed anew"
            );
            Err(Error::data(&self.path, reason))
        };
        examples.par_iter().zip(values.par_chunks_exact_mut(each)).try_for_each(read)
    }
}

/// Fills `bytes` from position `at` of `file` on.
#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                let rest = bytes;
                bytes = &mut rest[read..];
                at += read as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: FeatureShape = FeatureShape { examples: 5, frames: 3, bands: 2 };

    fn write(path: &Path) -> Vec<f32> {
        let values: Vec<f32> = (0..30).map(|x| x as f32 * 0.37 - 4.0).collect();
        FeatureFile::write(path, "key", SHAPE, |writer| {
            writer.push(&values[..12]).unwrap();
            writer.push(&values[12..]).unwrap();
            Ok("description".to_owned())
        })
        .unwrap();
        values
    }

    #[test]
    fn examples_come_back_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mel");
        let values = write(&path);
        let (file, description) = FeatureFile::open::<String>(&path, "key").unwrap();
        assert_eq!(
            (file.shape(), description.as_str(), key_of(&path).unwrap().as_str()),
            (SHAPE, "description", "key")
        );
        let mut found = vec![0.0; 18];
        file.read(&[4, 0, 4], &mut found).unwrap();
        assert_eq!(found, [&values[24..], &values[..6], &values[24..]].concat());
        let other = FeatureFile::open::<String>(&path, "another key").unwrap_err().to_string();
        assert!(other.contains("a.mel") && other.contains("other data or settings"), "{other}");
    }

    #[test]
    fn no_byte_changes_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mel");
        write(&path);
        let whole = std::fs::read(&path).unwrap();
        let read = || -> Result<()> {
            let (file, _) = FeatureFile::open::<String>(&path, "key")?;
            file.read(&[0, 1, 2, 3, 4], &mut [0.0; 30])
        };
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            std::fs::write(&path, damaged).unwrap();
            let message = read().expect_err("a flipped bit").to_string();
            assert!(message.contains("a.mel"), "{message}");
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read().is_err(), "{length} bytes");
        }
        std::fs::write(&path, &whole).unwrap();
        read().unwrap();
    }

    #[test]
    fn a_failure_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mel");
        let failed = FeatureFile::write::<()>(&path, "key", SHAPE, |writer| {
            writer.push(&[0.0; 6]).unwrap();
            Err(Error::Stopped)
        });
        assert!(matches!(failed, Err(Error::Stopped)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
