//! Frying and running water: a noise, and many small random events (crackles in fat, bubbles in water).

use super::grains::{Grain, decibels, log_uniform, poisson};
use super::noise::{Drift, Tilt, White};
use super::resonators::{HighPass, LowPass, Resonator};
use super::{render, samples};
use crate::base::counter_rng::Key;

/// Synthesises frying: steam that hisses and water that bursts out of hot fat, in showers.
pub fn frying(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mut steam = (White::new(key.named("steam")), Tilt::new(draw.uniform(-2.5, 2.5)));
    let mut highpass = HighPass::new(log_uniform(200.0, 2500.0, &mut draw));
    let mut pan = Resonator::new(log_uniform(400.0, 6000.0, &mut draw), 900.0);
    let mut simmer = Drift::new(key.named("simmer"), draw.uniform(1.0, 12.0));
    let (pan_gain, unrest) = (draw.uniform(0.2, 2.5), draw.uniform(0.05, 0.4));
    let mut out = render(length_s, |_| {
        let hiss = highpass.next(steam.1.next(steam.0.next())) * (1.0 + unrest * simmer.next());
        hiss + pan_gain * pan.next(hiss)
    });
    let peak = log_uniform(15.0, 350.0, &mut draw);
    let (shower_hz, gain) = (draw.uniform(0.3, 3.0), log_uniform(0.7, 9.0, &mut draw));
    let mut shower = Drift::new(key.named("shower"), shower_hz);
    let density: Vec<f64> = (0..samples(length_s)).map(|_| 0.55 + 0.45 * shower.next()).collect();
    let (low_hz, high_hz) = (log_uniform(600.0, 2000.0, &mut draw), log_uniform(4000.0, 12_000.0, &mut draw));
    for at in poisson(length_s, peak, |t| peak * density[samples(t).min(density.len() - 1)], &mut draw) {
        let hz = log_uniform(low_hz, high_hz, &mut draw);
        let gain = gain * decibels(7.0, &mut draw);
        Grain { hz, glide: 0.0, decay_s: log_uniform(0.0003, 0.004, &mut draw), gain }.add(&mut out, at);
    }
    out
}

/// Synthesises running water: a jet that hisses, a basin that colours it, and bubbles that ring and rise in pitch as
/// they surface.
pub fn water(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mut jet = (White::new(key.named("jet")), Tilt::new(draw.uniform(-4.5, 1.5)));
    let mut lowpass = LowPass::new(log_uniform(2500.0, 15_000.0, &mut draw));
    let mut highpass = HighPass::new(log_uniform(100.0, 1500.0, &mut draw));
    let mut basin = Resonator::new(log_uniform(250.0, 3500.0, &mut draw), draw.uniform(150.0, 1200.0));
    let mut flow = Drift::new(key.named("flow"), draw.uniform(2.0, 15.0));
    let (basin_gain, turbulence) = (draw.uniform(0.2, 3.5), draw.uniform(0.03, 0.35));
    let mut out = render(length_s, |_| {
        let hiss = (1.0 + turbulence * flow.next()) * highpass.next(lowpass.next(jet.1.next(jet.0.next())));
        hiss + basin_gain * basin.next(hiss)
    });
    // The rate ranges from a shower head, with hardly any bubbles, to a tap over a full sink.
    let rate = log_uniform(8.0, 350.0, &mut draw);
    let gain = log_uniform(0.25, 3.5, &mut draw);
    let (low_hz, high_hz) = (log_uniform(200.0, 900.0, &mut draw), log_uniform(1500.0, 6000.0, &mut draw));
    for at in poisson(length_s, rate, |_| rate, &mut draw) {
        let hz = log_uniform(low_hz, high_hz, &mut draw);
        // A small bubble has a high pitch and rings briefly.
        let decay_s = draw.uniform(4.0, 16.0) / hz;
        let glide = draw.uniform(0.0, 12.0);
        Grain { hz, glide, decay_s, gain: gain * decibels(5.0, &mut draw) }.add(&mut out, at);
    }
    out
}
