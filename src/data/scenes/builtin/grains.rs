//! Sounds made of many small ones: gliding, decaying sinusoids (bubbles, crackles) at random times.

use super::RATE;
use crate::base::counter_rng::Stream;
use std::f64::consts::TAU;

/// One decaying sinusoid.
pub struct Grain {
    /// Frequency at the start, in hertz.
    pub hz: f64,
    /// Change of the frequency, in octaves per second.
    pub glide: f64,
    /// Time until the amplitude has fallen to 1 / e, in seconds.
    pub decay_s: f64,
    /// Amplitude at the start.
    pub gain: f64,
}

impl Grain {
    /// Adds the grain to `out` from `at_s` seconds on. The part beyond the end of `out` is dropped.
    pub fn add(&self, out: &mut [f64], at_s: f64) {
        let start = ((at_s * f64::from(RATE)) as usize).min(out.len());
        let length = (6.0 * self.decay_s * f64::from(RATE)) as usize;
        let decay = (-1.0 / (self.decay_s * f64::from(RATE))).exp();
        // The rotation itself is rotated in each step, which makes a chirp without a sine per sample.
        let w = TAU * self.hz / f64::from(RATE);
        let (dw_sin, dw_cos) = (w * self.glide * std::f64::consts::LN_2 / f64::from(RATE)).sin_cos();
        let (mut im, mut re) = w.sin_cos();
        let (mut x, mut y) = (self.gain, 0.0);
        for sample in out[start..].iter_mut().take(length) {
            *sample += y;
            (x, y) = (decay * (x * re - y * im), decay * (x * im + y * re));
            (re, im) = (re * dw_cos - im * dw_sin, re * dw_sin + im * dw_cos);
        }
    }
}

/// Returns the times, in seconds up to `length_s`, of a Poisson process whose rate per second is `rate(t)`, at most
/// `peak`.
pub fn poisson(length_s: f64, peak: f64, rate: impl Fn(f64) -> f64, stream: &mut Stream) -> Vec<f64> {
    let mut times = Vec::new();
    let mut t = 0.0;
    loop {
        t -= (1.0 - stream.unit()).ln() / peak;
        if t >= length_s {
            return times;
        }
        // Thinning: a candidate of the process with the constant rate `peak` is kept with probability `rate(t) / peak`.
        if stream.chance(rate(t) / peak) {
            times.push(t);
        }
    }
}

/// Draws a value between `low` and `high`, uniformly on a logarithmic axis.
pub fn log_uniform(low: f64, high: f64, stream: &mut Stream) -> f64 {
    stream.uniform(low.ln(), high.ln()).exp()
}

/// Draws a factor around 1, normally distributed in decibels with the standard deviation `sd`.
pub fn decibels(sd: f64, stream: &mut Stream) -> f64 {
    10.0_f64.powf(sd * stream.normal() / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter_rng::Key;

    #[test]
    fn a_grain_decays_and_glides() {
        let mut out = vec![0.0; 44_100];
        Grain { hz: 500.0, glide: 1.0, decay_s: 0.5, gain: 1.0 }.add(&mut out, 0.0);
        let periods = |from: usize, to: usize| out[from..to].windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
        // An octave per second from 500 Hz: the frequency rises like 500 · (1 + t ln 2) at first.
        assert!((50..=52).contains(&periods(0, 4410)));
        assert!((79..=84).contains(&periods(39_690, 44_100)), "{}", periods(39_690, 44_100));
        let peak = |from: usize| out[from..from + 100].iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!((peak(22_050) / peak(0) - (-1.0_f64).exp()).abs() < 0.02);
    }

    #[test]
    fn a_poisson_process_has_its_rate_where_it_should() {
        let mut stream = Key::new(6).stream();
        let times = poisson(100.0, 50.0, |t| if t < 50.0 { 50.0 } else { 10.0 }, &mut stream);
        let early = times.iter().filter(|&&t| t < 50.0).count();
        assert!((2300..2700).contains(&early), "{early} of 2500");
        assert!((420..580).contains(&(times.len() - early)), "{} of 500", times.len() - early);
        assert!(times.windows(2).all(|w| w[0] < w[1]));
    }
}
