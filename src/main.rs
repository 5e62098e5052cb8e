//! The `weaklabel` program: runs the command line and prints what went wrong.

use std::io::{self, Write};
use std::process::ExitCode;

use weaklabel::{cli, printable};

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cli::output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is closed the exit code still tells.
            let _ = writeln!(io::stderr(), "weaklabel: {}", printable::message(&error.with_causes()));
            ExitCode::from(error.exit_code())
        }
    }
}
