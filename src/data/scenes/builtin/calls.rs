//! Speakers and animals: people, cats and dogs, each a sequence of articulations (`voice.rs`).

use super::grains::log_uniform;
use super::voice::{Larynx, Phone, utter};
use crate::base::counter_rng::{Key, Stream};

/// Formants of the vowels i, e, ɛ, a, ɔ, u and ə of an adult male, in hertz, rounded from tables of phonetics.
const VOWELS: [[f64; 4]; 7] = [
    [280.0, 2250.0, 2900.0, 3500.0],
    [400.0, 2000.0, 2550.0, 3400.0],
    [550.0, 1800.0, 2500.0, 3400.0],
    [730.0, 1150.0, 2450.0, 3400.0],
    [570.0, 850.0, 2400.0, 3300.0],
    [310.0, 870.0, 2250.0, 3200.0],
    [500.0, 1450.0, 2450.0, 3400.0],
];
const NASAL: [f64; 4] = [260.0, 1100.0, 2200.0, 3300.0];
const LIQUID: [f64; 4] = [350.0, 1250.0, 2000.0, 3200.0];

fn scaled(formants: [f64; 4], scale: f64) -> [f64; 4] {
    formants.map(|hz| hz * scale)
}

/// Synthesises a person speaking: syllables of stops, fricatives, nasals, liquids and vowels, grouped into words with
/// pauses.
pub fn speech(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let pitch = log_uniform(85.0, 290.0, &mut draw);
    // Small speakers tend to have high voices and short vocal tracts.
    let scale = 0.92 + 0.28 * (pitch / 85.0).ln() / (290.0_f64 / 85.0).ln() + draw.uniform(-0.07, 0.07);
    let pace = draw.uniform(0.75, 1.4);
    let whisper = draw.chance(0.06);
    let (voicing, breath) = if whisper { (0.0, 0.8) } else { (1.0, log_uniform(0.01, 0.2, &mut draw)) };
    let liveliness = draw.uniform(0.03, 0.25);
    let mut phones = Vec::new();
    let (mut t, mut vowel) = (0.0, *draw.choose(&VOWELS));
    while t < length_s {
        let declination = 1.1 - 0.3 * t / length_s;
        let hz = pitch * declination * (1.0 + liveliness * draw.normal()).clamp(0.6, 1.8);
        let neutral = Phone { s: 0.0, hz, voicing, breath, hiss: 0.0, hiss_hz: 4000.0, formants: scaled(vowel, scale) };
        let from = phones.len();
        onset(neutral, scale, pace, &mut draw, &mut phones);
        vowel = *draw.choose(&VOWELS);
        let stress = draw.uniform(0.45, 1.0);
        let open = Phone {
            s: draw.uniform(0.06, 0.22) * pace,
            voicing: stress * voicing,
            breath: stress * breath,
            formants: scaled(vowel, scale),
            ..neutral
        };
        phones.push(open);
        if draw.chance(0.35) {
            onset(Phone { formants: open.formants, ..neutral }, scale, pace, &mut draw, &mut phones);
        }
        if draw.chance(0.22) {
            phones.push(open.silent(draw.uniform(0.05, 0.35)));
        }
        t += phones[from..].iter().map(|p| p.s).sum::<f64>();
    }
    phones.push(phones[phones.len() - 1].silent(0.06));
    let larynx = Larynx {
        open: draw.uniform(0.45, 0.8),
        roughness: log_uniform(0.005, 0.04, &mut draw),
        vibrato: [draw.uniform(4.0, 6.0), draw.uniform(0.0, 0.01)],
        flutter: [1.0, 0.0],
        inertia_s: draw.uniform(0.012, 0.025),
        fall: draw.uniform(0.45, 0.8),
    };
    utter(&phones, &larynx, key.named("voice"))
}

/// Appends one consonant, or none, next to the vowel `near`.
fn onset(near: Phone, scale: f64, pace: f64, draw: &mut Stream, phones: &mut Vec<Phone>) {
    let voiced = draw.chance(0.5);
    match draw.below(6) {
        0 | 1 => {
            let closure = near.silent(draw.uniform(0.03, 0.09) * pace);
            let hiss_hz = log_uniform(700.0, 5500.0, draw);
            phones.push(Phone { voicing: if voiced { 0.12 * near.voicing } else { 0.0 }, hiss_hz, ..closure });
            phones.push(Phone { s: 0.015, hiss: 1.4, hiss_hz, ..closure });
            if !voiced {
                phones.push(Phone { s: draw.uniform(0.015, 0.06), breath: 0.5, ..closure });
            }
        }
        2 => {
            let s = draw.uniform(0.05, 0.16) * pace;
            let hiss_hz = log_uniform(1800.0, 7500.0, draw) * scale;
            let voicing = if voiced { 0.3 * near.voicing } else { 0.0 };
            phones.push(Phone { s, voicing, breath: 0.1, hiss: draw.uniform(0.15, 0.8), hiss_hz, ..near });
        }
        3 => {
            let s = draw.uniform(0.04, 0.1) * pace;
            phones.push(Phone { s, voicing: 0.4 * near.voicing, formants: scaled(NASAL, scale), ..near });
        }
        4 => {
            let s = draw.uniform(0.04, 0.09) * pace;
            phones.push(Phone { s, voicing: 0.6 * near.voicing, formants: scaled(LIQUID, scale), ..near });
        }
        _ => {}
    }
}

