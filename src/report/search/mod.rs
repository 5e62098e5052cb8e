//! The report of a search: which trials climbed which rung, and what their parameters were.
//!
//! In: the trials ([`SearchData`]). Out: files in the search's folder.

mod data;

pub use data::{Drawn, ParameterAxis, SearchData, TrialData};
