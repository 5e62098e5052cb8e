//! WAA1 (SPEC §6): the part of a clip that is used, for any segment length.

use std::ops::Range;

use super::Subset;
use crate::base::counter_rng::Key;

/// Returns the range of samples of a segment of `n_segment` samples in a clip of `n_clip`. `event` is the range of the
/// clip's dominant event. If the event is longer than the segment, the segment lies inside it. Otherwise the segment
/// contains the event, as far as the clip's ends allow. Every allowed position is equally likely. A segment longer than
/// the clip is the whole clip.
pub fn segment(
    seed: u64,
    (subset, index): (Subset, usize),
    event: &Range<usize>,
    n_segment: usize,
    n_clip: usize,
) -> Range<usize> {
    let n_segment = n_segment.min(n_clip);
    let (first, last) = if event.len() > n_segment {
        (event.start, event.end - n_segment)
    } else {
        (event.end.saturating_sub(n_segment), event.start.min(n_clip - n_segment))
    };
    let key = Key::new(seed).named("segment").child(subset as u64).child(index as u64).child(n_segment as u64);
    let start = first + key.stream().below(last - first + 1);
    start..start + n_segment
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn segments_contain_the_event_or_lie_inside_it(seed in any::<u64>(), index in 0_usize..1000,
            n_clip in 1_usize..200_000, a in 0.0..1.0_f64, b in 0.0..1.0_f64, n_segment in 1_usize..250_000) {
            let at = |share: f64| (share * n_clip as f64) as usize;
            let event = at(a.min(b))..(at(a.max(b)) + 1).min(n_clip);
            let segment = segment(seed, (Subset::Train, index), &event, n_segment, n_clip);
            prop_assert_eq!(segment.len(), n_segment.min(n_clip));
            prop_assert!(segment.end <= n_clip);
            let (outer, inner) = if event.len() > segment.len() { (&event, &segment) } else { (&segment, &event) };
            prop_assert!(outer.start <= inner.start && inner.end <= outer.end);
        }
    }

    #[test]
    fn positions_are_uniform_and_differ_between_lengths() {
        for (event, n_segment, first, last) in
            [(400..420, 100, 320, 400), (200..900, 100, 200, 800), (10..20, 100, 0, 10)]
        {
            let starts =
                |n_segment| (0..4000).map(move |i| segment(1, (Subset::Eval, i), &event, n_segment, 1000).start);
            let drawn: Vec<usize> = starts.clone()(n_segment).collect();
            assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&first), Some(&last)));
            let mean = drawn.iter().sum::<usize>() as f64 / 4000.0;
            let (middle, width) = ((first + last) as f64 / 2.0, (last - first) as f64);
            assert!((mean - middle).abs() < 0.02 * width + 0.05, "mean {mean}, not {middle}");
            assert_ne!(drawn, starts(n_segment + 1).collect::<Vec<_>>());
        }
    }
}
