//! The Python that has the modules with which some tests compare.

use std::path::PathBuf;
use std::process::Command;

use weaklabel::cli::tiles::cache_folder;

use super::missing::leave_out;

/// A `python3` that imports `modules`: the machine's own, or that of the virtual environment which `./dev test` makes when
/// `CI=true`. Where neither does, the test is left out.
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
