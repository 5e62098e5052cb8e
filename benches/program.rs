//! The program's own measurements in short form and in its own format: training steps of all methods, every kernel
//! beside the adapter's limits, and features. `weaklabel bench --help` lists the long forms.

use std::process::{Command, exit};

fn main() {
    for line in [
        "bench step --quiet --method classifier,triplets,prototypes --frames 20,100",
        "bench kernels --quiet --shapes model --frames 20",
        "bench features --quiet --clips 16",
    ] {
        println!("weaklabel {line}\n");
        let status = Command::new(env!("CARGO_BIN_EXE_weaklabel")).args(line.split(' ')).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("weaklabel {line} failed");
            exit(1);
        }
    }
}
