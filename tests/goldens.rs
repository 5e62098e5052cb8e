//! The reference values of tests/golden (or of the folder that `WEAKLABEL_GOLDEN` names) through the GPU kernels.
//!
//! Shapes and the names of cases come from the files: another folder of the same format with other cases passes too.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

#[path = "goldens/bce.rs"]
mod bce;
#[path = "goldens/distances.rs"]
mod distances;
#[path = "goldens/dropout.rs"]
mod dropout;
#[path = "goldens/embed.rs"]
mod embed;
#[path = "goldens/features.rs"]
mod features;
#[path = "goldens/file.rs"]
mod file;
#[path = "goldens/metric.rs"]
mod metric;
#[path = "goldens/metrics.rs"]
mod metrics;
#[path = "goldens/network.rs"]
mod network;
#[path = "goldens/optim.rs"]
mod optim;
#[path = "goldens/quality.rs"]
mod quality;
#[path = "goldens/train.rs"]
mod train;
