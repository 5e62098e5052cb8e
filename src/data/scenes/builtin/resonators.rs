//! Resonators and filters: two-pole band-passes (formants, bodies, tubes), first-order slopes, combs, and modes of
//! struck bodies.

use super::RATE;
use crate::base::counter_rng::Stream;
use std::f64::consts::TAU;

/// A band-pass of two poles with unit gain at its centre; it may be retuned while it rings.
#[derive(Default)]
pub struct Resonator {
    b0: f64,
    a1: f64,
    a2: f64,
    x: [f64; 2],
    y: [f64; 2],
}

impl Resonator {
    /// Makes a resonator at `hz` whose gain is 3 dB down `bandwidth / 2` hertz away.
    pub fn new(hz: f64, bandwidth: f64) -> Self {
        let mut resonator = Self::default();
        resonator.tune(hz, bandwidth);
        resonator
    }

    /// Moves the centre frequency and keeps the filter's state.
    pub fn tune(&mut self, hz: f64, bandwidth: f64) {
        let w = TAU * hz.clamp(20.0, 0.45 * f64::from(RATE)) / f64::from(RATE);
        let alpha = (0.5 * TAU * bandwidth / f64::from(RATE)).tan().min(w.sin());
        self.b0 = alpha / (1.0 + alpha);
        self.a1 = -2.0 * w.cos() / (1.0 + alpha);
        self.a2 = (1.0 - alpha) / (1.0 + alpha);
    }

    /// Filters the next sample.
    pub fn next(&mut self, x: f64) -> f64 {
        let y = self.b0 * (x - self.x[1]) - self.a1 * self.y[0] - self.a2 * self.y[1];
        self.x = [x, self.x[0]];
        self.y = [y, self.y[0]];
        y
    }
}

/// A first-order low-pass.
pub struct LowPass {
    a: f64,
    y: f64,
}

impl LowPass {
    /// Makes a low-pass that is 3 dB down at `hz`.
    pub fn new(hz: f64) -> Self {
        Self { a: 1.0 - (-TAU * hz / f64::from(RATE)).exp(), y: 0.0 }
    }

    /// Filters the next sample.
    pub fn next(&mut self, x: f64) -> f64 {
        self.y += self.a * (x - self.y);
        self.y
    }
}

/// A first-order high-pass.
pub struct HighPass(LowPass);

impl HighPass {
    /// Makes a high-pass that is 3 dB down at `hz`.
    pub fn new(hz: f64) -> Self {
        Self(LowPass::new(hz))
    }

    /// Filters the next sample.
    pub fn next(&mut self, x: f64) -> f64 {
        x - self.0.next(x)
    }
}

/// A delay line with feedback through a low-pass: a tube, or one wall of a room.
pub struct Comb {
    line: Vec<f64>,
    at: usize,
    feedback: f64,
    damping: LowPass,
}

impl Comb {
    /// Makes a comb with peaks every 1 / `delay_s` hertz. `feedback` lies in (−1, 1); the low-pass dampens echoes above
    /// `damping_hz`.
    pub fn new(delay_s: f64, feedback: f64, damping_hz: f64) -> Self {
        let length = ((delay_s * f64::from(RATE)).round() as usize).max(1);
        Self { line: vec![0.0; length], at: 0, feedback, damping: LowPass::new(damping_hz) }
    }

    /// Returns the input plus its echoes.
    pub fn next(&mut self, x: f64) -> f64 {
        let y = x + self.feedback * self.damping.next(self.line[self.at]);
        self.line[self.at] = y;
        self.at = if self.at + 1 == self.line.len() { 0 } else { self.at + 1 };
        y
    }
}

/// The modes of a rigid body, each a decaying sinusoid that a strike excites.
#[derive(Clone)]
pub struct Modes(Vec<VibrationMode>);

#[derive(Clone, Copy)]
struct VibrationMode {
    /// Frequency in hertz.
    hz: f64,
    /// Time until the amplitude has fallen by 60 dB, in seconds.
    t60_s: f64,
    gain: f64,
}

impl Modes {
    /// Makes modes at `hz` times each ratio. The fundamental decays in `t60_s`; a higher mode decays faster, by its
    /// ratio to the power `damping`. Gains are drawn around a fall of `tilt_db` decibels per octave.
    pub fn new(hz: f64, ratios: &[f64], t60_s: f64, damping: f64, tilt_db: f64, stream: &mut Stream) -> Self {
        let mode = |&ratio: &f64| {
            let fall = 10.0_f64.powf(-tilt_db * ratio.log2() / 20.0);
            VibrationMode { hz: hz * ratio, t60_s: t60_s * ratio.powf(-damping), gain: fall * stream.uniform(0.3, 1.0) }
        };
        Self(ratios.iter().map(mode).filter(|mode| mode.hz < 0.45 * f64::from(RATE)).collect())
    }

