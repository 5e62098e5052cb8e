//! Tests of the whole soundbank: properties that every file must have, and the differences between classes.

use super::spectrum::{centroid, tonality, unrest};
use super::*;

/// Files per class that the tests synthesise.
const HEARD: usize = 5;

fn heard(subset: Subset, class: usize) -> Vec<Vec<f32>> {
    (0..HEARD.min(n_events(subset, class))).map(|i| event(subset, class, i)).collect()
}

/// Returns the median of `value` over the first seconds of a class's first training files.
fn median(class: &str, value: fn(&[f64]) -> f64) -> f64 {
    let class = CLASSES.iter().position(|c| c.name == class).unwrap();
    let mut values: Vec<f64> = heard(Subset::Train, class)
        .iter()
        .map(|file| value(&file[..file.len().min(3 * RATE as usize)].iter().map(|&x| x.into()).collect::<Vec<f64>>()))
        .collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn classes_are_the_papers_ten_in_order() {
    let names = classes();
    assert_eq!(names.len(), 10);
    assert!(names.is_sorted(), "{names:?}");
    assert!(["Cat", "Speech", "Electric_shaver_toothbrush"].iter().all(|name| names.iter().any(|n| n == name)));
}

#[test]
fn events_are_repeatable_audible_and_in_range() {
    for subset in Subset::all() {
        for (class, Class { name, .. }) in CLASSES.iter().enumerate() {
            let index = n_events(subset, class) - 1;
            let file = event(subset, class, index);
            let place = format!("{} {name} {index}", subset.name());
            assert_eq!(file, event(subset, class, index), "{place}");
            assert!(file.iter().all(|x| x.is_finite()), "{place}");
            let peak = file.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            let rms = (file.iter().map(|x| x * x).sum::<f32>() / file.len() as f32).sqrt();
            let mean = file.iter().sum::<f32>() / file.len() as f32;
            assert!((0.0999..=0.9001).contains(&peak), "{place}: peak {peak}");
            assert!(rms > 0.01 * peak, "{place}: RMS {rms} under a peak of {peak}");
            assert!(mean.abs() < 0.01 * peak, "{place}: mean {mean}");
        }
    }
}

#[test]
fn no_two_files_share_a_sound() {
    // Files are compared by their shape, so that a copy with another level or length counts as equal.
    let print = |file: &[f32]| -> Vec<i32> {
        let peak = file.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        file.iter().skip(2000).step_by(50).take(60).map(|x| (x / peak * 500.0).round() as i32).collect()
    };
    for (class, Class { name, .. }) in CLASSES.iter().enumerate() {
        let files = Subset::all().into_iter().flat_map(|subset| heard(subset, class));
        let mut prints: Vec<_> = files.map(|file| print(&file)).collect();
        let n = prints.len();
        prints.sort();
        prints.dedup();
        assert_eq!(prints.len(), n, "{name}");
    }
}

#[test]
fn durations_fall_into_the_two_groups_of_figure_1() {
    for (c, class) in CLASSES.iter().enumerate() {
        let mut stream = Key::new(1).stream();
        let mut lengths: Vec<f64> = (0..400).map(|_| class.length.draw(&mut stream)).collect();
        lengths.sort_by(f64::total_cmp);
        let (least, median, most) = (lengths[0], lengths[200], lengths[399]);
        let mean = lengths.iter().sum::<f64>() / 400.0;
        let bounds = match class.length {
            Length::Short { .. } => {
                assert!(mean > 1.05 * median, "{}: mean {mean} s, median {median} s", class.name);
                0.2..=4.0
            }
            Length::Long { .. } => {
                assert!(most > 10.0 && median > 5.0, "{}: median {median} s, most {most} s", class.name);
                4.0..=14.0
            }
        };
        assert!(bounds.contains(&least) && bounds.contains(&most), "{}: {least} to {most} s", class.name);
        for file in heard(Subset::Eval, c) {
            let s = file.len() as f64 / f64::from(RATE);
            assert!(bounds.contains(&s), "{}: a file of {s} s", class.name);
        }
    }
}

#[test]
fn a_subset_has_its_files_and_backgrounds() {
    assert_eq!(Subset::all().map(|s| n_events(s, 0)), [40, 8, 16]);
    assert_eq!(Subset::all().map(|s| backgrounds(s).len()), [15, 5, 10]);
    for subset in Subset::all() {
        let names = backgrounds(subset);
        assert!(names.is_sorted() && names.iter().all(|name| name.split('/').count() == 2), "{names:?}");
    }
    let mut rooms: Vec<Vec<f32>> = (0..5).map(|i| background(Subset::Validation, i)).collect();
    for room in &rooms {
        let s = room.len() as f64 / f64::from(RATE);
        assert!((15.0..=20.0).contains(&s), "a background of {s} s");
        let rms = (room.iter().map(|x| x * x).sum::<f32>() / room.len() as f32).sqrt();
        assert!(room.iter().all(|x| x.abs() <= 0.9001) && rms > 0.005, "RMS {rms}");
    }
    assert_ne!(background(Subset::Train, 0), rooms.swap_remove(0));
}

#[test]
fn tones_stand_out_where_something_vibrates() {
    let tonal = ["Alarm_bell_ringing", "Cat"].map(|class| median(class, tonality));
    let noisy = ["Frying", "Running_water"].map(|class| median(class, tonality));
    assert!(tonal.iter().all(|t| noisy.iter().all(|n| *t > n + 5.0)), "tonal {tonal:?} dB, noisy {noisy:?} dB");
    let (shaver, vacuum) = (median("Electric_shaver_toothbrush", tonality), median("Vacuum_cleaner", tonality));
    assert!(shaver > vacuum, "shaver {shaver} dB, vacuum cleaner {vacuum} dB");
}

#[test]
fn calls_and_clinks_come_in_bursts_and_motors_and_water_flow() {
    let bursts = ["Dishes", "Dog", "Speech"].map(|class| median(class, unrest));
    let steady = ["Vacuum_cleaner", "Running_water"].map(|class| median(class, unrest));
    assert!(bursts.iter().all(|b| steady.iter().all(|s| *b > 2.0 * s)), "bursts {bursts:?}, steady {steady:?}");
}

#[test]
fn small_hard_things_sound_brighter_than_throats_and_tubes() {
    let bright = ["Alarm_bell_ringing", "Dishes", "Frying"].map(|class| median(class, centroid));
    let dull = ["Dog", "Speech", "Vacuum_cleaner"].map(|class| median(class, centroid));
    assert!(bright.iter().all(|b| dull.iter().all(|d| b > d)), "bright {bright:?} Hz, dull {dull:?} Hz");
}
