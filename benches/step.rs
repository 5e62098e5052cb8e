//! Milliseconds per training step at the three lengths of the paper, as JSON lines: `weaklabel bench step` in a row.

use std::process::{Command, exit};

fn main() {
    for frames in ["20", "100", "1000"] {
        let step = ["bench", "step", "--json", "--quiet", "--frames", frames];
        let status = Command::new(env!("CARGO_BIN_EXE_weaklabel")).args(step).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("weaklabel bench step --frames {frames} failed");
            exit(1);
        }
    }
}
