//! `weaklabel doctor`.

use std::path::PathBuf;

use clap::Args;

/// `weaklabel doctor`: compute the reference values on this machine's adapter and compare.
#[derive(Debug, Args)]
pub struct Doctor {
    /// The folder of reference values
    #[arg(long, value_name = "DIR", env = "WEAKLABEL_GOLDEN")]
    pub golden: Option<PathBuf>,
}