/// Synthesises a cat: one or a few mews whose pitch and mouth rise and close again; sometimes a trill, a wail or a
/// hiss.
pub fn cat(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let scale = draw.uniform(1.25, 1.9);
    let pitch = log_uniform(260.0, 950.0, &mut draw);
    let breath = log_uniform(0.02, 0.5, &mut draw);
    let hissing = draw.chance(0.1);
    let calls = 1 + (length_s / draw.uniform(0.5, 1.6)) as usize;
    let each = length_s / calls as f64;
    let mut phones = Vec::new();
    for _ in 0..calls {
        let gap = if calls > 1 { draw.uniform(0.1, 0.45) * each } else { 0.03 };
        let s = each - gap;
        let arc = draw.uniform(1.05, 1.7);
        let fall = draw.uniform(0.6, 1.05);
        let hz = pitch * (1.0 + 0.08 * draw.normal()).clamp(0.7, 1.4);
        let vowel = |i: usize| scaled(VOWELS[i], scale);
        let closed = Phone {
            s: 0.15 * s,
            hz,
            voicing: 0.25,
            breath: 0.3 * breath,
            hiss: 0.0,
            hiss_hz: 3500.0,
            formants: scaled(NASAL, scale),
        };
        if hissing {
            let hiss_hz = log_uniform(2000.0, 6000.0, &mut draw);
            phones.push(Phone { s, voicing: 0.0, breath: 0.7, hiss: 0.8, hiss_hz, formants: vowel(2), ..closed });
        } else {
            let bright = draw.uniform(0.2, 0.45);
            let open = Phone { voicing: 1.0, breath, ..closed };
            phones.push(closed);
            phones.push(Phone { s: bright * s, hz: hz * arc, formants: vowel(draw.below(3)), ..open });
            phones.push(Phone { s: (0.7 - bright) * s, hz: hz * arc * 0.95, formants: vowel(3), ..open });
            phones.push(Phone { s: 0.15 * s, hz: hz * fall, voicing: 0.35, formants: vowel(5), ..open });
        }
        phones.push(closed.silent(gap));
    }
    let trill = draw.chance(0.2);
    let larynx = Larynx {
        open: draw.uniform(0.5, 0.9),
        roughness: log_uniform(0.003, 0.08, &mut draw),
        vibrato: [draw.uniform(5.0, 11.0), log_uniform(0.003, 0.04, &mut draw)],
        flutter: [draw.uniform(18.0, 32.0), if trill { draw.uniform(0.5, 1.0) } else { 0.0 }],
        inertia_s: (0.12 * each).clamp(0.02, 0.12),
        fall: draw.uniform(0.5, 1.0),
    };
    utter(&phones, &larynx, key.named("voice"))
}

/// Synthesises a dog: short rough bursts with falling formants, sometimes a yelp, a growl or a whine.
pub fn dog(key: Key, length_s: f64) -> Vec<f64> {
    let mut draw = key.stream();
    let size = draw.unit();
    // A small dog is high-pitched, short and quick; a large one is low-pitched, long and slow.
    let pitch = 180.0 * 5.0_f64.powf(1.0 - size) * draw.uniform(0.8, 1.25);
    let scale = 0.75 + 0.8 * (1.0 - size) + draw.uniform(-0.12, 0.12);
    let kind = draw.below(10);
    let (growls, whines) = (kind == 0, kind == 1 || kind == 2);
    let breath = log_uniform(0.1, 1.6, &mut draw);
    let bark_s = if whines { draw.uniform(0.25, 0.7) } else { draw.uniform(0.07, 0.2) + 0.1 * size };
    let gap_s = draw.uniform(0.08, 0.4);
    let mut phones = Vec::new();
    let mut t = 0.0;
    while t < length_s {
        let s = if growls { length_s } else { bark_s * draw.uniform(0.75, 1.3) };
        let hz = if growls { draw.uniform(60.0, 120.0) } else { pitch * draw.uniform(0.85, 1.15) };
        let vowel = |i: usize, factor: f64| scaled(VOWELS[i], scale * factor);
        let burst = Phone { s, hz, voicing: 1.0, breath, hiss: 0.1, hiss_hz: 2500.0, formants: vowel(3, 1.1) };
        if growls {
            phones.push(Phone { voicing: 0.8, formants: vowel(6, 1.0), ..burst });
        } else if whines {
            let peak = hz * draw.uniform(1.6, 2.6);
            phones.push(Phone { s: 0.4 * s, hz: peak, breath: 0.1 * breath, formants: vowel(6, 1.2), ..burst });
            phones.push(Phone { s: 0.6 * s, hz: peak * draw.uniform(0.6, 1.0), breath: 0.1 * breath, ..burst });
        } else {
            phones.push(Phone { s: 0.2 * s, hz: hz * 1.3, formants: vowel(2, 1.15), ..burst });
            phones.push(Phone { s: 0.4 * s, hz: hz * draw.uniform(1.1, 1.7), ..burst });
            phones.push(Phone { s: 0.4 * s, voicing: 0.4, breath: 0.5 * breath, formants: vowel(4, 0.9), ..burst });
        }
        let gap = gap_s * draw.uniform(0.7, 1.4);
        phones.push(burst.silent(gap));
        t += s + gap;
    }
    let roughness = if whines { 0.01 } else { log_uniform(0.02, 0.3, &mut draw) };
    let flutter = if growls { [draw.uniform(20.0, 40.0), draw.uniform(0.3, 0.9)] } else { [1.0, 0.0] };
    let larynx = Larynx {
        open: draw.uniform(0.4, 0.7),
        roughness,
        vibrato: [6.0, if whines { draw.uniform(0.0, 0.04) } else { 0.0 }],
        flutter,
        inertia_s: if whines || growls { 0.05 } else { draw.uniform(0.006, 0.02) },
        fall: draw.uniform(0.5, 1.0),
    };
    utter(&phones, &larynx, key.named("voice"))
}
