//! Safetensors files whose metadata hold a checksum over every byte.

use std::collections::HashMap;
use std::path::Path;

use crate::base::checksum::{self, ZEROS};
use crate::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

/// Key of the checksum in the metadata.
pub(super) const CHECKSUM: &str = checksum::KEY;

/// Serialises `tensors`, given as name, shape and values, to a safetensors file. `origin` is the file that errors name.
/// Equal tensors and metadata give equal bytes.
///
/// # Errors
/// [`Error::Data`] when a shape does not fit its values.
pub(super) fn to_bytes(
    origin: &Path,
    tensors: Vec<(&str, Vec<usize>, &[f32])>,
    mut metadata: HashMap<String, String>,
) -> Result<Vec<u8>> {
    metadata.insert("format".into(), "pt".into());
    metadata.insert(CHECKSUM.into(), ZEROS.into());
    let bad = |e: &dyn std::fmt::Display| Error::data(origin, format!("cannot be put together: {e}"));
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, values) in tensors {
        views.push((name, TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values)).map_err(|e| bad(&e))?));
    }
    let mut bytes = serialize(views, Some(metadata)).map_err(|e| bad(&e))?;
    sort_metadata(&mut bytes).map_err(|e| bad(&e))?;
    let at = digits(&bytes, ZEROS).ok_or_else(|| bad(&"its header has no place for the checksum"))?;
    let checksum = checksum::of_file(&bytes, at);
    bytes[at..at + ZEROS.len()].copy_from_slice(checksum.as_bytes());
    Ok(bytes)
}

/// A safetensors file in memory. Its checksum, if it has one, has been verified.
pub(super) struct TensorFile<'a> {
    origin: &'a Path,
    tensors: SafeTensors<'a>,
    metadata: HashMap<String, String>,
}

impl<'a> TensorFile<'a> {
    /// Parses the file in `bytes`. `origin` is the file that errors name.
    ///
    /// # Errors
    /// [`Error::Data`] when `bytes` are no safetensors file, or do not match the checksum.
    pub(super) fn parse(origin: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let bad = |e: safetensors::SafeTensorError| Error::data(origin, format!("not a whole safetensors file: {e}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        if let Some(kept) = metadata.get(CHECKSUM) {
            let at = digits(bytes, kept).filter(|_| kept.len() == ZEROS.len());
            if at.is_none_or(|at| checksum::of_file(bytes, at) != *kept) {
                let reason = format!(
                    "is damaged: its contents do not match its checksum. Take another copy of it; a program that changes \
                     a file on purpose leaves '{CHECKSUM}' out of its metadata"
                );
                return Err(Error::data(origin, reason));
            }
        }
        Ok(Self { origin, tensors: SafeTensors::deserialize(bytes).map_err(bad)?, metadata })
    }

    /// Whether the file has a checksum.
    pub(super) fn has_checksum(&self) -> bool {
        self.metadata.contains_key(CHECKSUM)
    }

    /// Returns the value of `key` in the metadata, if there is one.
    pub(super) fn find(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// Returns the value of `key` in the metadata.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no such key.
    pub(super) fn entry(&self, key: &str) -> Result<&str> {
        self.find(key).ok_or_else(|| Error::data(self.origin, format!("its metadata lack '{key}'")))
    }

    /// Returns the names of all tensors.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|(name, _)| name)
    }

    /// Returns the shape of tensor `name`.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no tensor of this name.
    pub(super) fn shape(&self, name: &str) -> Result<Vec<usize>> {
        Ok(self.tensor(name)?.shape().to_vec())
    }

    /// Checks that tensor `name` is in single precision and has shape `shape`.
    ///
    /// # Errors
    /// [`Error::Data`] naming the tensor with its type and shape.
    pub(super) fn expect(&self, name: &str, shape: &[usize]) -> Result<()> {
        let tensor = self.tensor(name)?;
        if tensor.dtype() == Dtype::F32 && tensor.shape() == shape {
            return Ok(());
        }
        let found = format!("'{name}' is {:?} {:?}, expected F32 {shape:?}", tensor.dtype(), tensor.shape());
        Err(Error::data(self.origin, found))
    }

    /// Returns the values of tensor `name`, which must have shape `shape`.
    ///
    /// # Errors
    /// The errors of [`TensorFile::expect`].
    pub(super) fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.expect(name, shape)?;
        Ok(bytemuck::pod_collect_to_vec(self.tensor(name)?.data()))
    }