    /// Adds one strike at `at_s` seconds with the given strength to `out`. The amplitude of each mode is drawn anew,
    /// because every strike hits the body at another point. The part beyond the end of `out` is dropped.
    pub fn strike(&self, out: &mut [f64], at_s: f64, strength: f64, stream: &mut Stream) {
        let start = ((at_s * f64::from(RATE)) as usize).min(out.len());
        for mode in &self.0 {
            let amplitude = strength * mode.gain * stream.uniform(0.5, 1.0);
            let decay = (-6.91 / (mode.t60_s * f64::from(RATE))).exp();
            let (sin, cos) = (TAU * mode.hz / f64::from(RATE)).sin_cos();
            let (re, im) = (decay * cos, decay * sin);
            let (mut x, mut y) = (amplitude, 0.0);
            let length = (1.2 * mode.t60_s * f64::from(RATE)) as usize;
            for sample in out[start..].iter_mut().take(length) {
                *sample += y;
                (x, y) = (x * re - y * im, x * im + y * re);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter_rng::Key;

    /// Measures the steady gain of a filter for a sine, as a linear factor.
    fn gain(hz: f64, mut filter: impl FnMut(f64) -> f64) -> f64 {
        let w = TAU * hz / f64::from(RATE);
        (0..60_000).map(|i| filter((w * f64::from(i)).sin())).skip(40_000).fold(0.0, f64::max)
    }

    #[test]
    fn a_resonator_passes_its_centre_and_halves_the_power_at_its_edges() {
        let at = |hz: f64| {
            let mut resonator = Resonator::new(1000.0, 100.0);
            gain(hz, |x| resonator.next(x))
        };
        assert!((at(1000.0) - 1.0).abs() < 1e-3);
        // The geometric mean of the two edges is the centre; both lie about 50 Hz from it.
        for edge in [951.25, 1051.25] {
            assert!((at(edge) - 0.5_f64.sqrt()).abs() < 0.01, "{edge}: {}", at(edge));
        }
        assert!(at(4000.0) < 0.05);
    }

    #[test]
    fn slopes_cut_on_their_side() {
        let low = |hz: f64| {
            let mut filter = LowPass::new(500.0);
            gain(hz, |x| filter.next(x))
        };
        let high = |hz: f64| {
            let mut filter = HighPass::new(500.0);
            gain(hz, |x| filter.next(x))
        };
        assert!(low(50.0) > 0.98 && low(5000.0) < 0.15);
        assert!(high(5000.0) > 0.9 && high(50.0) < 0.15);
    }

    #[test]
    fn a_comb_echoes_and_dies_away() {
        let mut comb = Comb::new(0.01, 0.5, 20_000.0);
        let x: Vec<f64> = (0..441 * 20).map(|i| comb.next(f64::from(u8::from(i == 0)))).collect();
        assert!((x[0] - 1.0).abs() < 1e-12 && x[1..441].iter().all(|v| v.abs() < 1e-12));
        assert!((0.4..0.5).contains(&x[441]), "first echo {}", x[441]);
        assert!(x[441 * 19..].iter().all(|v| v.abs() < 1e-4));
    }

    #[test]
    fn a_struck_mode_rings_at_its_frequency_and_loses_60_db_in_its_time() {
        let mut stream = Key::new(3).stream();
        let modes = Modes::new(1000.0, &[1.0], 0.2, 0.5, 0.0, &mut stream);
        let mut out = vec![0.0; 13_230];
        modes.strike(&mut out, 0.05, 1.0, &mut stream);
        assert!(out[..2205].iter().all(|&v| v == 0.0), "silent before the strike");
        let peak = |from: usize| out[from..from + 90].iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let fall_db = 20.0 * (peak(2205) / peak(2205 + 8820)).log10();
        assert!((fall_db - 60.0).abs() < 2.0, "{fall_db} dB in 0.2 s");
        let crossings = out[2205..2205 + 4410].windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
        assert!((98..=102).contains(&crossings), "{crossings} periods of 1 kHz in 0.1 s");
    }
}
