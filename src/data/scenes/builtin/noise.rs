//! Noise: white, tilted towards low or high frequencies, and a slow drift that keeps a sound from being static.

use super::RATE;
use crate::base::counter_rng::{Key, Stream};

/// White noise of unit variance.
pub struct White(Stream);

impl White {
    /// Makes the noise of `key`.
    pub fn new(key: Key) -> Self {
        Self(key.stream())
    }

    /// Returns the next sample. The distribution is uniform: after any filter it sounds like normal noise, at a quarter
    /// of the cost.
    pub fn next(&mut self) -> f64 {
        (f64::from(self.0.bits()) * (2.0 / 4_294_967_296.0) - 1.0) * 1.732_050_807_568_877_2
    }
}

/// A filter whose gain changes by a constant number of decibels per octave between 60 Hz and 15 kHz, with 0 dB near 1
/// kHz. Its poles and zeros alternate on a logarithmic axis; their distance sets the slope.
pub struct Tilt {
    sections: Vec<PoleZero>,
}

struct PoleZero {
    pole: f64,
    zero: f64,
    gain: f64,
    x: f64,
    y: f64,
}

impl Tilt {
    /// Makes a tilt of `db_per_octave`, between −6 and 6.
    pub fn new(db_per_octave: f64) -> Self {
        let shift = -db_per_octave / 6.02;
        let sections = (0..4).map(|i| PoleZero::new(60.0 * 4.0_f64.powi(i) * 2.0, 4.0_f64.powf(shift))).collect();
        Self { sections }
    }

    /// Filters the next sample.
    pub fn next(&mut self, x: f64) -> f64 {
        self.sections.iter_mut().fold(x, |x, section| section.next(x))
    }
}

impl PoleZero {
    /// Makes a pole at `hz / √ratio` and a zero at `hz · √ratio`.
    fn new(hz: f64, ratio: f64) -> Self {
        let corner = |hz: f64| (-std::f64::consts::TAU * hz / f64::from(RATE)).exp();
        let (pole, zero) = (corner(hz / ratio.sqrt()), corner(hz * ratio.sqrt()));
        // Unit gain at 1 kHz, so that the level does not depend on the slope.
        let w = std::f64::consts::TAU * 1000.0 / f64::from(RATE);
        let magnitude = |root: f64| (1.0 - 2.0 * root * w.cos() + root * root).sqrt();
        Self { pole, zero, gain: magnitude(pole) / magnitude(zero), x: 0.0, y: 0.0 }
    }

    fn next(&mut self, x: f64) -> f64 {
        self.y = self.gain * (x - self.zero * self.x) + self.pole * self.y;
        self.x = x;
        self.y
    }
}

/// A smooth random curve in [−1, 1]: independent uniform values at a given rate, joined by half cosines.
pub struct Drift {
    stream: Stream,
    step: f64,
    phase: f64,
    from: f64,
    to: f64,
}

impl Drift {
    /// Makes a curve from `key` with `hz` values per second.
    pub fn new(key: Key, hz: f64) -> Self {
        let mut stream = key.stream();
        let (from, to) = (stream.uniform(-1.0, 1.0), stream.uniform(-1.0, 1.0));
        Self { stream, step: hz / f64::from(RATE), phase: 0.0, from, to }
    }

    /// Returns the next sample.
    pub fn next(&mut self) -> f64 {
        self.phase += self.step;
        while self.phase >= 1.0 {
            self.phase -= 1.0;
            self.from = std::mem::replace(&mut self.to, self.stream.uniform(-1.0, 1.0));
        }
        // The cubic 3p² − 2p³ is the half cosine to within 1 %.
        let p = self.phase;
        self.from + (self.to - self.from) * p * p * (3.0 - 2.0 * p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_noise_has_unit_variance_and_no_memory() {
        let mut noise = White::new(Key::new(1));
        let x: Vec<f64> = (0..50_000).map(|_| noise.next()).collect();
        let product = |lag: usize| x.iter().zip(&x[lag..]).map(|(a, b)| a * b).sum::<f64>() / x.len() as f64;
        assert!((product(0) - 1.0).abs() < 0.02, "variance {}", product(0));
        assert!(product(1).abs() < 0.02, "covariance of neighbours {}", product(1));
    }

    #[test]
    fn a_tilt_falls_by_its_slope_and_is_neutral_at_1_khz() {
        let gain_db = |slope: f64, hz: f64| {
            let mut tilt = Tilt::new(slope);
            let w = std::f64::consts::TAU * hz / f64::from(RATE);
            let peak = (0..40_000).map(|i| tilt.next((w * f64::from(i)).sin())).skip(20_000).fold(0.0, f64::max);
            20.0 * peak.log10()
        };
        for slope in [-5.0, -2.0, 2.0] {
            assert!(gain_db(slope, 1000.0).abs() < 0.1, "{slope}");
            let octaves = gain_db(slope, 4000.0) - gain_db(slope, 250.0);
            assert!((octaves - 4.0 * slope).abs() < 2.5, "{slope} dB per octave gave {octaves} dB over four");
        }
    }

    #[test]
    fn drift_is_bounded_and_smooth() {
        let mut drift = Drift::new(Key::new(2), 10.0);
        let x: Vec<f64> = (0..100_000).map(|_| drift.next()).collect();
        assert!(x.iter().all(|v| v.abs() <= 1.0));
        let step = x.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
        // The steepest part of the cubic: 1.5 times a full swing of 2 within a tenth of a second.
        assert!(step <= 1.5 * 2.0 * 10.0 / f64::from(RATE) * 1.001, "step {step}");
        assert!(x.iter().fold(0.0_f64, |m, v| m.max(v.abs())) > 0.5);
    }
}
