//! The report of a study: tables beside the paper's, claims put to the test, figures, and one HTML file with all of it.
//!
//! In: the results of its cells ([`StudyData`]). Out: files in the study's folder.

mod data;

mod write;
pub use data::{CellResult, CoverageBin, CurvePoint, Group, StudyData};
pub use write::write_report;
