//! Writing a folder completely or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::base::atomic::{RANDOM, has_random_end};
use crate::data::clips::entries;
use crate::{Error, Result};

/// The layout of one kind of output folder.
pub struct FolderLayout {
    /// Name of the kind, for messages.
    pub name: &'static str,
    /// The entry that identifies the kind. It is written last and removed first.
    pub mark: &'static str,
    /// All other entries that such a folder can have.
    pub entries: &'static [&'static str],
}

/// Name of the lock file that a process holds while it writes into a temporary folder.
const LOCK: &str = "partial.lock";

/// Creates a temporary folder beside `out`, lets `fill` write into it, then renames it to `out`. With `force`, `out`
/// may exist: its entries of this `kind` are replaced and its other entries stay. Temporary folders of killed processes
/// beside `out` are removed.
///
/// # Errors
/// [`Error::Data`] if `out` is not empty and `force` is not set, or if it has entries of the kind but not the mark, and
/// so comes from another program; [`Error::Io`] if the file system refuses; any error of `fill`. In all cases no
/// temporary folder is left behind.
pub fn write<T>(out: &Path, kind: &FolderLayout, force: bool, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let occupied = check(out, kind, force)?;
    let (parent, name) = parent_and_name(out)?;
    fs::create_dir_all(&parent).map_err(|source| Error::io("create", &parent, source))?;
    let prefix = format!("{name}.partial-");
    remove_leftovers(&parent, &prefix);
    let (temporary, _lock) =
        claimed(&parent, &prefix).map_err(|source| Error::io("create a folder in", &parent, source))?;
    // Only the owner may enter the temporary folder, so the content goes to a folder inside it, which has the usual
    // permissions.
    let staged = temporary.path().join("whole");
    fs::create_dir(&staged).map_err(|source| Error::io("create", &staged, source))?;
    let result = fill(&staged)?;

    if occupied {
        replace(&staged, out, kind)?;
    } else {
        if out.exists() {
            fs::remove_dir(out).map_err(|source| Error::io("replace", out, source))?;
        }
        fs::rename(&staged, out).map_err(|source| Error::io("create", out, source))?;
    }
    Ok(result)
}

/// Creates a temporary folder in `parent` with a lock, which keeps other processes from removing the folder as a
/// leftover.
fn claimed(parent: &Path, prefix: &str) -> io::Result<(TempDir, File)> {
    loop {
        let folder = tempfile::Builder::new().prefix(prefix).rand_bytes(RANDOM).tempdir_in(parent)?;
        let path = folder.path().join(LOCK);
        let file = match File::create(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            file => file?,
        };
        // On a file system without locks, no leftover is ever removed.
        let locked = file.lock().is_ok();
        // Another process may have removed the folder as a leftover before the lock was held; then a new one is made.
        if !locked || path.exists() {
            return Ok((folder, file));
        }
    }
}

/// Removes the temporary folders in `parent` whose names begin with `prefix` and whose lock nobody holds. Failures are
/// ignored, because a leftover does no harm.
fn remove_leftovers(parent: &Path, prefix: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if !has_random_end(&entry.file_name(), prefix) {
            continue;
        }
        let path = entry.path();
        let unclaimed = File::open(path.join(LOCK)).ok().filter(|lock| lock.try_lock().is_ok());
        // A process that was killed before it made the lock leaves an empty folder. A folder without a lock but with
        // content is not a leftover and stays.
        let _ = if unclaimed.is_some() { fs::remove_dir_all(&path) } else { fs::remove_dir(&path) };
    }
}

/// Returns whether `out` has content that may be replaced.
fn check(out: &Path, kind: &FolderLayout, force: bool) -> Result<bool> {
    if !out.exists() {
        return Ok(false);
    }
    if !out.is_dir() {
        return Err(Error::data(out, format!("is a file: name a folder for the {}", kind.name)));
    }
    let list = |error| Error::io("list", out, error);
    if fs::read_dir(out).map_err(list)?.next().is_none() {
        return Ok(false);
    }
    if !force {
        return Err(Error::data(out, "exists and is not empty: name another folder, or replace it with --force"));
    }
    let other = kind.entries.iter().find(|entry| out.join(entry).exists());
    match other.filter(|_| !out.join(kind.mark).exists()) {
        Some(entry) => {
            let (name, mark) = (kind.name, kind.mark);
            Err(Error::data(
                out,
                format!("holds {entry} but no {mark}, so it is no {name} to replace: remove it first"),
            ))
        }
        None => Ok(true),
    }
}

