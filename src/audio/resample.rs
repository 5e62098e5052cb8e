//! Sampling-rate conversion by rubato's synchronous FFT resampler: an anti-aliasing filter of linear phase, applied
//! block by block in the frequency domain.

use std::cell::RefCell;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use super::RATES;
use crate::{Error, Result};

/// Least frames of a block at the lower of the two rates. The filter is one block long, so this sets how close to the
/// band edge it stays flat: 16 kHz are flat beyond the top mel band's edge.
const MIN_BLOCK_FRAMES: usize = 1280;

/// Planned resamplers that a thread keeps. A soundbank has few rates; planning takes as long as a second of audio.
const MAX_PLANS: usize = 4;

struct Plan {
    rates: (u32, u32),
    resampler: Fft<f64>,
}

thread_local! {
    /// Most recently used last. A resampler starts every signal from rest, so reuse does not change a result.
    static PLANS: RefCell<Vec<Plan>> = const { RefCell::new(Vec::new()) };
}

/// Resamples mono `samples` from the rate `from` to the rate `to`, both in Hz.
///
/// The result has n·to/from samples, halves rounded up, and no delay: sample n of the input lies at n·to/from. Passes
/// within 0.1 dB what is below 15/16 of the lower rate's band and suppresses aliases by more than 80 dB. Equal rates
/// give the samples back unchanged.
///
/// # Errors
/// [`Error::Config`] if a rate lies outside 1 to 768 kHz.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>> {
    if let Some(rate) = [from, to].into_iter().find(|rate| !RATES.contains(rate)) {
        return Err(Error::config("sampling rate", format!("{rate} Hz is outside 1 to 768 kHz")));
    }
    if from == to || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    PLANS.with_borrow_mut(|plans| {
        let plan = match plans.iter().position(|plan| plan.rates == (from, to)) {
            Some(at) => plans.remove(at),
            None => Plan { rates: (from, to), resampler: resampler(from as usize, to as usize) },
        };
        if plans.len() == MAX_PLANS {
            plans.remove(0);
        }
        plans.push(plan);
        let plan = plans.last_mut().expect("just pushed");
        Ok(run(&mut plan.resampler, samples, resampled_len(samples.len(), from, to)))
    })
}

/// The number of samples that [`resample`] makes of `n`: n·to/from, halves rounded up.
pub fn resampled_len(n: usize, from: u32, to: u32) -> usize {
    let (n, from, to) = (n as u128, u128::from(from), u128::from(to));
    ((2 * n * to + from) / (2 * from)) as usize
}

fn resampler(from: usize, to: usize) -> Fft<f64> {
    // A block holds whole periods of the ratio, and an even number of them: the filter's delay of half a block is then
    // a whole number of samples at both rates. Without a common divisor that is two seconds.
    let divisor = gcd(from, to);
    let n_periods = MIN_BLOCK_FRAMES.div_ceil(from.min(to) / divisor).next_multiple_of(2);
    let chunk = n_periods * (from / divisor);
    Fft::new_custom(from, to, chunk, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
        .expect("rates and chunk are positive")
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn run(resampler: &mut Fft<f64>, samples: &[f32], n_frames: usize) -> Vec<f32> {
    let input: Vec<f64> = samples.iter().copied().map(f64::from).collect();
    let input = InterleavedSlice::new(&input, 1, input.len()).expect("one channel of that length");
    let output = resampler.process_all(&input, samples.len(), None).expect("the input has the length that is given");
    let output = output.take_data();
    debug_assert!(output.len() >= n_frames, "{} frames resampled, {n_frames} needed", output.len());
    output.into_iter().take(n_frames).map(|x| x as f32).collect()
}
