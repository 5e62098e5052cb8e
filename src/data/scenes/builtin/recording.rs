//! A recording of a source: room, microphone and level. They are drawn anew for each file, so that the recording does
//! not give the class away.

use super::RATE;
use super::envelope::swell;
use super::grains::log_uniform;
use super::noise::{Tilt, White};
use super::resonators::{Comb, HighPass, LowPass, Resonator};
use crate::base::counter_rng::Key;

/// Records `source` with a chain drawn from `key`. The result is finite, free of DC, and has a peak between 0.1 and
/// 0.9.
pub fn record(source: &[f64], key: Key) -> Vec<f32> {
    let mut draw = key.stream();
    let mut tilt = Tilt::new(draw.uniform(-2.0, 2.0));
    let mut colour: Vec<(Resonator, f64)> = (0..2)
        .map(|_| {
            let hz = log_uniform(150.0, 7000.0, &mut draw);
            (Resonator::new(hz, hz * draw.uniform(0.4, 1.2)), draw.uniform(-0.5, 1.2))
        })
        .collect();
    let low_hz = log_uniform(30.0, 160.0, &mut draw);
    let mut low_cut = [HighPass::new(low_hz), HighPass::new(low_hz)];
    let high_hz = log_uniform(4500.0, 18_000.0, &mut draw);
    let mut high_cut = [LowPass::new(high_hz), LowPass::new(high_hz)];
    let size = draw.uniform(0.6, 1.6);
    let liveliness = draw.uniform(0.3, 0.8);
    let mut room =
        [0.0131, 0.0179, 0.0233, 0.0297].map(|s| Comb::new(s * size, liveliness, draw.uniform(1500.0, 6000.0)));
    let wet = draw.uniform(0.0, 0.5).powi(2);

    let mut out: Vec<f64> = source
        .iter()
        .map(|&x| {
            let x = x + wet * room.iter_mut().map(|wall| wall.next(x)).sum::<f64>();
            let x = x + colour.iter_mut().map(|(peak, gain)| *gain * peak.next(x)).sum::<f64>();
            let x = high_cut.iter_mut().fold(tilt.next(x), |x, cut| cut.next(x));
            low_cut.iter_mut().fold(x, |x, cut| cut.next(x))
        })
        .collect();

    // Adds the microphone's noise, and fades the ends so that they do not click.
    let peak = |out: &[f64]| out.iter().fold(0.0_f64, |peak, x| peak.max(x.abs()));
    let mut noise = (White::new(key.named("noise")), LowPass::new(2000.0));
    let floor = peak(&out) * log_uniform(0.0001, 0.004, &mut draw);
    let length_s = out.len() as f64 / f64::from(RATE);
    for (i, x) in out.iter_mut().enumerate() {
        let t = i as f64 / f64::from(RATE);
        *x = (*x + floor * noise.1.next(noise.0.next())) * swell(t, length_s, 0.003, 0.008);
    }
    let gain = log_uniform(0.1, 0.9, &mut draw) / peak(&out).max(1e-9);
    out.iter().map(|x| (gain * x) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_has_no_dc_soft_ends_and_a_peak_in_range() {
        let source: Vec<f64> = (0..RATE).map(|i| 3.0 + (f64::from(i) * 0.1).sin()).collect();
        for i in 0..20 {
            let file = record(&source, Key::new(7).child(i));
            assert_eq!(file.len(), source.len());
            let peak = file.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            assert!((0.0999..=0.9001).contains(&peak), "peak {peak}");
            assert!(file[0].abs() < 1e-3 && file[file.len() - 1].abs() < 1e-3);
            // After the transient of the low cut, only the sine is left.
            let tail = &file[22_050..];
            let mean = tail.iter().sum::<f32>() / tail.len() as f32;
            assert!(mean.abs() < 0.01 * peak, "mean {mean} of peak {peak}");
        }
    }

    #[test]
    fn the_same_source_is_recorded_differently_each_time() {
        let source: Vec<f64> = (0..4410).map(|i| (f64::from(i) * 0.1).sin()).collect();
        let files: Vec<_> = (0..4).map(|i| record(&source, Key::new(8).child(i))).collect();
        assert!((1..4).all(|i| files[i] != files[0]));
        assert_eq!(record(&source, Key::new(8).child(0)), files[0]);
    }
}
