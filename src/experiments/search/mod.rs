//! A search over configurations: draws a configuration for each trial, and decides which trials are promoted.
//!
//! In: a configuration with its `[search]` section. Out: trials, each a configuration, and the members of every rung.

mod asha;
mod space;
mod state;

use crate::config::SearchConfig;

pub use asha::SuccessiveHalving;
pub use space::{Trial, by_ratios, check, names, trial, value_of};
pub use state::TrialState;

/// Returns the successive halving of the search that `config` describes.
pub fn halving(config: &SearchConfig) -> SuccessiveHalving {
    SuccessiveHalving { trials: config.trials, eta: config.eta, rungs: config.rungs }
}
