//! Writing a folder whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::soundbank::entries;
use crate::atomic::{RANDOM, has_random_end};
use crate::{Error, Result};

/// What a folder of a certain kind consists of.
pub struct FolderLayout {
    /// In words, for messages.
    pub name: &'static str,
    /// The entry by which the kind is known; written last, removed first.
    pub mark: &'static str,
    /// All other entries there can be.
    pub entries: &'static [&'static str],
}

/// Held by the process that writes into a temporary folder.
const LOCK: &str = "partial.lock";

/// Lets `fill` write into a new folder beside `out`, then renames it to `out`. With `force`, `out` may exist: its
/// entries of this `kind` are replaced and others stay. What killed processes left half written beside `out` is removed.
///
/// # Errors
/// [`Error::Data`] if `out` is not empty without `force`, or holds entries of the kind without its mark and so
/// something of another origin; [`Error::Io`] if the system refuses; whatever `fill` returns. Then nothing is left
/// behind.
pub fn write<T>(out: &Path, kind: &FolderLayout, force: bool, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let occupied = check(out, kind, force)?;
    let (parent, name) = parent_and_name(out)?;
    fs::create_dir_all(&parent).map_err(|source| Error::io("create", &parent, source))?;
    let prefix = format!("{name}.partial-");
    remove_leftovers(&parent, &prefix);
    let (temporary, _lock) =
        claimed(&parent, &prefix).map_err(|source| Error::io("create a folder in", &parent, source))?;
    // In a folder of its own inside the temporary one, which only its owner may enter.
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

/// A new temporary folder in `parent` with its lock, which keeps other processes from taking it for a leftover.
fn claimed(parent: &Path, prefix: &str) -> io::Result<(TempDir, File)> {
    loop {
        let folder = tempfile::Builder::new().prefix(prefix).rand_bytes(RANDOM).tempdir_in(parent)?;
        let path = folder.path().join(LOCK);
        let file = match File::create(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            file => file?,
        };
        // On a file system without locks nothing is ever removed.
        let locked = file.lock().is_ok();
        // Before the lock was held the folder may have been taken for a leftover.
        if !locked || path.exists() {
            return Ok((folder, file));
        }
    }
}

/// Removes the temporary folders in `parent` whose names begin with `prefix` and whose lock nobody holds, as far as the system
/// lets it: a leftover stands in nobody's way.
fn remove_leftovers(parent: &Path, prefix: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if !has_random_end(&entry.file_name(), prefix) {
            continue;
        }
        let path = entry.path();
        let unclaimed = File::open(path.join(LOCK)).ok().filter(|lock| lock.try_lock().is_ok());
        // A process that was killed before it made the lock left nothing else: a folder with anything in it stays.
        let _ = if unclaimed.is_some() { fs::remove_dir_all(&path) } else { fs::remove_dir(&path) };
    }
}

/// Whether there is something in `out`, if it may be replaced.
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
        // Killed after it had its lock; killed before; a folder of that name without a lock but with something in it.
        fs::write(beside("out.partial-a1B2c3/partial.lock"), "").unwrap();
        fs::create_dir_all(beside("out.partial-letter/dear")).unwrap();
        fs::write(beside("out.partial-zzzzzz"), "a file").unwrap();
        let out = beside("out");
        write(&out, &KIND, false, |folder| {
            // A process that starts in the meantime spares what is being written.
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
