//! The reference values of tests/golden (or of the folder that `WEAKLABEL_GOLDEN` names) through the GPU kernels.
//!
//! Shapes and the names of cases come from the files: another folder of the same format with other cases passes too.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

#[path = "goldens/features.rs"]
mod features;
#[path = "goldens/file.rs"]
mod file;
