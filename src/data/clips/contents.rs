//! Fingerprint of a dataset by content: the SHA-256 of every file and of everything else that samples and labels depend
//! on.
//!
//! In: a [`Listing`] of names and paths; no file is read before [`Listing::contents`] is called. Out: [`Contents`],
//! which are the same on every machine, independent of the files' folders and times. Hashes are cached with the size
//! and times of their file, so a file is hashed only once.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::checksum::{hex, sha256};
use crate::base::{atomic, regular_file, stop};
use crate::{Error, Result};

/// Folder in which hashes are cached; none before [`remember_contents_in`] is called.
static MEMORY: OnceLock<PathBuf> = OnceLock::new();

/// Beginning of every fingerprint.
const PREFIX: &str = "contents-";

/// Time after a change before a hash is cached. A younger file may change again within the same tick of its file
/// system's clock, which would leave its times unchanged.
const SETTLED: Duration = Duration::from_secs(2);

/// Caches hashes of files in `folder`, for the rest of the process and for later processes. Only the first call has an
/// effect.
pub fn remember_contents_in(folder: &Path) {
    MEMORY.get_or_init(|| folder.into());
}

/// Files and other facts that the data depend on, in a fixed order.
#[derive(Debug, Clone, Default)]
pub(in crate::data) struct Listing {
    /// The folder that holds the files.
    pub root: PathBuf,
    /// Names (relative to the folder, with forward slashes) and paths.
    pub files: Vec<(String, PathBuf)>,
    /// Other facts: a name for messages, and a text.
    pub notes: Vec<(String, String)>,
}

impl Listing {
    /// Hashes all files and notes on all cores. A file whose hash is cached is not read.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be read; [`Error::Stopped`] when the process is asked to end.
    pub fn contents(&self) -> Result<Contents> {
        let memory = MEMORY.get().filter(|_| !self.files.is_empty()).map(|folder| HashCache::path(folder, &self.root));
        let memory = memory.transpose()?;
        let mut entries = hash(&self.files, memory.as_deref(), SystemTime::now())?;
        let digest = |(name, text): &(String, String)| (name.clone(), sha256(&[text.as_bytes()]));
        entries.extend(self.notes.iter().map(digest));
        Ok(Contents(entries))
    }
}

/// Names and SHA-256 of everything that samples and labels depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contents(Vec<(String, String)>);

impl Contents {
    /// Returns a fingerprint of all names and hashes.
    pub fn fingerprint(&self) -> String {
        let mut all = Sha256::new();
        for (name, hash) in &self.0 {
            all.update(format!("{}\t{name}\t{hash}\n", name.len()));
        }
        format!("{PREFIX}{}", hex(&all.finalize()))
    }

    /// Returns whether `fingerprint` was made by [`Contents::fingerprint`]. Earlier versions used names and sizes of
    /// the files alone.
    pub fn made(fingerprint: &str) -> bool {
        fingerprint.starts_with(PREFIX)
    }

    /// Describes what differs from `earlier`: the first difference, and the number of others. Returns `None` if nothing
    /// differs.
    pub fn difference(&self, earlier: &Self) -> Option<String> {
        let by_name = |of: &'_ Self| -> BTreeMap<String, String> { of.0.iter().cloned().collect() };
        let (before, now) = (by_name(earlier), by_name(self));
        let mut changes = Vec::new();
        for (name, hash) in &earlier.0 {
            match now.get(name) {
                None => changes.push(format!("{name} is gone")),
                Some(other) if other != hash => changes.push(format!("{name} is not the same")),
                Some(_) => {}
            }
        }
        changes.extend(
            self.0.iter().filter(|(name, _)| !before.contains_key(name)).map(|(name, _)| format!("{name} is new")),
        );
        let others = changes.len().checked_sub(1)?;
        let first = changes.swap_remove(0);
        Some(if others == 0 { first } else { format!("{first}, and {others} others differ") })
    }
}

/// Returns names and SHA-256 of `files`. Hashes in the cache file `memory` are reused, and new ones are added to it.
fn hash(files: &[(String, PathBuf)], memory: Option<&Path>, now: SystemTime) -> Result<Vec<(String, String)>> {
    let known = memory.map(HashCache::read).unwrap_or_default();
    let entry = |(name, path): &(String, PathBuf)| {
        let found = fs::metadata(path).map_err(|source| Error::io("read", path, source))?;
        let stamp = Stamp::of(&found);
        let remembered = known.files.get(name).filter(|(kept, _)| *kept == stamp).map(|(_, hash)| hash.clone());
        let hash = remembered.map_or_else(|| hash_file(path), Ok)?;
        Ok((name.clone(), hash, Some(stamp).filter(|_| settled(&found, now))))
    };
    let entries = files.par_iter().map(entry).collect::<Result<Vec<_>>>()?;
    if let Some(path) = memory {
        let files = entries.iter().filter_map(|(name, hash, stamp)| Some((name.clone(), ((*stamp)?, hash.clone()))));
        let files: BTreeMap<String, (Stamp, String)> = files.collect();
        if files != known.files {
            HashCache { files }.write(path);
        }
    }
    Ok(entries.into_iter().map(|(name, hash, _)| (name, hash)).collect())
}

fn hash_file(path: &Path) -> Result<String> {
    let failed = |source| Error::io("read", path, source);
    let mut file = regular_file::open(path).map_err(failed)?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 17]);
    loop {
        stop::check()?;
        match file.read(&mut part).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&part[..read]),
        }
    }
}

