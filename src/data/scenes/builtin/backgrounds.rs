//! Background sounds of a room in which no event happens: hum, street, wind, fan and distant voices.

use super::calls::speech;
use super::grains::{Grain, decibels, log_uniform, poisson};
use super::noise::{Drift, Tilt, White};
use super::oscillators::{Harmonics, Phase};
use super::render;
use super::resonators::{Comb, LowPass, Resonator};
use crate::base::counter_rng::Key;

/// Synthesises a quiet room: mains hum, a refrigerator's tone and air, with a faint knock now and then.
pub fn room_hum(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let hz = *draw.choose(&[50.0, 60.0, 100.0, 120.0]) * draw.uniform(0.998, 1.002);
    let (top_hz, tilt) = (log_uniform(400.0, 2500.0, &mut draw), draw.uniform(4.0, 10.0));
    let mut hum = Harmonics::falling(hz, top_hz, tilt, 8.0, &mut draw);
    let mut air = (White::new(key.named("air")), Tilt::new(draw.uniform(-6.0, -2.5)));
    let mut drift = Drift::new(key.named("drift"), 0.4);
    let gain = log_uniform(0.05, 1.0, &mut draw);
    let mut out = render(length_s, |_| (1.0 + 0.3 * drift.next()) * gain * hum.next(hz) + air.1.next(air.0.next()));
    for at in poisson(length_s, 0.4, |_| 0.4, &mut draw) {
        let hz = log_uniform(120.0, 900.0, &mut draw);
        Grain { hz, glide: 0.0, decay_s: draw.uniform(0.005, 0.03), gain: 2.0 * decibels(4.0, &mut draw) }
            .add(&mut out, at);
    }
    out
}

/// Synthesises a street: a far rumble and cars that pass.
pub fn street(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mut far = (White::new(key.named("far")), Tilt::new(draw.uniform(-6.0, -4.0)));
    let mut tyres = White::new(key.named("tyres"));
    let mut band = Resonator::default();
    let passes = poisson(length_s + 4.0, 0.5, |_| 0.5, &mut draw);
    let cars: Vec<[f64; 4]> = passes
        .into_iter()
        .map(|t| [t - 2.0, draw.uniform(0.4, 1.8), draw.uniform(0.3, 2.0), log_uniform(250.0, 1300.0, &mut draw)])
        .collect();
    let (mut level, mut i) = (0.0, 0_usize);
    render(length_s, |t| {
        if i.is_multiple_of(64) {
            // The level and the centre frequency follow the nearest approach of each car.
            let nearness = |car: &[f64; 4]| car[2] / (1.0 + ((t - car[0]) / car[1]).powi(2));
            level = cars.iter().map(nearness).sum();
            let weighted: f64 = cars.iter().map(|car| nearness(car) * car[3]).sum();
            let hz = weighted / f64::max(level, 1e-6);
            band.tune(hz.max(200.0), 0.9 * hz.max(200.0));
        }
        i += 1;
        far.1.next(far.0.next()) + level * band.next(tyres.next())
    })
}

/// Synthesises wind at a window: gusts whose strength and pitch rise together.
pub fn wind(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mut air = White::new(key.named("air"));
    let mut rumble = Tilt::new(draw.uniform(-6.0, -4.0));
    let mut gust = Drift::new(key.named("gust"), draw.uniform(0.3, 1.2));
    let mut flicker = Drift::new(key.named("flicker"), draw.uniform(3.0, 8.0));
    let whistle_hz = log_uniform(180.0, 900.0, &mut draw);
    let (width, gain, depth) = (draw.uniform(0.1, 0.6), draw.uniform(0.5, 4.0), draw.uniform(0.3, 0.85));
    let mut whistle = Resonator::default();
    let mut i = 0_usize;
    render(length_s, |_| {
        let strength = 1.0 + depth * (0.8 * gust.next() + 0.2 * flicker.next());
        if i.is_multiple_of(64) {
            let hz = whistle_hz * (0.6 + 0.4 * strength);
            whistle.tune(hz, width * hz);
        }
        i += 1;
        let x = air.next() * strength;
        rumble.next(x) + gain * strength * whistle.next(x)
    })
}

/// Synthesises a ventilator: steady air through a duct, the tone of its blades, and a slow beat.
pub fn fan(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mut air = (White::new(key.named("air")), Tilt::new(draw.uniform(-5.5, -1.5)));
    let mut duct = Comb::new(draw.uniform(0.002, 0.015), draw.uniform(0.1, 0.6), draw.uniform(1000.0, 5000.0));
    let (hz, gain) = (log_uniform(40.0, 260.0, &mut draw), log_uniform(0.03, 0.8, &mut draw));
    let mut blades = Harmonics::falling(hz, 2500.0, draw.uniform(4.0, 10.0), 6.0, &mut draw);
    let mut beat = Phase::random(&mut draw);
    let (beat_hz, depth) = (draw.uniform(0.3, 12.0), draw.uniform(0.0, 0.25));
    render(length_s, |_| {
        beat.advance(beat_hz);
        (1.0 + depth * beat.sine()) * (gain * blades.next(hz) + duct.next(air.1.next(air.0.next())))
    })
}

/// Synthesises voices in the next room: several people at once, through a wall.
pub fn far_voices(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mut out = vec![0.0; super::samples(length_s)];
    for person in 0..3 + draw.below(4) as u64 {
        let voice = speech(key.named("person").child(person), length_s);
        let gain = draw.uniform(0.3, 1.0);
        let shift = draw.below(out.len());
        for (i, x) in voice.iter().take(out.len()).enumerate() {
            let at = (i + shift) % out.len();
            out[at] += gain * x;
        }
    }
    let mut wall = [LowPass::new(draw.uniform(400.0, 1200.0)), LowPass::new(draw.uniform(600.0, 2500.0))];
    let mut rooms =
        [0.031, 0.043, 0.057].map(|s| Comb::new(s * draw.uniform(0.8, 1.3), draw.uniform(0.6, 0.85), 1500.0));
    let mut air = (White::new(key.named("air")), Tilt::new(-4.0));
    let air_gain = log_uniform(0.005, 0.05, &mut draw);
    for sample in &mut out {
        let dull = wall.iter_mut().fold(*sample, |x, wall| wall.next(x));
        *sample = rooms.iter_mut().map(|room| room.next(dull)).sum::<f64>() + air_gain * air.1.next(air.0.next());
    }
    out
}
