//! The report of a search: results and promotions by rung, scores against parameters, and the best trial.
//!
//! In: the trials ([`SearchData`]). Out: files in the search's folder ([`write_search_report`]), and a short table for
//! a terminal ([`summary`]).

mod data;
mod figures;
mod html;
mod leaderboard;
mod tables;
mod write;

#[cfg(test)]
mod example;

pub use data::{ParameterAxis, ParameterValue, SearchData, TrialData};
pub use figures::chapters;
pub use leaderboard::best;
pub use tables::{summary, tables};
pub use write::write_search_report;
