//! How something is measured: warm, several times, each time long enough for the clock, with nothing left in the queue.

use super::Samples;
use crate::gpu::{Gpu, Resolved};
use crate::{Error, Result};

/// Measurements of which the median is printed.
pub const MEASUREMENTS: usize = 9;
/// Least time of one measurement, in seconds: long enough for the clock and the queue not to matter.
const MEASUREMENT_S: f64 = 0.25;

/// Milliseconds of one row of `recording`, whose schedule has `most_rows`.
///
/// # Errors
/// What the device reports; as [`sample`].
pub fn measure(gpu: &Gpu, recording: &Resolved, most_rows: usize) -> Result<Samples> {
    // The first runs compile kernels and fill caches.
    gpu.time(recording, 2)?;
    let single = gpu.time(recording, 2)?.as_secs_f64() / 2.0;
    let rows = ((MEASUREMENT_S / single).ceil() as u32).clamp(1, most_rows as u32);
    sample(|| Ok(gpu.time(recording, rows)?.as_secs_f64() / f64::from(rows)))
}

/// Milliseconds from as many calls as make a measurement; `seconds` says how long one took.
///
/// # Errors
/// Those of `seconds`; [`Error::Tolerance`] when the clock did not advance.
pub fn sample(seconds: impl FnMut() -> Result<f64>) -> Result<Samples> {
    let mut seconds = seconds;
    let times = (0..MEASUREMENTS).map(|_| Ok(seconds()? * 1e3)).collect::<Result<Vec<f64>>>()?;
    Samples::new(times).ok_or_else(|| Error::Tolerance("the clock did not advance during a measurement".into()))
}
