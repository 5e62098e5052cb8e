//! A voice: a larynx and noise excite four formants, which move from one articulation to the next. Speech, cats and
//! dogs differ only in the sequence of articulations (`calls.rs`).

use super::noise::{Drift, White};
use super::oscillators::{Glottis, Phase};
use super::resonators::Resonator;
use super::{RATE, samples};
use crate::base::counter_rng::Key;

/// An articulation: the targets of the voice for some time.
#[derive(Debug, Clone, Copy)]
pub struct Phone {
    /// Duration in seconds.
    pub s: f64,
    /// Fundamental in hertz.
    pub hz: f64,
    /// Level of the larynx.
    pub voicing: f64,
    /// Level of noise through the formants.
    pub breath: f64,
    /// Level of the noise made at the lips and teeth (`hiss`).
    pub hiss: f64,
    /// Frequency at which the `hiss` is strongest, in hertz.
    pub hiss_hz: f64,
    /// Formant frequencies in hertz.
    pub formants: [f64; 4],
}

impl Phone {
    /// Returns the same articulation without sound, for `s` seconds.
    pub fn silent(self, s: f64) -> Self {
        Self { s, voicing: 0.0, breath: 0.0, hiss: 0.0, ..self }
    }
}

/// Properties of the voice that stay constant during a call.
#[derive(Debug, Clone, Copy)]
pub struct Larynx {
    /// Fraction of a period for which the vocal folds are open.
    pub open: f64,
    /// Relative standard deviation of the period's length; three times as much for its strength.
    pub roughness: f64,
    /// Rate in hertz and depth (relative) of the vibrato.
    pub vibrato: [f64; 2],
    /// Rate in hertz and depth of a flutter of the level: purring, trilling, growling.
    pub flutter: [f64; 2],
    /// Time that the articulators need to come near their targets, in seconds.
    pub inertia_s: f64,
    /// Ratio of the levels of one formant and the one below it.
    pub fall: f64,
}

/// Samples between two updates of the filters.
const CONTROL: usize = 32;

/// Synthesises a call: `larynx` passes through the articulations `phones`.
pub fn utter(phones: &[Phone], larynx: &Larynx, key: Key) -> Vec<f64> {
    let mut glottis = Glottis::new(key.named("glottis"), larynx.open, larynx.roughness, 3.0 * larynx.roughness);
    let mut noise = White::new(key.named("noise"));
    let mut wander = Drift::new(key.named("wander"), 6.0);
    let (mut vibrato, mut flutter) = (Phase::default(), Phase::default());
    let mut formants: [Resonator; 4] = std::array::from_fn(|_| Resonator::default());
    let mut mouth = Resonator::default();
    let chase = 1.0 - (-(CONTROL as f64) / (larynx.inertia_s * f64::from(RATE))).exp();

    let mut out = Vec::with_capacity(samples(phones.iter().map(|p| p.s).sum()));
    let Some(&first) = phones.first() else { return out };
    let mut now = first.silent(0.0);
    for aim in phones {
        for i in 0..samples(aim.s) {
            if i % CONTROL == 0 {
                now = approach(now, aim, chase);
                for (resonator, hz) in formants.iter_mut().zip(now.formants) {
                    resonator.tune(hz, 50.0 + 0.07 * hz);
                }
                mouth.tune(now.hiss_hz, 0.7 * now.hiss_hz);
            }
            vibrato.advance(larynx.vibrato[0]);
            flutter.advance(larynx.flutter[0]);
            let hz = now.hz * (1.0 + larynx.vibrato[1] * vibrato.sine() + 0.012 * wander.next());
            let level = 1.0 - larynx.flutter[1] * (0.5 + 0.5 * flutter.sine());
            let air = noise.next();
            let source = level * (now.voicing * glottis.next(hz) + 0.4 * now.breath * air);
            let mut gain = 1.0;
            let tract: f64 = formants
                .iter_mut()
                .map(|resonator| {
                    let y = gain * resonator.next(source);
                    // Opposite signs of neighbouring formants leave no zero between them.
                    gain *= -larynx.fall;
                    y
                })
                .sum();
            out.push(tract + 0.2 * now.hiss * mouth.next(air));
        }
    }
    out
}

/// Returns `now`, moved by the fraction `chase` of its distance towards `aim`.
fn approach(now: Phone, aim: &Phone, chase: f64) -> Phone {
    let to = |from: f64, to: f64| from + chase * (to - from);
    Phone {
        s: aim.s,
        hz: to(now.hz, aim.hz),
        voicing: to(now.voicing, aim.voicing),
        breath: to(now.breath, aim.breath),
        hiss: to(now.hiss, aim.hiss),
        hiss_hz: to(now.hiss_hz, aim.hiss_hz),
        formants: std::array::from_fn(|i| to(now.formants[i], aim.formants[i])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scenes::builtin::spectrum::power;

    const LARYNX: Larynx =
        Larynx { open: 0.6, roughness: 0.005, vibrato: [5.0, 0.0], flutter: [1.0, 0.0], inertia_s: 0.015, fall: 0.7 };

    fn vowel(formants: [f64; 4], hz: f64) -> Phone {
        Phone { s: 0.6, hz, voicing: 1.0, breath: 0.0, hiss: 0.0, hiss_hz: 4000.0, formants }
    }

    #[test]
    fn a_vowel_is_loudest_near_its_first_formants() {
        let band = |x: &[f64], low: f64, high: f64| -> f64 {
            power(x).iter().filter(|(hz, _)| (low..high).contains(hz)).map(|(_, p)| p).sum()
        };
        let front = utter(&[vowel([280.0, 2250.0, 2900.0, 3500.0], 120.0)], &LARYNX, Key::new(9));
        let open = utter(&[vowel([730.0, 1150.0, 2450.0, 3400.0], 120.0)], &LARYNX, Key::new(9));
        let ratio = |x: &[f64]| band(x, 150.0, 450.0) / band(x, 550.0, 1400.0);
        assert!(ratio(&front) > 10.0 * ratio(&open), "i {} a {}", ratio(&front), ratio(&open));
    }

    #[test]
    fn silence_follows_a_silent_phone() {
        let phone = vowel([500.0, 1450.0, 2450.0, 3400.0], 150.0);
        let call = utter(&[phone, phone.silent(0.5)], &LARYNX, Key::new(10));
        let peak = |x: &[f64]| x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let (said, after) = call.split_at(samples(0.6));
        assert!(peak(&after[samples(0.3)..]) < 1e-4 * peak(said));
    }
}
