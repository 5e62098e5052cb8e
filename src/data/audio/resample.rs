//! Sampling-rate conversion by rubato's synchronous FFT resampler: an anti-aliasing filter of linear phase, applied
//! block by block in the frequency domain, as the samples arrive.

use std::cell::RefCell;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use super::RATES;
use crate::{Error, Result};

/// Least number of frames of a block at the lower of the two rates. The filter is one block long, so this number sets
/// how close to the band edge the response stays flat: at 16 kHz, it is flat beyond the edge of the top mel band.
const MIN_BLOCK_FRAMES: usize = 1280;

/// Number of planned resamplers that a thread keeps. A soundbank has few rates, and planning takes as long as a second
/// of audio.
const MAX_PLANS: usize = 4;

struct ResamplePlan {
    rates: (u32, u32),
    resampler: Fft<f64>,
}

thread_local! {
    /// Plans, the most recently used last. A resampler is reset before every signal, so reuse does not change a result.
    static PLANS: RefCell<Vec<ResamplePlan>> = const { RefCell::new(Vec::new()) };
}

/// Resamples mono `samples` from the rate `from` to the rate `to`, both in Hz.
///
/// The result has n·to/from samples, halves rounded up, and no delay: sample n of the input lies at n·to/from.
/// Frequencies below 15/16 of the lower rate's band pass within 0.1 dB, and aliases are suppressed by more than 80 dB.
/// Equal rates return the samples unchanged.
///
/// # Errors
/// [`Error::Config`] if a rate lies outside 1 to 768 kHz.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>> {
    check([from, to])?;
    if from == to {
        return Ok(samples.to_vec());
    }
    let mut conversion = Conversion::new(from, to);
    let mut resampled = Vec::with_capacity(conversion.ready(samples.len()) + 2 * conversion.output.len());
    conversion.push(samples, &mut resampled);
    conversion.finish(&mut resampled);
    Ok(resampled)
}

/// Returns an error if a rate in Hz is one that no audio file has.
///
/// # Errors
/// [`Error::Config`] if a rate lies outside 1 to 768 kHz.
pub(super) fn check(rates: impl IntoIterator<Item = u32>) -> Result<()> {
    match rates.into_iter().find(|rate| !RATES.contains(rate)) {
        Some(rate) => Err(Error::config("sampling rate", format!("{rate} Hz is outside 1 to 768 kHz"))),
        None => Ok(()),
    }
}

/// Returns the number of samples that [`resample`] makes from `n`: n·to/from, halves rounded up.
pub fn resampled_len(n: u64, from: u32, to: u32) -> usize {
    let (n, from, to) = (u128::from(n), u128::from(from), u128::from(to));
    ((2 * n * to + from) / (2 * from)) as usize
}

/// A signal that is resampled as it arrives, in pieces of any length. At most one block of its input is held.
pub(super) struct Conversion {
    plan: ResamplePlan,
    /// A block of input, of which `filled` samples are set.
    input: Vec<f64>,
    filled: usize,
    /// A block of output.
    output: Vec<f64>,
    /// Samples of output that are still to be dropped because of the filter's delay.
    delay: usize,
    n_in: u64,
    n_out: usize,
}

impl Conversion {
    /// Begins a signal at the rate `from`, which is converted to the rate `to`. Both are in Hz and have passed
    /// [`check`].
    pub fn new(from: u32, to: u32) -> Self {
        let kept = PLANS.with_borrow_mut(|plans| {
            let at = plans.iter().position(|plan| plan.rates == (from, to))?;
            Some(plans.remove(at))
        });
        let mut plan = kept
            .unwrap_or_else(|| ResamplePlan { rates: (from, to), resampler: resampler(from as usize, to as usize) });
        plan.resampler.reset();
        Self {
            input: vec![0.0; plan.resampler.input_frames_next()],
            filled: 0,
            output: vec![0.0; plan.resampler.output_frames_next()],
            delay: plan.resampler.output_delay(),
            n_in: 0,
            n_out: 0,
            plan,
        }
    }

    /// Returns the number of samples that become ready with the next `n` samples of input.
    pub fn ready(&self, n: usize) -> usize {
        (self.filled + n) / self.input.len() * self.output.len()
    }

    /// Adds the signal's next `samples` and appends to `resampled` the samples that have become ready.
    pub fn push(&mut self, samples: &[f32], resampled: &mut Vec<f32>) {
        self.n_in += samples.len() as u64;
        let mut rest = samples;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.input.len() - self.filled));
            for (input, &x) in self.input[self.filled..].iter_mut().zip(now) {
                *input = f64::from(x);
            }
            self.filled += now.len();
            rest = later;
            if self.filled == self.input.len() {
                self.convert(resampled);
            }
        }
    }

    /// Ends the signal: appends the remaining samples to `resampled`.
    pub fn finish(mut self, resampled: &mut Vec<f32>) {
        let (from, to) = self.plan.rates;
        let n_frames = resampled_len(self.n_in, from, to);
        while self.n_out < n_frames {
            self.input[self.filled..].fill(0.0);
            self.convert(resampled);
        }
        // Blocks of input that were complete gave no sample too many, because the filter delays them.
        resampled.truncate(resampled.len() - (self.n_out - n_frames));
        PLANS.with_borrow_mut(|plans| {
            if plans.len() == MAX_PLANS {
                plans.remove(0);
            }
            plans.push(self.plan);
        });
    }

    /// Converts the block of input and appends it to `resampled`.
    fn convert(&mut self, resampled: &mut Vec<f32>) {
        let (n_in, n_out) = (self.input.len(), self.output.len());
        let input = InterleavedSlice::new(&self.input, 1, n_in).expect("one channel of that length");
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, n_out).expect("one channel of that length");
        self.plan.resampler.process_into_buffer(&input, &mut output, None).expect("both are one block long");
        self.filled = 0;
        let ready = &self.output[self.delay.min(n_out)..];
        self.delay -= n_out - ready.len();
        self.n_out += ready.len();
        resampled.extend(ready.iter().map(|&x| x as f32));
    }
}

fn resampler(from: usize, to: usize) -> Fft<f64> {
    // A block holds an even number of whole periods of the ratio, so that the filter's delay of half a block is a whole
    // number of samples at both rates. For rates without a common divisor, a block lasts two seconds.
    let divisor = gcd(from, to);
    let n_periods = MIN_BLOCK_FRAMES.div_ceil(from.min(to) / divisor).next_multiple_of(2);
    let chunk = n_periods * (from / divisor);
    Fft::new_custom(from, to, chunk, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
        .expect("rates and chunk are positive")
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
