//! `weaklabel bench`.

mod features;
mod kernels;
mod results;
mod step;

use clap::{Args, Subcommand};

pub use features::BenchFeatures;
pub use kernels::Kernels;
pub use step::BenchStep;

use super::Session;
use crate::Result;

const EXAMPLES: &str = "\
Examples:
  weaklabel bench step -o before.json
  weaklabel bench step --compare before.json
  weaklabel bench kernels --markdown
  weaklabel bench features --seconds 1s,10s";

/// `weaklabel bench`: measure.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Bench {
    /// The measurement.
    #[command(subcommand)]
    pub target: BenchTarget,
}

/// The measurements.
#[derive(Debug, Subcommand)]
pub enum BenchTarget {
    /// Median time of a training step
    Step(BenchStep),
    /// Every kernel beside the adapter's own limits
    Kernels(Kernels),
    /// Decoded audio in memory to log-mel on the adapter
    Features(BenchFeatures),
}

impl Bench {
    /// Measures and prints.
    ///
    /// # Errors
    /// Whatever the device reports; [`crate::Error::Tolerance`] when something became slower than in a file.
    pub fn run(self, session: &Session) -> Result<()> {
        match self.target {
            BenchTarget::Step(step) => step.run(session),
            BenchTarget::Kernels(kernels) => kernels.run(session),
            BenchTarget::Features(features) => features.run(session),
        }
    }
}
