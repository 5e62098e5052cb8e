//! The `weaklabel` program.

fn main() {}
