//! The `weaklabel` program: runs the command line and prints what went wrong.

use std::error::Error as _;
use std::io::{self, Write};
use std::process::ExitCode;

use weaklabel::{Error, cli};

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cli::output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr is closed the exit code still tells.
            let _ = writeln!(io::stderr(), "weaklabel: {}", with_causes(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

fn with_causes(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message += &format!(": {error}");
        cause = error.source();
    }
    message
}
