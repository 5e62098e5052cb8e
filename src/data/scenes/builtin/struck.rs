//! Struck things and others that ring like them: dishes and alarms.

use super::grains::{decibels, log_uniform};
use super::noise::White;
use super::oscillators::{Harmonics, Phase};
use super::resonators::{Modes, Resonator};
use super::{render, samples};
use crate::base::counter_rng::{Key, Stream};

/// Mode ratios of plates, cups and cutlery. Bending waves make them inharmonic, and every shape has its own.
fn ware(n: usize, stream: &mut Stream) -> Vec<f64> {
    let power = stream.uniform(1.1, 1.9);
    (0..n).map(|i| (1.0 + i as f64).powf(power) * stream.uniform(0.9, 1.1)).collect()
}

/// Synthesises dishes: clinks of two or three pieces of porcelain, glass or metal, sometimes with a rattle or a scrape.
pub fn dishes(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mut out = vec![0.0; samples(length_s)];
    let pieces: Vec<Modes> = (0..2 + draw.below(2))
        .map(|_| {
            let n = 4 + draw.below(8);
            let ratios = ware(n, &mut draw);
            let hz = log_uniform(450.0, 3200.0, &mut draw);
            let t60_s = log_uniform(0.04, 0.7, &mut draw);
            let (damping, tilt_db) = (draw.uniform(0.3, 1.2), draw.uniform(-2.0, 5.0));
            Modes::new(hz, &ratios, t60_s, damping, tilt_db, &mut draw)
        })
        .collect();
    let mut t = 0.02;
    while t < length_s - 0.04 {
        let piece = draw.choose(&pieces).clone();
        let strength = decibels(6.0, &mut draw);
        // A piece that is put down bounces, each time sooner and more weakly.
        let (mut bounce_s, mut weight, mut at) = (draw.uniform(0.02, 0.12), strength, t);
        for _ in 0..=draw.below(4) {
            piece.strike(&mut out, at, weight, &mut draw);
            thud(&mut out, at, weight, &mut draw);
            at += bounce_s;
            bounce_s *= draw.uniform(0.55, 0.9);
            weight *= draw.uniform(0.3, 0.8);
        }
        t = at + log_uniform(0.05, 0.6, &mut draw);
    }
    if draw.chance(0.35) {
        scrape(&mut out, length_s, key.named("scrape"));
    }
    out
}

/// Adds the noise of the contact: a few milliseconds, duller than the ring.
fn thud(out: &mut [f64], at_s: f64, strength: f64, stream: &mut Stream) {
    let mut body = Resonator::new(stream.uniform(200.0, 2500.0), 900.0);
    let start = samples(at_s).min(out.len());
    let (mut level, fall) = (1.5 * strength, 1.0 - 1.0 / stream.uniform(60.0, 260.0));
    for sample in out[start..].iter_mut().take(2000) {
        *sample += body.next(level * stream.uniform(-1.0, 1.0));
        level *= fall;
    }
}

/// Synthesises cutlery drawn over a plate: narrow noise that glides.
fn scrape(out: &mut [f64], length_s: f64, key: Key) {
    let mut draw = key.stream();
    let mut noise = White::new(key.named("noise"));
    let mut peaks = [Resonator::default(), Resonator::default()];
    let hz = [log_uniform(1500.0, 6000.0, &mut draw), log_uniform(1500.0, 7000.0, &mut draw)];
    let (start, s) = (draw.uniform(0.0, 0.5) * length_s, draw.uniform(0.15, 0.5) * length_s);
    let gain = draw.uniform(0.3, 1.5);
    let mut phase = Phase::default();
    let rate = draw.uniform(8.0, 60.0);
    for (i, sample) in out[samples(start)..].iter_mut().take(samples(s)).enumerate() {
        let p = i as f64 / samples(s) as f64;
        if i % 64 == 0 {
            for (peak, hz) in peaks.iter_mut().zip(hz) {
                peak.tune(hz * (1.0 + 0.3 * p), 0.15 * hz);
            }
        }
        phase.advance(rate);
        let x = noise.next() * gain * (std::f64::consts::PI * p).sin() * (0.6 + 0.4 * phase.sine());
        *sample += peaks.iter_mut().map(|peak| peak.next(x)).sum::<f64>();
    }
}

