//! `weaklabel devices`.

use clap::Args;

/// `weaklabel devices`: list the adapters, with their limits and features; `--json` for machines.
#[derive(Debug, Args)]
pub struct Devices {}
