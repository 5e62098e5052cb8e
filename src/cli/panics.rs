//! The message of a panic.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic;

use crate::base::{printable, secrets};

/// Makes panics print their message without the passwords of the process, and as a fault of the program. A backtrace
/// follows where `RUST_BACKTRACE` asks for one.
pub fn print_without_secrets() {
    panic::set_hook(Box::new(|panic| {
        let message = message(&panic.to_string(), &secrets::words_of_process());
        // Writing fails if stderr is closed; a second panic would end the process.
        let _ = writeln!(io::stderr(), "{message}");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            let _ = writeln!(io::stderr(), "{backtrace}");
        }
    }));
}

/// The message that is printed for `panic`, which may quote any value; `words` are the passwords to hide.
fn message(panic: &str, words: &[String]) -> String {
    let hidden = secrets::hide(panic, words);
    format!("weaklabel: a fault of the program, please report it: {}", printable::message(&hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_shows_no_password_and_steers_no_terminal() {
        let address = "postgres://anna:s3cr%3Ft@host/db";
        let panic = format!("panicked at src/experiments/store/postgres.rs:1:2:\nno answer from {address}\u{1b}[2J");
        let message = message(&panic, &[format!("--store={address}")]);
        assert!(!message.contains("s3cr") && !message.contains('\u{1b}'), "{message}");
        assert!(message.contains("src/experiments/store/postgres.rs:1:2") && message.contains("report"), "{message}");
    }
}