    fn tensor(&self, name: &str) -> Result<TensorView<'a>> {
        self.tensors.tensor(name).map_err(|_| Error::data(self.origin, format!("holds no tensor '{name}'")))
    }
}

/// Sorts the metadata of a safetensors file by key. The crate writes them in the order of a hash map, which differs
/// between processes, and the same model must always give the same file.
fn sort_metadata(bytes: &mut [u8]) -> serde_json::Result<()> {
    let Some((length, rest)) = bytes.split_first_chunk_mut() else { return Ok(()) };
    let header = &mut rest[..u64::from_le_bytes(*length) as usize];
    let mut parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(header)?;
    if let Some(metadata) = parsed.get_mut("__metadata__").and_then(serde_json::Value::as_object_mut) {
        metadata.sort_keys();
    }
    // The sorted header is as long as before, so the blanks after it stay in place.
    let sorted = serde_json::to_vec(&parsed)?;
    header[..sorted.len()].copy_from_slice(&sorted);
    Ok(())
}

/// Returns the position in `bytes` of the checksum's digits `digits`, which are in the header.
fn digits(bytes: &[u8], digits: &str) -> Option<usize> {
    let (length, rest) = bytes.split_first_chunk()?;
    let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    checksum::place(header, digits).map(|at| length.len() + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tensors: &[f32], metadata: &[(&str, &str)]) -> Vec<u8> {
        let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        to_bytes(Path::new("x"), vec![("x", vec![tensors.len()], tensors)], metadata).unwrap()
    }

    #[test]
    fn the_same_contents_are_the_same_file() {
        let values: Vec<String> = (0..20).map(|n| format!("\u{e9}\"\\\n{n}")).collect();
        let keys: Vec<String> = (0..20).map(|n| format!("key {n}")).collect();
        let metadata: Vec<(&str, &str)> = keys.iter().zip(&values).map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let bytes = file(&[1.0, 2.0], &metadata);
        assert_eq!(bytes, file(&[1.0, 2.0], &metadata));
        let read = TensorFile::parse(Path::new("x"), &bytes).unwrap();
        assert_eq!(read.floats("x", &[2]).unwrap(), [1.0, 2.0]);
        assert_eq!((read.metadata.len(), read.entry("key 7").unwrap()), (22, values[7].as_str()));
        assert!(read.has_checksum());
    }

    #[test]
    fn no_byte_can_change_unnoticed() {
        // A value that looks like the checksum's own entry precedes it.
        let bytes = file(&[1.0, -2.5, 1e-3], &[("a", &format!("\"sha256\":\"{ZEROS}\"")), ("z", "last")]);
        let whole = TensorFile::parse(Path::new("x"), &bytes).unwrap();
        let contents = |file: &TensorFile<'_>| {
            (file.floats("x", &[3]).unwrap(), ["a", "z"].map(|key| file.entry(key).unwrap().to_owned()))
        };
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                // A flipped bit in the checksum's key leaves a file without a checksum, whose contents are unchanged.
                if let Ok(read) = TensorFile::parse(Path::new("x"), &damaged) {
                    assert!(!read.has_checksum() && contents(&read) == contents(&whole), "byte {at}, bit {bit}");
                }
            }
        }
        for cut in 0..bytes.len() {
            assert!(TensorFile::parse(Path::new("x"), &bytes[..cut]).is_err(), "the first {cut} bytes");
        }
    }
}