/// Synthesises an alarm: a mechanical bell hammered many times a second, an electronic beeper, a two-tone ringer or a
/// siren.
pub fn alarm(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    match draw.below(5) {
        0 | 1 => bell(length_s, &mut draw),
        2 | 3 => beeper(length_s, &mut draw),
        _ => siren(length_s, &mut draw),
    }
}

fn bell(length_s: f64, draw: &mut Stream) -> Vec<f64> {
    let mut out = vec![0.0; samples(length_s)];
    let ratios: Vec<f64> = [1.0, 2.0, 2.4, 3.0, 4.5, 5.3, 6.7, 8.1].map(|r| r * draw.uniform(0.94, 1.06)).to_vec();
    let hz = log_uniform(350.0, 2200.0, draw);
    let t60_s = log_uniform(0.15, 2.5, draw);
    let bell = Modes::new(hz, &ratios, t60_s, draw.uniform(0.2, 0.8), draw.uniform(-3.0, 4.0), draw);
    // The rate ranges from a church bell's slow strokes to a school bell's hammer.
    let rate = log_uniform(1.5, 28.0, draw);
    let (on_s, off_s) = if draw.chance(0.4) { (draw.uniform(0.4, 1.5), draw.uniform(0.2, 0.8)) } else { (9.0, 0.0) };
    let mut t = 0.02;
    while t < length_s {
        if t % (on_s + off_s) < on_s {
            bell.strike(&mut out, t, decibels(1.5, draw), draw);
            thud(&mut out, t, 0.15, draw);
        }
        t += draw.uniform(0.95, 1.05) / rate;
    }
    out
}

fn beeper(length_s: f64, draw: &mut Stream) -> Vec<f64> {
    let low = log_uniform(500.0, 3600.0, draw);
    let pitches = [low, if draw.chance(0.5) { low } else { low * draw.uniform(1.1, 1.6) }];
    let n = (1 + draw.below(9)).min((18_000.0 / pitches[1]) as usize);
    // An odd harmonic series is a square wave, the sound of a cheap buzzer.
    let odd = draw.chance(0.5);
    let fall = draw.uniform(3.0, 12.0);
    let level =
        |k: usize| if odd && k.is_multiple_of(2) { 0.0 } else { 10.0_f64.powf(-fall * (k as f64).log2() / 20.0) };
    let mut tone = Harmonics::new(&(1..=n).map(level).collect::<Vec<_>>());
    let beep_s = log_uniform(0.03, 0.6, draw);
    let gap_s = beep_s * if draw.chance(0.2) { 0.0 } else { draw.uniform(0.3, 1.6) };
    let group = if draw.chance(0.4) { 2 + draw.below(4) } else { usize::MAX };
    let rest_s = draw.uniform(0.2, 0.8);
    let soft_s = draw.uniform(0.001, 0.012);
    let (mut beep, mut t, mut in_group) = (0, 0.0, 0);
    let mut starts = Vec::new();
    while t < length_s {
        starts.push((t, pitches[beep % 2]));
        beep += 1;
        in_group += 1;
        t += beep_s + gap_s;
        if in_group == group {
            in_group = 0;
            t += rest_s;
        }
    }
    let mut at = 0;
    render(length_s, |t| {
        while at + 1 < starts.len() && starts[at + 1].0 <= t {
            at += 1;
        }
        let (start, hz) = starts[at];
        tone.next(hz) * super::envelope::swell(t - start, beep_s, soft_s, soft_s)
    })
}

fn siren(length_s: f64, draw: &mut Stream) -> Vec<f64> {
    let (low, span) = (log_uniform(400.0, 1800.0, draw), draw.uniform(1.15, 2.2));
    let rate = log_uniform(0.3, 9.0, draw);
    let top_hz = low * draw.uniform(3.0, 13.0);
    let mut tone = Harmonics::falling(low, top_hz.min(18_000.0 / span), draw.uniform(3.0, 12.0), 5.0, draw);
    let shape = draw.below(3);
    let mut sweep = Phase::random(draw);
    render(length_s, |_| {
        sweep.advance(rate);
        let p = match shape {
            0 => 0.5 + 0.5 * sweep.sine(),
            1 => sweep.turns(),
            _ => f64::from(u8::from(sweep.turns() < 0.5)),
        };
        tone.next(low * span.powf(p))
    })
}
