//! Atomic replacement of files: readers find the old file or the new one, also after a crash or on a full disk.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// Prefix of temporary file names, followed by [`RANDOM`] random letters and digits.
const PREFIX: &str = ".weaklabel-";
/// Number of random letters and digits at the end of a temporary file name.
pub(crate) const RANDOM: usize = 6;

/// Writes `path` through `fill`: into a temporary file in the same folder, which is synced to the disk and then renamed
/// to `path`.
///
/// # Errors
/// [`Error::Io`] naming `path`. The temporary file is removed, and an earlier file at `path` is kept.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    replace(path, fill).map_err(|e| Error::io("write", path, e))
}

/// Writes `bytes` as the content of `path`; see [`write()`].
///
/// # Errors
/// The error of [`write()`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, |file| file.write_all(bytes))
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    {
        // Temporary files are private by default. The permissions of this one follow the user's umask, as those of any
        // file.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = BufWriter::new(claimed(&builder, folder)?);
    fill(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    // The folder is synced too, so that the rename is durable. Where a system cannot sync folders, only the rename may
    // be lost.
    #[cfg(unix)]
    let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Creates a temporary file in `folder` and locks it, so that [`remove_leftovers`] of other processes spares it.
fn claimed(builder: &tempfile::Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = builder.tempfile_in(folder)?;
        // On a file system without locks, leftovers are never removed.
        let locked = file.as_file().lock().is_ok();
        // Before it was locked, another process may have removed the file as a leftover.
        if !locked || file.path().exists() {
            return Ok(file);
        }
    }
}

/// Whether `name` is that of a temporary file of [`write()`], which is left behind when a process is killed while it
/// writes.
pub fn is_leftover(name: &OsStr) -> bool {
    has_random_end(name, PREFIX)
}

/// Whether `name` is `prefix` followed by [`RANDOM`] letters and digits.
pub(crate) fn has_random_end(name: &OsStr, prefix: &str) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(prefix));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Removes the temporary files that killed processes left in `folder` itself, and returns their number. Files that a
/// process is writing to are locked, and stay. A missing folder counts as empty.
///
/// # Errors
/// [`Error::Io`] naming the file or folder that cannot be listed or removed.
pub fn remove_leftovers(folder: &Path) -> Result<usize> {
    let list = |e| Error::io("list", folder, e);
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(list)?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(list)?;
        if !is_leftover(&entry.file_name()) || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // A file that cannot be opened is gone already, because its writer has finished in the meantime.
        let unclaimed = File::open(entry.path()).ok().filter(|file| file.try_lock().is_ok());
        if unclaimed.is_some() {
            fs::remove_file(entry.path()).map_err(|e| Error::io("remove", entry.path(), e))?;
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_bytes(&path, b"first").unwrap();
        write(&path, |file| write!(file, "second")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_bytes(&path, b"old").unwrap();
        let error = write(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(error.unwrap_err().to_string().ends_with("a.txt"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".weaklabel-a1B2c3", ".weaklabel-000000", ".weaklabel-notes", ".weaklabel-a.b.c.", "a.txt"] {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        fs::create_dir(folder.path().join(".weaklabel-folder")).unwrap();
        // The temporary file of `write` itself is one more.
        write(&folder.path().join("a.txt"), |file| {
            let entries = fs::read_dir(folder.path()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name());
            assert_eq!(
                names.filter(|name| is_leftover(name)).count(),
                4,
                "one more than stand above, a folder among them"
            );
            // A process that starts now must spare the file that is being written.
            assert_eq!(remove_leftovers(folder.path()).unwrap(), 2);
            write!(file, "whole")
        })
        .unwrap();
        assert_eq!(fs::read(folder.path().join("a.txt")).unwrap(), b"whole");
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 0);
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut left: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [".weaklabel-a.b.c.", ".weaklabel-folder", ".weaklabel-notes", "a.txt"]);
        assert_eq!(remove_leftovers(&folder.path().join("nowhere")).unwrap(), 0);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let error = write_bytes(Path::new("no/such/folder/a.txt"), b"").unwrap_err();
        assert_eq!(error.to_string(), "cannot write no/such/folder/a.txt");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_bytes(&ours, b"").unwrap();
        std::fs::write(&plain, b"").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