fn replace(staged: &Path, out: &Path, kind: &FolderLayout) -> Result<()> {
    for entry in [kind.mark].iter().chain(kind.entries) {
        let path = out.join(entry);
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(_) => Ok(()),
        };
        removed.map_err(|source| Error::io("replace", &path, source))?;
    }
    let (mark, others): (Vec<_>, Vec<_>) = entries(staged)?.into_iter().partition(|(name, _)| name == kind.mark);
    for (name, path) in others.into_iter().chain(mark) {
        let to = out.join(name);
        fs::rename(&path, &to).map_err(|source| Error::io("create", to, source))?;
    }
    Ok(())
}

fn parent_and_name(out: &Path) -> Result<(PathBuf, String)> {
    let absolute = std::path::absolute(out).map_err(|source| Error::io("find", out, source))?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => Ok((parent.into(), name.to_string_lossy().into_owned())),
        _ => Err(Error::data(out, "is no name for a folder")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: FolderLayout = FolderLayout { name: "box", mark: "mark", entries: &["a", "b"] };

    fn fill(names: &'static [&'static str]) -> impl FnOnce(&Path) -> Result<usize> {
        move |folder| {
            for name in names {
                fs::write(folder.join(name), "new").unwrap();
            }
            Ok(names.len())
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        entries(folder).unwrap().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("deep/out");
        let failed = write(&out, &KIND, false, |folder| {
            fs::write(folder.join("a"), "half").unwrap();
            Err::<(), _>(Error::data("x", "interrupted"))
        });
        assert!(failed.is_err() && names(&home.path().join("deep")).is_empty(), "something is left behind");
        assert_eq!(write(&out, &KIND, false, fill(&["a", "mark"])).unwrap(), 2);
        assert_eq!(names(&home.path().join("deep")), ["out"]);
        assert_eq!(names(&out), ["a", "mark"]);
    }

    #[test]
    fn what_killed_processes_left_is_removed_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let beside = |name: &str| home.path().join(name);
        for name in ["out.partial-a1B2c3/out", "out.partial-000000", "out.partial-mine", "other.partial-a1B2c3/other"] {
            fs::create_dir_all(beside(name)).unwrap();
        }
        // Three cases: killed while it held the lock, killed before that, and a folder with such a name and content but
        // without a lock.
        fs::write(beside("out.partial-a1B2c3/partial.lock"), "").unwrap();
        fs::create_dir_all(beside("out.partial-letter/dear")).unwrap();
        fs::write(beside("out.partial-zzzzzz"), "a file").unwrap();
        let out = beside("out");
        write(&out, &KIND, false, |folder| {
            // A process that starts in the meantime must not remove the folder that is being written.
            write(&out, &KIND, true, fill(&["b", "mark"]))?;
            fs::remove_dir_all(&out).unwrap();
            fill(&["a", "mark"])(folder)
        })
        .unwrap();
        assert_eq!(names(&out), ["a", "mark"]);
        let left = ["other.partial-a1B2c3", "out", "out.partial-letter", "out.partial-mine"];
        assert_eq!(names(home.path()), [&left[..], &["out.partial-zzzzzz"]].concat());
    }

    #[test]
    fn only_what_is_of_the_kind_is_replaced_and_only_by_force() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        fs::create_dir(&out).unwrap();
        write(&out, &KIND, false, fill(&["a", "mark"])).unwrap();
        fs::write(out.join("notes"), "mine").unwrap();
        let message = write(&out, &KIND, false, fill(&["b", "mark"])).unwrap_err().to_string();
        assert!(message.contains("out") && message.contains("--force"), "{message}");
        write(&out, &KIND, true, fill(&["b", "mark"])).unwrap();
        assert_eq!(names(&out), ["b", "mark", "notes"]);

        fs::remove_file(out.join("mark")).unwrap();
        let message = write(&out, &KIND, true, fill(&["a", "mark"])).unwrap_err().to_string();
        assert!(message.contains("no mark"), "{message}");
        fs::remove_file(out.join("b")).unwrap();
        write(&out, &KIND, true, fill(&["a", "mark"])).unwrap();
        assert_eq!(names(&out), ["a", "mark", "notes"]);
    }
}
