//! Python with the modules that some tests compare results with.

use std::path::PathBuf;
use std::process::Command;

use weaklabel::cli::tiles::cache_folder;

use super::missing::leave_out;

/// Finds a `python3` that can import `modules`: the machine's own, or else the one in the virtual environment that
/// `./dev test` makes when `CI=true`. If neither can, the test is left out.
pub fn python_with(modules: &str) -> Option<PathBuf> {
    let imports = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", &format!("import {modules}")]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found =
        [PathBuf::from("python3"), cache_folder().unwrap().join("python/bin/python3")].into_iter().find(imports);
    if found.is_none() {
        leave_out(&format!("no python3 has {modules}, which `./dev test` installs when CI=true"));
    }
    found
}
