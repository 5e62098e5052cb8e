//! Milliseconds per training step, all methods at the three lengths of the paper, as JSON lines.

use std::process::{Command, exit};

fn main() {
    let step = ["bench", "step", "--json", "--quiet"];
    let cases = ["--method", "classifier,triplets,prototypes", "--frames", "20,100,1000"];
    let status = Command::new(env!("CARGO_BIN_EXE_weaklabel")).args(step).args(cases).status();
    if !status.is_ok_and(|status| status.success()) {
        eprintln!("weaklabel bench step failed");
        exit(1);
    }
}
