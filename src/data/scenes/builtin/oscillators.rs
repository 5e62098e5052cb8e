//! Oscillators: harmonic series with one phase, and the pulses of vocal folds.

use super::RATE;
use crate::base::counter_rng::{Key, Stream};
use std::f64::consts::TAU;

/// A phase, counted in turns, that advances with a frequency.
#[derive(Default, Clone, Copy)]
pub struct Phase(f64);

impl Phase {
    /// Makes a phase that starts at a random point of its turn.
    pub fn random(stream: &mut Stream) -> Self {
        Self(stream.unit())
    }

    /// Advances by one sample at `hz` and returns whether a new turn has begun.
    pub fn advance(&mut self, hz: f64) -> bool {
        self.0 += hz / f64::from(RATE);
        let wrapped = self.0 >= 1.0;
        self.0 -= self.0.floor();
        wrapped
    }

    /// Returns the sine of the phase.
    pub fn sine(self) -> f64 {
        (TAU * self.0).sin()
    }

    /// Returns the phase in turns, in [0, 1).
    pub fn turns(self) -> f64 {
        self.0
    }
}

/// A sum of harmonics of one fundamental, with fixed amplitudes. One period is tabulated and read at any pitch.
pub struct Harmonics {
    phase: Phase,
    /// One period and its first value again, so that interpolation at the end has a right neighbour.
    period: Vec<f64>,
}

/// Number of samples in the table. With 128 harmonics, the shortest wave still has 32 samples, so linear interpolation
/// has an error below −40 dB.
const TABLE: usize = 4096;

impl Harmonics {
    /// Makes a sum in which harmonic k has amplitude `amplitudes[k − 1]`. At most 128 are used.
    pub fn new(amplitudes: &[f64]) -> Self {
        let mut period = vec![0.0; TABLE + 1];
        for (i, value) in period.iter_mut().enumerate() {
            let (sin, cos) = (TAU * i as f64 / TABLE as f64).sin_cos();
            // sin(kθ) = 2 cos θ · sin((k−1)θ) − sin((k−2)θ)
            let (mut last, mut this) = (0.0, sin);
            for amplitude in amplitudes.iter().take(128) {
                *value += amplitude * this;
                (last, this) = (this, 2.0 * cos * this - last);
            }
        }
        Self { phase: Phase::default(), period }
    }

    /// Makes the harmonics of `hz` up to `top_hz`. Their levels fall by `tilt_db` decibels per octave, each drawn
    /// within ±`spread_db` of that line.
    pub fn falling(hz: f64, top_hz: f64, tilt_db: f64, spread_db: f64, stream: &mut Stream) -> Self {
        let level = |k: usize| -tilt_db * (k as f64).log2() + spread_db * stream.uniform(-1.0, 1.0);
        let n = (top_hz / hz).max(1.0) as usize;
        let amplitudes: Vec<f64> = (1..=n).map(level).map(|db| 10.0_f64.powf(db / 20.0)).collect();
        Self::new(&amplitudes)
    }

    /// Returns the next sample at the fundamental `hz`.
    pub fn next(&mut self, hz: f64) -> f64 {
        self.phase.advance(hz);
        let at = self.phase.turns() * TABLE as f64;
        let i = at as usize;
        self.period[i] + (at - i as f64) * (self.period[i + 1] - self.period[i])
    }
}

/// Vocal folds, as the derivative of the air flow. Each period has a rounded opening and a sharp closure, and varies a
/// little in length and strength (jitter and shimmer).
pub struct Glottis {
    phase: Phase,
    stream: Stream,
    jitter: f64,
    shimmer: f64,
    open: f64,
    period: f64,
    strength: f64,
}

impl Glottis {
    /// Makes folds that are open for the fraction `open` of a period. `jitter` and `shimmer` are relative standard
    /// deviations.
    pub fn new(key: Key, open: f64, jitter: f64, shimmer: f64) -> Self {
        Self { phase: Phase::default(), stream: key.stream(), jitter, shimmer, open, period: 1.0, strength: 1.0 }
    }

    /// Returns the next sample at the fundamental `hz`, within about ±1.
    pub fn next(&mut self, hz: f64) -> f64 {
        if self.phase.advance(hz * self.period) {
            self.period = (1.0 + self.jitter * self.stream.normal()).clamp(0.5, 2.0);
            self.strength = (1.0 + self.shimmer * self.stream.normal()).clamp(0.1, 2.0);
        }
        let p = self.phase.turns() / self.open;
        // The flow p²(1 − p) of Rosenberg's pulse; its derivative jumps where the folds close.
        if p < 1.0 { self.strength * (2.0 * p - 3.0 * p * p) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_the_sum_of_its_harmonics() {
        let amplitudes = [1.0, 0.0, -0.5, 0.25];
        let mut tone = Harmonics::new(&amplitudes);
        for i in 1..2000 {
            let turns = f64::from(i) * 330.0 / f64::from(RATE);
            let sum: f64 = amplitudes.iter().enumerate().map(|(k, a)| a * (TAU * (k as f64 + 1.0) * turns).sin()).sum();
            assert!((tone.next(330.0) - sum).abs() < 1e-4);
        }
    }

    #[test]
    fn folds_pulse_at_their_pitch_without_dc() {
        let mut glottis = Glottis::new(Key::new(4), 0.6, 0.0, 0.0);
        let x: Vec<f64> = (0..RATE).map(|_| glottis.next(200.0)).collect();
        // The closure is the one sharp edge of a period.
        let closures = x.windows(2).filter(|w| w[1] - w[0] > 0.5).count();
        assert!((199..=201).contains(&closures), "{closures} closures in a second");
        let mean = x.iter().sum::<f64>() / f64::from(RATE);
        assert!(mean.abs() < 0.01, "mean {mean}");
    }

    #[test]
    fn jitter_makes_periods_differ() {
        let mut glottis = Glottis::new(Key::new(5), 0.6, 0.1, 0.0);
        let x: Vec<f64> = (0..RATE).map(|_| glottis.next(200.0)).collect();
        let edges: Vec<usize> = (1..x.len()).filter(|&i| x[i] - x[i - 1] > 0.5).collect();
        let periods: Vec<usize> = edges.windows(2).map(|w| w[1] - w[0]).collect();
        let (least, most) = (periods.iter().min().unwrap(), periods.iter().max().unwrap());
        assert!(most - least > 40, "periods from {least} to {most} samples");
    }
}
