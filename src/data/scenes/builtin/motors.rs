//! Household motors: blender, shaver or toothbrush, vacuum cleaner. Each consists of a harmonic series with a load,
//! turbulent air or a worked material, and a body that filters the sum. The three classes differ only in the
//! proportions.

use super::envelope::{Breakpoints, swell};
use super::grains::{Grain, decibels, log_uniform, poisson};
use super::noise::{Drift, Tilt, White};
use super::oscillators::{Harmonics, Phase};
use super::render;
use super::resonators::{Comb, HighPass, Resonator};
use crate::base::counter_rng::{Key, Stream};

/// Draws the motor's speed over time. Many recordings start before the motor or end after it, and a button may be
/// pulsed.
fn speed(length_s: f64, pulsed: bool, draw: &mut Stream) -> Breakpoints {
    let mut points = vec![(0.0, 1.0)];
    if draw.chance(0.35) {
        points = vec![(0.0, 0.0), (0.05, 0.05), (draw.uniform(0.15, 0.9), draw.uniform(0.95, 1.08))];
    }
    let mut t = points[points.len() - 1].0;
    for _ in 0..if pulsed { 12 } else { 0 } {
        t += draw.uniform(0.4, 1.5);
        let (off_s, on_s) = (draw.uniform(0.15, 0.5), draw.uniform(0.1, 0.3));
        if t + off_s + on_s + 0.6 > length_s {
            break;
        }
        points.extend([(t, 1.0), (t + off_s, draw.uniform(0.1, 0.5)), (t + off_s + on_s, 1.0)]);
        t += off_s + on_s;
    }
    if draw.chance(0.3) {
        points.extend([(length_s - draw.uniform(0.3, 0.6), 1.0), (length_s, 0.05)]);
    }
    Breakpoints::new(points)
}

/// Broad resonances of a housing, jar or nozzle, added to the sound that passes through it.
struct Body(Vec<(Resonator, f64)>);

impl Body {
    fn new(peaks: usize, low_hz: f64, high_hz: f64, draw: &mut Stream) -> Self {
        let mut peak = || {
            let hz = log_uniform(low_hz, high_hz, draw);
            (Resonator::new(hz, hz * draw.uniform(0.1, 0.5)), draw.uniform(0.5, 4.0))
        };
        Self((0..peaks).map(|_| peak()).collect())
    }

    fn next(&mut self, x: f64) -> f64 {
        x + self.0.iter_mut().map(|(peak, gain)| *gain * peak.next(x)).sum::<f64>()
    }
}

/// Synthesises a blender: a fast motor under a changing load, with pieces hitting the blades, fewer as they get
/// smaller.
pub fn blender(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let hz = log_uniform(80.0, 320.0, &mut draw);
    let (tilt, spread) = (draw.uniform(3.0, 8.0), draw.uniform(2.0, 9.0));
    let mut motor = Harmonics::falling(hz, 15_000.0, tilt, spread, &mut draw);
    let mut body = Body::new(3, 300.0, 4000.0, &mut draw);
    let mut air = (White::new(key.named("air")), Tilt::new(draw.uniform(-4.0, 1.0)));
    let pulsed = draw.chance(0.3);
    let speed = speed(length_s, pulsed, &mut draw);
    let mut load = Drift::new(key.named("load"), draw.uniform(2.0, 9.0));
    let mut churn = Drift::new(key.named("churn"), draw.uniform(5.0, 25.0));
    let (sag, air_gain) = (draw.uniform(0.01, 0.12), log_uniform(0.15, 2.0, &mut draw));
    let mut out = render(length_s, |t| {
        let turning = speed.at(t);
        let hz = hz * turning * (1.0 + sag * load.next());
        let splash = air_gain * (1.0 + 0.6 * churn.next());
        let x = turning * (motor.next(hz) + splash * air.1.next(air.0.next()));
        body.next(x)
    });
    // The pieces hit the blades less and less often: ice or nuts at first, purée at the end.
    let (peak, softening_s) = (log_uniform(3.0, 60.0, &mut draw), draw.uniform(1.0, 8.0));
    let gain = log_uniform(0.5, 5.0, &mut draw);
    for at in poisson(length_s, peak, |t| peak * (-t / softening_s).exp(), &mut draw) {
        let hz = log_uniform(500.0, 5000.0, &mut draw);
        let gain = gain * decibels(4.0, &mut draw) * speed.at(at);
        Grain { hz, glide: 0.0, decay_s: log_uniform(0.002, 0.02, &mut draw), gain }.add(&mut out, at);
    }
    out
}

