//! Timing of recordings: after a warm-up, several times, each long enough for the clock, with an empty queue before and
//! after.

use super::Samples;
use crate::gpu::{Gpu, Resolved};
use crate::{Error, Result};

/// Number of measurements, of which the median is printed.
pub const MEASUREMENTS: usize = 9;
/// Shortest time of a measurement in seconds, at which the clock and the queue no longer matter.
const MEASUREMENT_S: f64 = 0.25;

/// Measures the time of one step of `recording` in milliseconds. `most_rows` is the number of rows in its schedule.
///
/// # Errors
/// The errors of the device and of [`sample`].
pub fn measure(gpu: &Gpu, recording: &Resolved, most_rows: usize) -> Result<Samples> {
    // The first replays compile kernels and fill caches.
    gpu.time(recording, 2)?;
    let single = gpu.time(recording, 2)?.as_secs_f64() / 2.0;
    let rows = ((MEASUREMENT_S / single).ceil() as u32).clamp(1, most_rows as u32);
    sample(|| Ok(gpu.time(recording, rows)?.as_secs_f64() / f64::from(rows)))
}

/// Makes samples in milliseconds from [`MEASUREMENTS`] calls of `seconds`, each of which returns a time in seconds.
///
/// # Errors
/// The errors of `seconds`; [`Error::Tolerance`] when the clock did not advance.
pub fn sample(seconds: impl FnMut() -> Result<f64>) -> Result<Samples> {
    let mut seconds = seconds;
    let times = (0..MEASUREMENTS).map(|_| Ok(seconds()? * 1e3)).collect::<Result<Vec<f64>>>()?;
    Samples::new(times).ok_or_else(|| Error::Tolerance("the clock did not advance during a measurement".into()))
}
