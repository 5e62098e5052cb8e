//! The report of a study: tables beside the paper's, claims put to the test, figures, and one HTML file with all of it.
//!
//! In: the results of its cells ([`StudyData`]). Out: files in the study's folder.

pub mod paper;

mod breakdown;
mod data;
mod grid;
mod markup;
mod tables;

#[cfg(test)]
mod example;

pub use data::{CellResult, CoverageBin, CurvePoint, Group, StudyData};
pub use grid::{Cell, Column, Grid, Kind};
pub use tables::tables;
