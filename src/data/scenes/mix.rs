//! Mixing a drawn scene and its sounds to a clip (SPEC §6): levels by loudness, fades, sum, limit on the peak, 16 bits.

use std::borrow::Cow;
use std::f64::consts::FRAC_PI_2;

use super::draw::{Durations, Foreground, Placement, Scene};
use super::source::{Signal, Source, loudness};
use crate::config::{SceneConfig, Variant};
use crate::{Error, Result};

/// Number of times that a silent part of a sound is drawn again.
const ATTEMPTS: u64 = 1000;

/// A mixed clip and the values it was mixed with.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// Mono samples at `scene.rate`; full scale is 32 768. Training uses the same 16-bit values that a file would hold.
    pub samples: Vec<i16>,
    /// The events in the order of the scene.
    pub events: Vec<MixedEvent>,
    /// First sample of the background that is used.
    pub background_start: usize,
    /// Gain of the background in dB.
    pub background_gain_db: f64,
    /// Factor that keeps the sum below full scale; 1 in most clips.
    pub peak_factor: f64,
}

/// An event of a clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixedEvent {
    /// Position of the event.
    pub place: Placement,
    /// Gain of the event in dB.
    pub gain_db: f64,
}

/// Mixes `scene` from the sounds of its `events` and its background, all at `config.rate`.
///
/// # Errors
/// [`Error::Audio`] naming a sound if it is silent.
pub fn mix(
    scene: &Scene,
    events: &[(&Source, &Signal)],
    background: (&Source, &Signal),
    config: &SceneConfig,
    durations: &Durations,
    variant: Variant,
) -> Result<Mix> {
    let background_samples = &background.1.samples;
    let (background_start, background_part) = audible(background.0, |attempt| {
        let start = scene.background_start(background_samples.len(), durations, attempt);
        (start, part(background_samples, start, durations.clip))
    })?;
    let background_lufs = loudness(&background_part, config)?.ok_or_else(|| silent(background.0))?;
    let background_gain_db = config.background_lufs - background_lufs;
    let gain = amplitude(background_gain_db);
    let mut sum: Vec<f64> = background_part.iter().map(|&x| gain * f64::from(x)).collect();

    let mut mixed = Vec::with_capacity(events.len());
    for (event, &(source, signal)) in scene.events.iter().zip(events) {
        let (place, part) = place(event, (source, signal), durations, variant)?;
        let whole = part.len() == signal.samples.len();
        let lufs = if whole { signal.loudness(config)? } else { loudness(&part, config)? };
        let gain_db = config.background_lufs + event.snr_db - lufs.ok_or_else(|| silent(source))?;
        let (gain, fade) = (amplitude(gain_db), Fade::new(durations.fade, place.len));
        for (i, (y, &x)) in sum[place.onset..].iter_mut().zip(part.iter()).enumerate() {
            *y += gain * fade.at(i) * f64::from(x);
        }
        mixed.push(MixedEvent { place, gain_db });
    }

    let peak = sum.iter().fold(0.0_f64, |peak, x| peak.max(x.abs()));
    let peak_factor = if peak > 1.0 { config.peak / peak } else { 1.0 };
    // A cast to an integer saturates. Only a peak of exactly 1 needs that, by one step.
    let samples = sum.iter().map(|x| (x * peak_factor * 32_768.0).round() as i16).collect();
    Ok(Mix { samples, events: mixed, background_start, background_gain_db, peak_factor })
}

/// Returns the positions of the events of `scene` in its clip without mixing. The result equals the positions from
/// [`mix`].
///
/// # Errors
/// [`Error::Audio`] naming the sound of an event if it is silent.
pub fn places(
    scene: &Scene,
    events: &[(&Source, &Signal)],
    durations: &Durations,
    variant: Variant,
) -> Result<Vec<Placement>> {
    let place = |(event, &sound)| place(event, sound, durations, variant).map(|(place, _)| place);
    scene.events.iter().zip(events).map(place).collect()
}

fn silent(source: &Source) -> Error {
    source.error("is silent: no finite gain exists")
}

/// Returns the event's position and its audible samples. The 200 ms dataset takes its onset from the position of the
/// whole event, independent of how the event is cropped.
fn place<'a>(
    event: &Foreground,
    (source, signal): (&Source, &'a Signal),
    durations: &Durations,
    variant: Variant,
) -> Result<(Placement, Cow<'a, [f32]>)> {
    let n = signal.samples.len();
    let heard = |place: Placement| (place, part(&signal.samples, place.start, place.len));
    let whole = audible(source, |attempt| heard(event.place(source, n, durations, attempt)))?;
    match variant {
        Variant::Waa => Ok(whole),
        Variant::Ms200 => audible(source, |attempt| heard(event.crop(whole.0, n, durations, attempt))),
    }
}

