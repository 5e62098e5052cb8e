//! The report of a search: which trials climbed which rung, what their parameters were, and which is the best.
//!
//! In: the trials ([`SearchData`]). Out: files in the search's folder ([`write_search_report`]), and a short table for a
//! terminal ([`summary`]).

mod data;
mod figures;
mod html;
mod standing;
mod tables;
mod write;

#[cfg(test)]
mod example;

pub use data::{Drawn, ParameterAxis, SearchData, TrialData};
pub use figures::chapters;
pub use standing::best;
pub use tables::{summary, tables};
pub use write::write_search_report;
