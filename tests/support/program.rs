//! The program under test, away from the environment of whoever runs the tests.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Returns the command `weaklabel ARGS…` with a clean environment.
pub fn weaklabel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weaklabel"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WEAKLABEL_")) {
        command.env_remove(name);
    }
    // No tiles that were tuned on this machine either.
    command.env("WEAKLABEL_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("no cache"));
    command.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE").env_remove("NO_COLOR");
    command.args(args).stdin(Stdio::null());
    command
}

/// Splits the output of a run into exit code, stdout and stderr.
pub fn outcome(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Runs the program with the words of `line`.
pub fn run(line: &str) -> (i32, String, String) {
    outcome(weaklabel(&[]).args(line.split_whitespace()).output().unwrap())
}

/// Runs the program with the words of `line` inside `folder`.
pub fn run_in(folder: &Path, line: &str) -> (i32, String, String) {
    outcome(weaklabel(&[]).current_dir(folder).args(line.split_whitespace()).output().unwrap())
}

/// Parses a text with one JSON value in each line.
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
