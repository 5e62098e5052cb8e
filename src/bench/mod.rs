//! Measurements of speed: their samples, the files that keep them, and the comparison of two.
//!
//! In: seconds that something took. Out: lines of JSON that name what was measured on what, and a table of ratios.

mod comparison;
mod record;
mod samples;

pub use comparison::Comparison;
pub use record::Record;
pub use samples::Samples;
