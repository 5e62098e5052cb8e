//! Paths that do not name the regular file that is wanted.

use std::path::Path;
use std::process::Command;

use crate::support::program::{outcome, run, weaklabel};

/// Makes a pipe that nobody writes to.
#[cfg(unix)]
fn pipe(path: &Path) -> String {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    path.to_str().unwrap().to_owned()
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_refused_without_waiting_for_its_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let (out, table) = (folder.path().join("out"), folder.path().join("train.tsv"));
    let (pipe, out) = (pipe(&table), out.to_str().unwrap());
    std::fs::write(folder.path().join("validation.tsv"), "filename\tonset\toffset\tevent_label\n").unwrap();
    for subset in ["train", "validation"] {
        std::fs::create_dir(folder.path().join(subset)).unwrap();
    }
    for line in [
        format!("train --dry-run --dataset {} -o {out}", folder.path().display()),
        format!("generate --cooccurrence {pipe} -o {out}"),
        format!("train --tiles {pipe} -o {out}"),
        format!("bench step --compare {pipe}"),
    ] {
        let (code, _, errors) = run(&line);
        assert_eq!(code, 3, "{line}: {errors}");
        assert!(errors.contains(&pipe) && errors.contains("it is a pipe"), "{line}: {errors}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_among_clips_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["A", "B"] {
        std::fs::create_dir(folder.path().join(class)).unwrap();
        for clip in 0..8 {
            std::fs::write(folder.path().join(format!("{class}/{clip}.wav")), "no sound").unwrap();
        }
    }
    pipe(&folder.path().join("A/p.wav"));
    let (code, text, errors) = run(&format!("data {}", folder.path().display()));
    assert!(code == 0 && (text + &errors).contains("17 files cannot be read"), "{errors}");
}

#[test]
fn a_store_that_is_only_read_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("typo.sqlite");
    let (code, _, errors) = outcome(weaklabel(&["status", "--store"]).arg(&store).output().unwrap());
    assert!(code == 3 && errors.contains("typo.sqlite: there is no store yet"), "{errors}");
    assert!(!store.exists());
}