/// Returns the first draw whose samples are not all zero.
fn audible<'a, T>(source: &Source, draw: impl Fn(u64) -> (T, Cow<'a, [f32]>)) -> Result<(T, Cow<'a, [f32]>)> {
    let found = (0..ATTEMPTS).map(draw).find(|(_, samples)| samples.iter().any(|&x| x != 0.0));
    found.ok_or_else(|| source.error(format!("is silent in {ATTEMPTS} parts drawn from it: no finite gain exists")))
}

/// Returns `len` samples from `start` on; a shorter sound is repeated.
fn part(samples: &[f32], start: usize, len: usize) -> Cow<'_, [f32]> {
    match samples.get(start..start + len) {
        Some(part) => Cow::Borrowed(part),
        None => Cow::Owned(samples.iter().copied().cycle().skip(start).take(len).collect()),
    }
}

fn amplitude(db: f64) -> f64 {
    10.0_f64.powf(db / 20.0)
}

/// Sine fades at both ends of an event. The fades of an event shorter than both together are half the event long.
struct Fade {
    n_fade: usize,
    len: usize,
}

impl Fade {
    fn new(n_fade: usize, len: usize) -> Self {
        Self { n_fade: n_fade.min(len / 2), len }
    }

    fn at(&self, i: usize) -> f64 {
        let from_end = i.min(self.len - 1 - i);
        if from_end < self.n_fade { (FRAC_PI_2 * from_end as f64 / self.n_fade as f64).sin() } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scenes::Subset;
    use crate::data::scenes::soundbank::Pool;
    use crate::data::scenes::source::Origin;

    fn source(name: &str) -> Source {
        Source { name: name.into(), origin: Origin::File(name.into()), no_onset: false, no_offset: false }
    }

    fn tone(hz: f64, seconds: f64, amplitude: f64) -> Signal {
        let sample = |i| (amplitude * (std::f64::consts::TAU * hz * f64::from(i) / 44_100.0).sin()) as f32;
        Signal::new((0..(seconds * 44_100.0) as i32).map(sample).collect())
    }

    fn clip(index: usize, event: &Signal, background: &Signal, config: &SceneConfig, variant: Variant) -> Result<Mix> {
        let pool = Pool { events: vec![vec![0]], backgrounds: vec![1] };
        let scene = Scene::draw(3, Subset::Eval, index, &pool, config.snr_db);
        let durations = Durations::new(config).unwrap();
        let (event, background) = ((&source("event.wav"), event), (&source("background.wav"), background));
        mix(&scene, &[event], background, config, &durations, variant)
    }

    fn lufs(samples: &[f64], config: &SceneConfig) -> f64 {
        let samples: Vec<f32> = samples.iter().map(|&x| x as f32).collect();
        loudness(&samples, config).unwrap().unwrap()
    }

    fn ends(mix: &Mix) -> (usize, usize) {
        let Placement { onset, len, .. } = mix.events[0].place;
        (onset, onset + len)
    }

    fn float(mix: &Mix) -> Vec<f64> {
        mix.samples.iter().map(|&x| f64::from(x) / 32_768.0).collect()
    }

    #[test]
    fn background_and_event_have_their_loudness_in_the_mix() {
        let config = SceneConfig { fade_s: 0.0, ..SceneConfig::default() };
        for index in 0..4 {
            let mix = clip(index, &tone(1000.0, 0.9, 0.3), &tone(200.0, 7.0, 0.01), &config, Variant::Waa).unwrap();
            let y = float(&mix);
            let (onset, end) = ends(&mix);
            let around = if onset > y.len() - end { &y[..onset] } else { &y[end..] };
            assert!((lufs(around, &config) + 50.0).abs() < 0.1, "background {}", lufs(around, &config));

            let pool = Pool { events: vec![vec![0]], backgrounds: vec![1] };
            let snr_db = Scene::draw(3, Subset::Eval, index, &pool, config.snr_db).events[0].snr_db;
            let gain = amplitude(mix.background_gain_db);
            let looped = tone(200.0, 7.0, 0.01).samples;
            let alone: Vec<f64> = (onset..end).map(|i| y[i] - gain * f64::from(looped[i % looped.len()])).collect();
            assert!((lufs(&alone, &config) - (snr_db - 50.0)).abs() < 0.1, "event {} {snr_db}", lufs(&alone, &config));
        }
    }

    #[test]
    fn energy_rises_at_the_onset_and_falls_at_the_offset() {
        let config = SceneConfig::default();
        for variant in [Variant::Waa, Variant::Ms200] {
            let mix = clip(1, &tone(1000.0, 0.7, 0.3), &tone(200.0, 12.0, 0.1), &config, variant).unwrap();
            let y = float(&mix);
            let power = |from: usize, to: usize| y[from..to].iter().map(|x| x * x).sum::<f64>() / (to - from) as f64;
            let (onset, end) = ends(&mix);
            assert!(onset > 1000 && end + 1000 < y.len(), "redraw the case: {onset} to {end}");
            for (outside, inside) in
                [((onset - 1000, onset), (onset + 500, onset + 1500)), ((end, end + 1000), (end - 1500, end - 500))]
            {
                assert!(power(inside.0, inside.1) > 2.0 * power(outside.0, outside.1), "{variant:?}");
            }
        }
    }

    #[test]
    fn the_short_variant_keeps_files_levels_and_onset() {
        let config = SceneConfig::default();
        for index in 0..20 {
            let [long, short] = [Variant::Waa, Variant::Ms200].map(|variant| {
                clip(index, &tone(1000.0, 3.0, 0.3), &tone(200.0, 12.0, 0.1), &config, variant).unwrap()
            });
            assert_eq!((ends(&long).0, long.background_start), (ends(&short).0, short.background_start));
            assert_eq!(short.events[0].place.len, 8820);
        }
    }

    #[test]
    fn fades_are_sines_and_shorten_with_the_event() {
        let fade = Fade::new(441, 10_000);
        assert_eq!((fade.at(0), fade.at(9_999)), (0.0, 0.0));
        assert!((fade.at(147) - 0.5).abs() < 1e-12, "30° of the quarter wave");
        assert_eq!((fade.at(441), fade.at(9_558)), (1.0, 1.0));
        assert!(fade.at(440) < 1.0 && fade.at(9_559) < 1.0);
        let fade = Fade::new(441, 101);
        assert_eq!((fade.at(0), fade.at(50), fade.at(100)), (0.0, 1.0, 0.0));
        assert_eq!(Fade::new(441, 1).at(0), 1.0, "a single sample is not faded away");
    }

    #[test]
    fn a_mix_above_full_scale_is_scaled_to_the_peak() {
        let mut click = tone(1000.0, 1.0, 0.001).samples;
        click[20_000] = 1.0;
        let loud = SceneConfig { snr_db: [45.0, 45.0], onset_margin_s: 9.0, ..SceneConfig::default() };
        let mix = clip(0, &Signal::new(click), &tone(200.0, 12.0, 0.1), &loud, Variant::Waa).unwrap();
        assert!(mix.peak_factor < 1.0, "{}", mix.peak_factor);
        let peak = float(&mix).iter().fold(0.0_f64, |peak, x| peak.max(x.abs()));
        assert!((peak - 0.99).abs() < 1e-4, "peak {peak}");
        let quiet =
            clip(0, &tone(500.0, 1.0, 0.1), &tone(200.0, 12.0, 0.1), &SceneConfig::default(), Variant::Waa).unwrap();
        assert_eq!(quiet.peak_factor, 1.0);
    }

    #[test]
    fn silence_is_refused_and_named_but_a_silent_part_is_drawn_again() {
        let config = SceneConfig::default();
        let (zeros, sound) = (Signal::new(vec![0.0; 44_100]), tone(1000.0, 1.0, 0.3));
        let message = clip(0, &zeros, &sound, &config, Variant::Waa).unwrap_err().to_string();
        assert!(message.contains("event.wav") && message.contains("no finite gain exists"), "{message}");
        let message = clip(0, &sound, &zeros, &config, Variant::Waa).unwrap_err().to_string();
        assert!(message.contains("background.wav"), "{message}");

        // The event has one second of sound in twenty: most cuts of 200 ms are silent.
        let mut rare = vec![0.0; 19 * 44_100];
        rare.extend(&sound.samples);
        let rare = Signal::new(rare);
        for index in 0..20 {
            let mix = clip(index, &rare, &sound, &config, Variant::Ms200).unwrap();
            let place = mix.events[0].place;
            assert!(part(&rare.samples, place.start, place.len).iter().any(|&x| x != 0.0));
        }
    }
}
