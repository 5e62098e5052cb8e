//! Measurements of speed: workloads, samples, files of measurements, and the comparison of two files.
//!
//! In: a device and the workloads. Out: lines of JSON that name case and adapter, tables of rates beside the device's
//! own limits, and tables of ratios. [`tune`] chooses the fastest register tiles.

pub mod tune;

mod comparison;
mod growth;
mod measure;
mod peaks;
mod record;
mod samples;
mod workloads;

pub use comparison::BenchComparison;
pub use growth::Growth;
pub use measure::{MEASUREMENTS, measure, sample};
pub use peaks::{Peak, Roofline, peaks};
pub use record::{Record, case, case_name};
pub use samples::Samples;
pub use workloads::{Shapes, TimedKernel, Workload, workloads};
