//! Reading of regular files. Opening a pipe waits for its other end, perhaps for ever, and a device may never end, so
//! both are refused before they are opened.

use std::fs::{self, File, FileType};
use std::io;
use std::path::Path;

/// Opens the regular file at `path`.
///
/// # Errors
/// The error of the operating system, or one of kind [`io::ErrorKind::InvalidInput`] if the path names something else.
pub fn open(path: &Path) -> io::Result<File> {
    match other_kind(fs::metadata(path)?.file_type()) {
        Some(kind) => {
            let reason = format!("it is {kind}, and only regular files are read");
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
        None => File::open(path),
    }
}

/// Reads the regular file at `path`.
///
/// # Errors
/// The errors of [`open`] and of reading.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut open(path)?, &mut bytes)?;
    Ok(bytes)
}

/// Reads the regular file at `path` as UTF-8.
///
/// # Errors
/// The errors of [`read`], or one of kind [`io::ErrorKind::InvalidData`] for other text.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    io::read_to_string(open(path)?)
}

/// Returns the name of a kind that is not a regular file: a folder, a pipe, a socket or a device.
pub fn other_kind(kind: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    let (is_pipe, is_socket) = {
        use std::os::unix::fs::FileTypeExt;
        (kind.is_fifo(), kind.is_socket())
    };
    #[cfg(not(unix))]
    let (is_pipe, is_socket) = (false, false);
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some("a folder"),
        () if is_pipe => Some("a pipe"),
        () if is_socket => Some("a socket"),
        () => Some("a device"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        fs::write(&file, "text").unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read_to_string(&file).unwrap(), "text");
        for (path, kind) in
            [(folder.path(), "a folder"), (pipe.as_path(), "a pipe"), (Path::new("/dev/zero"), "a device")]
        {
            let error = read(path).unwrap_err();
            assert!(error.kind() == io::ErrorKind::InvalidInput && error.to_string().contains(kind), "{error}");
        }
        assert_eq!(read(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
