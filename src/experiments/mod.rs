//! Experiments, which are many trainings: the paper's study and searches over configurations, their reports, and the
//! store through which several processes share them.
//!
//! In: a configuration with a `[study]` or a `[search]` section. Out: a folder with a run for each training, tables,
//! figures and one HTML page.

pub mod study;

pub mod search;

#[cfg(feature = "report")]
pub mod report;

#[cfg(feature = "cluster")]
pub mod store;

#[cfg(feature = "cluster")]
pub mod worker;
