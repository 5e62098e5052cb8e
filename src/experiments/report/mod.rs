//! Reports of studies and searches: tables, tests, figures and one HTML page.
//!
//! In: the results of a study's cells or of a search's trials. Out: files in the experiment's folder.

pub mod page;

pub mod search;

pub mod study;
