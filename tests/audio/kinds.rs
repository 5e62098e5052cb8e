//! Only regular files are opened: the other end of a pipe may never come.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use weaklabel::Error;
use weaklabel::data::audio::decode;

fn assert_refused(path: &Path, kind: &str) {
    let error = decode(path).unwrap_err();
    assert!(matches!(error, Error::Audio { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains(path.to_str().unwrap()) && message.contains(kind), "{message}");
}

#[test]
fn what_is_no_regular_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(folder.path(), "a folder");
    assert_refused(Path::new("/dev/null"), "a device");
    let pipe = folder.path().join("pipe.wav");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_refused(&pipe, "a pipe");
    let socket = folder.path().join("socket.wav");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert_refused(&socket, "a socket");
    let link = folder.path().join("link.wav");
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    assert_refused(&link, "a pipe");
}