/// Synthesises a shaver or electric toothbrush: a mains or battery buzz rich in harmonics, moved over skin or teeth in
/// strokes.
pub fn shaver(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let mains = [100.0, 120.0, draw.uniform(60.0, 95.0), draw.uniform(130.0, 280.0)];
    let hz = *draw.choose(&mains) * draw.uniform(0.99, 1.01);
    let (tilt, spread) = (draw.uniform(1.5, 6.0), draw.uniform(2.0, 8.0));
    let mut buzz = Harmonics::falling(hz, 15_000.0, tilt, spread, &mut draw);
    let mut body = Body::new(3, 500.0, 6500.0, &mut draw);
    let mut scratch = (White::new(key.named("scratch")), Tilt::new(draw.uniform(-3.0, 3.0)));
    let mut highpass = HighPass::new(draw.uniform(100.0, 900.0));
    let speed = speed(length_s, false, &mut draw);
    let mut stroke = Phase::random(&mut draw);
    let (stroke_hz, depth) = (log_uniform(0.4, 4.0, &mut draw), draw.uniform(0.05, 0.7));
    let mut hand = Drift::new(key.named("hand"), draw.uniform(1.0, 5.0));
    let (detune, scratch_gain) = (draw.uniform(0.003, 0.05), log_uniform(0.05, 1.5, &mut draw));
    render(length_s, |t| {
        let turning = speed.at(t);
        let pressure = hand.next();
        stroke.advance(stroke_hz * (1.0 + 0.3 * pressure));
        let contact = 0.5 + 0.5 * stroke.sine();
        let hz = hz * turning * (1.0 - detune * contact * (1.0 + 0.5 * pressure));
        let tone = (1.0 - depth * contact) * buzz.next(hz);
        let hair = scratch_gain * contact * scratch.1.next(scratch.0.next());
        highpass.next(body.next(turning * (tone + hair)))
    })
}

/// Synthesises a vacuum cleaner: turbulent air in a tube over the whine of its fan. The sound gets brighter when the
/// nozzle is blocked.
pub fn vacuum(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let hz = log_uniform(110.0, 650.0, &mut draw);
    let (tilt, spread) = (draw.uniform(3.0, 9.0), draw.uniform(2.0, 8.0));
    let mut whine = Harmonics::falling(hz, 12_000.0, tilt, spread, &mut draw);
    let mut air = (White::new(key.named("air")), Tilt::new(draw.uniform(-5.0, 0.0)));
    let mut tube = Comb::new(draw.uniform(0.0015, 0.008), draw.uniform(0.2, 0.75), draw.uniform(1500.0, 8000.0));
    let mut body = Body::new(2, 250.0, 4000.0, &mut draw);
    let speed = speed(length_s, false, &mut draw);
    let mut nozzle = Drift::new(key.named("nozzle"), draw.uniform(0.6, 3.0));
    let (strain, wobble) = (draw.uniform(0.0, 0.05), draw.uniform(0.05, 0.45));
    let whine_gain = log_uniform(0.05, 1.2, &mut draw);
    let starts = draw.uniform(0.2, 0.8);
    render(length_s, |t| {
        let turning = speed.at(t);
        let seal = nozzle.next();
        let tone = whine_gain * whine.next(hz * turning * (1.0 + strain * seal));
        let wind = turning * (1.0 + wobble * seal) * air.1.next(air.0.next());
        let level = 0.4 + 0.6 * swell(t, 2.0 * length_s, starts, 0.1);
        level * body.next(turning * (tone + tube.next(wind)))
    })
}
