//! The report of a study: tables beside the paper's, tests of the paper's claims, figures, and one HTML file with all
//! of them.
//!
//! In: the results of its cells ([`StudyData`]). Out: files in the study's folder.

pub mod paper;

mod breakdown;
mod claims;
mod claims_table;
mod comparison;
mod data;
mod dataset_cells;
mod density;
mod figures;
mod html;
mod paired;
mod tables;
mod tsne;
mod write;

#[cfg(test)]
mod example;

pub use claims::{Claim, Verdict, claims};
pub use claims_table::{claims_grid, claims_markdown};
pub use comparison::{ComparedScore, Comparison, FLOOR, LEVEL};
pub use data::{Plan, StudyData};
pub use figures::chapters;
pub use paired::{Evidence, Paired, TTest};
pub use tables::tables;
pub use write::write_report;
