//! Usage errors, help, completions, manual pages, and what happens when stdout goes away.

use std::fs;

use crate::support::program::{run, run_in, weaklabel};

#[test]
fn wrong_usage_exits_2_and_says_so_on_stderr() {
    for line in [
        "",
        "no-such-command",
        "config",
        "config print --no-such-option",
        "-j 0 man",
        "-j many man",
        "-q -v man",
        "--progress fast man",
    ] {
        let (code, out, errors) = run(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(errors.contains("Usage:") || errors.contains("error:"), "{line}: {errors}");
    }
    let (_, _, errors) = run("confg print");
    assert!(errors.contains("'config'"), "{errors}");
    let (_, _, errors) = run("--progres none man");
    assert!(errors.contains("--progress"), "{errors}");
}

#[test]
fn help_and_version_go_to_stdout() {
    let (code, out, errors) = run("--help");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(out.contains("Exit codes:") && out.contains("--adapter"), "{out}");
    let (code, out, _) = run("--version");
    assert_eq!((code, out), (0, format!("weaklabel {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, out, errors) = run(&format!("completions {shell}"));
        assert_eq!((code, errors.as_str()), (0, ""), "{shell}");
        assert!(out.contains("weaklabel") && out.contains("progress") && out.contains("completions"), "{shell}");
    }
    assert_eq!(run("completions tcsh").0, 2);
}

#[test]
fn manual_pages_are_printed_or_written() {
    let (code, page, _) = run("man");
    assert_eq!(code, 0);
    assert!(page.contains(".TH weaklabel 1") && page.contains("stopped early"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    let output = weaklabel(&["man"]).arg("-o").arg(&pages).output().unwrap();
    assert!(output.status.success());
    for name in ["weaklabel.1", "weaklabel-config.1", "weaklabel-config-print.1"] {
        assert!(fs::read_to_string(pages.join(name)).unwrap().contains(".TH"), "{name}");
    }
}

#[test]
fn colours_appear_only_when_asked_for_outside_a_terminal() {
    let escape = '\u{1b}';
    assert!(!run("no-such-command").2.contains(escape));
    assert!(run("--color always no-such-command").2.contains(escape));
    assert!(!run("--color=never no-such-command").2.contains(escape));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let mut child = weaklabel(&["man"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = weaklabel(&["config", "print"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("weaklabel: cannot write standard output: "), "{errors}");
}

/// A name that clears the screen, forges a line and turns the direction of writing.
#[cfg(unix)]
const EVIL: &str = "x\u{1b}[2J\u{9b}31m\nweaklabel: all is well\u{202e}";

#[cfg(unix)]
fn is_harmless(text: &str) -> bool {
    !text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}'))
        && !text.lines().any(|line| line == "weaklabel: all is well" || line.starts_with("weaklabel: all is well"))
}

#[cfg(unix)]
#[test]
fn names_in_messages_steer_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{EVIL}.toml"));
    for text in ["[train]\nbatch = 0\n", "[train]\nbtch = 0\n"] {
        fs::write(&file, text).unwrap();
        let output = weaklabel(&["config", "check"]).arg(&file).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(3) && errors.contains("x\\u{1b}[2J\\u{9b}31m"), "{errors}");
        assert!(is_harmless(&errors), "{errors:?}");
    }

    // In the log: a clip that the annotations do not list.
    let set = folder.path().join("set");
    for subset in ["train", "eval"] {
        fs::create_dir_all(set.join(subset)).unwrap();
        let mut table = "filename\tonset\toffset\tevent_label\n".to_owned();
        for clip in 0..8 {
            table += &format!("{clip}.wav\t0\t1\t{}\n", ["Cat", "Dog"][clip % 2]);
            fs::write(set.join(subset).join(format!("{clip}.wav")), "").unwrap();
        }
        fs::write(set.join(format!("{subset}.tsv")), table).unwrap();
    }
    fs::write(set.join("train").join(format!("{EVIL}.wav")), "").unwrap();
    let (_, out, errors) = run_in(folder.path(), "train --dry-run --dataset set -o run --set train.batch=2");
    assert!(errors.contains("x\\u{1b}[2J\\u{9b}31m") && is_harmless(&errors), "{errors:?}");
    assert!(is_harmless(&out), "{out:?}");
}