/// Size and times of a file: if they are unchanged, so is the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified_ns: u64,
    /// Time of the last change of content or metadata (ctime), which programs cannot set; 0 on systems without it.
    changed_ns: u64,
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self { bytes: file.len(), modified_ns: since_1970(file.modified().ok()), changed_ns: changed_ns(file) }
    }
}

fn since_1970(time: Option<SystemTime>) -> u64 {
    time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(unix)]
fn changed_ns(file: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    (file.ctime() as u64).saturating_mul(1_000_000_000).saturating_add(file.ctime_nsec() as u64)
}

#[cfg(not(unix))]
fn changed_ns(_: &Metadata) -> u64 {
    0
}

fn settled(file: &Metadata, now: SystemTime) -> bool {
    let stamp = Stamp::of(file);
    stamp.modified_ns.max(stamp.changed_ns).saturating_add(SETTLED.as_nanos() as u64) < since_1970(Some(now))
}

/// Cached hashes of the files of one folder. The cache file may be deleted at any time.
#[derive(Debug, Default, Serialize, Deserialize)]
struct HashCache {
    files: BTreeMap<String, (Stamp, String)>,
}

impl HashCache {
    /// Returns the path of the cache file for the folder `root` in the cache `folder`.
    fn path(folder: &Path, root: &Path) -> Result<PathBuf> {
        let root = std::path::absolute(root).map_err(|source| Error::io("find", root, source))?;
        let hash = sha256(&[root.as_os_str().as_encoded_bytes()]);
        Ok(folder.join("contents").join(format!("{}.json", &hash[..16])))
    }

    /// Reads the cache file at `path`; returns an empty cache if the file is missing or damaged.
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Writes the cache file at `path`. A failure is only logged, because the cache is optional.
    fn write(&self, path: &Path) {
        let kept = serde_json::to_vec(self).map_err(|error| error.to_string()).and_then(|bytes| {
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(|error| error.to_string())?;
            atomic::write_bytes(path, &bytes).map_err(|error| error.with_causes())
        });
        if let Err(error) = kept {
            tracing::debug!("contents of files are not remembered: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(entries: &[(&str, &str)]) -> Contents {
        Contents(entries.iter().map(|(name, hash)| ((*name).into(), (*hash).into())).collect())
    }

    #[test]
    fn the_first_difference_is_named_and_the_others_counted() {
        let before = contents(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(before.difference(&before), None);
        let changed = contents(&[("a", "1"), ("b", "9"), ("c", "3")]);
        assert_eq!(changed.difference(&before).unwrap(), "b is not the same");
        let other = contents(&[("b", "9"), ("c", "3"), ("d", "4")]);
        assert_eq!(other.difference(&before).unwrap(), "a is gone, and 2 others differ");
        let more = contents(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        assert_eq!(more.difference(&before).unwrap(), "d is new");
    }

    #[test]
    fn a_fingerprint_is_of_names_and_contents() {
        let of = |entries: &[(&str, &str)]| contents(entries).fingerprint();
        let all = [of(&[("a", "1")]), of(&[("b", "1")]), of(&[("a", "2")]), of(&[("a", "1"), ("b", "1")]), of(&[])];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one));
        }
        assert!(of(&[("a", "1")]) == all[0] && Contents::made(&all[0]) && !Contents::made("ab12"));
    }

    #[test]
    fn a_file_is_hashed_again_only_when_it_may_have_changed() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<(String, PathBuf)> =
            ["a", "b"].iter().map(|name| ((*name).to_owned(), folder.path().join(name))).collect();
        for (name, path) in &files {
            fs::write(path, name).unwrap();
        }
        let memory = folder.path().join("cache/contents/x.json");
        let later = SystemTime::now() + 2 * SETTLED;
        let first = hash(&files, Some(&memory), SystemTime::now()).unwrap();
        assert_eq!(first[0].1, sha256(&[b"a"]));
        assert!(HashCache::read(&memory).files.is_empty(), "files of this moment are remembered");
        assert_eq!(hash(&files, Some(&memory), later).unwrap(), first);
        // An altered cache shows whether a file is read again: a hash that comes from the cache is the altered one.
        let mut known = HashCache::read(&memory);
        assert_eq!(known.files.len(), 2);
        known.files.get_mut("a").unwrap().1 = "remembered".into();
        known.write(&memory);
        let again = hash(&files, Some(&memory), later).unwrap();
        assert_eq!((again[0].1.as_str(), &again[1]), ("remembered", &first[1]));
        // The size is the same, but the time is not.
        fs::write(&files[0].1, "x").unwrap();
        fs::File::options().write(true).open(&files[0].1).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(hash(&files, Some(&memory), later).unwrap()[0].1, sha256(&[b"x"]));
        fs::write(&memory, "damaged").unwrap();
        assert_eq!(hash(&files, Some(&memory), later).unwrap()[1], first[1]);
        fs::remove_file(&files[1].1).unwrap();
        assert!(hash(&files, None, later).unwrap_err().to_string().ends_with('b'));
    }

    #[test]
    fn hashes_do_not_depend_on_the_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let name = |n: usize| format!("{n}");
        (0..50).for_each(|n| fs::write(folder.path().join(name(n)), name(n * n)).unwrap());
        let files: Vec<(String, PathBuf)> = (0..50).map(|n| (name(n), folder.path().join(name(n)))).collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| hash(&files, None, SystemTime::now())).unwrap()
        };
        assert_eq!(with(1), with(4));
    }
}
