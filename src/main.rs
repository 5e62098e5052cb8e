//! The `weaklabel` program: runs the command line and prints its error.

use std::io::{self, Write};
use std::process::ExitCode;

use weaklabel::base::{printable, secrets};
use weaklabel::cli;

fn main() -> ExitCode {
    cli::panics::print_without_secrets();
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cli::output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr is closed, the exit code still reports the error.
            let message = secrets::hide(&error.with_causes(), &secrets::words_of_process());
            let _ = writeln!(io::stderr(), "weaklabel: {}", printable::message(&message));
            ExitCode::from(error.exit_code())
        }
    }
}
