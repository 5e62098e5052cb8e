//! Usage errors, help, completions, manual pages, and what happens when stdout goes away.

use std::fs;

use super::program::{run, weaklabel};

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
    let output = weaklabel().arg("man").arg("-o").arg(&pages).output().unwrap();
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
    let mut child = weaklabel().arg("man").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = weaklabel().args(["config", "print"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("weaklabel: cannot write standard output: "), "{errors}");
}
