//! A search over configurations: what is drawn for each trial, and which trials go on.
//!
//! In: a configuration with its `[search]` section. Out: trials, each a configuration, and the members of every rung.

mod asha;
mod space;

use crate::config::SearchConfig;

pub use asha::SuccessiveHalving;
pub use space::{Trial, by_ratios, check, names, trial, value_of};

/// Who climbs how far in the search that `config` describes.
pub fn halving(config: &SearchConfig) -> SuccessiveHalving {
    SuccessiveHalving { trials: config.trials, eta: config.eta, rungs: config.rungs }
}
