//! `weaklabel bench`.

mod features;
mod kernels;
mod results;
mod step;

use clap::{Args, Subcommand};

pub use features::Features;
pub use kernels::Kernels;
pub use step::Step;

use super::Session;
use crate::Result;

/// `weaklabel bench`: measure.
#[derive(Debug, Args)]
pub struct Bench {
    /// What to measure.
    #[command(subcommand)]
    pub target: Target,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Median time of a training step
    Step(Step),
    /// Every kernel beside the adapter's own limits
    Kernels(Kernels),
    /// Decoded audio in memory to log-mel on the adapter
    Features(Features),
}

impl Bench {
    /// Measures and prints.
    ///
    /// # Errors
    /// Whatever the device reports; [`crate::Error::Tolerance`] when something became slower than in a file.
    pub fn run(self, session: &Session) -> Result<()> {
        match self.target {
            Target::Step(step) => step.run(session),
            Target::Kernels(kernels) => kernels.run(session),
            Target::Features(features) => features.run(session),
        }
    }
}
