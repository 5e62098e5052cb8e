//! WAA1 segments of whole datasets contain their event or lie inside it.

use proptest::prelude::*;
use weaklabel::data::scenes::{Dataset, Subset, annotation};

use crate::bank::Bank;

#[test]
fn segments_of_generated_clips_hold_their_event() {
    let bank = Bank::new(4);
    let config = bank.config();
    bank.generate(&config, "out", false).unwrap();
    let dataset = Dataset::open(&bank.out("out"), &config).unwrap();
    let annotated = annotation::read(&bank.out("out").join("train.tsv")).unwrap();
    let strategy = (0..dataset.len(Subset::Train), 0.05..10.0_f64);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    let holds = |(index, seconds): (usize, f64)| {
        let mut segments = dataset.segments(Subset::Train, index, &[seconds, 10.0]).unwrap().segments;
        let (whole, segment) = (segments.pop().unwrap().samples, segments.pop().unwrap().samples);
        prop_assert_eq!(segment.len(), (seconds * 16_000.0).round() as usize);
        let start = whole.windows(segment.len()).position(|part| part == segment).unwrap();
        let event = &annotated[index].events[0].1;
        let (onset, offset) = (event.onset_s * 16_000.0, event.offset_s.unwrap() * 16_000.0);
        let (start, end) = (start as f64, (start + segment.len()) as f64);
        let inside = start >= onset - 1.0 && end <= offset + 1.0;
        let around = start <= onset + 1.0 && end >= offset - 1.0;
        prop_assert!(
            if offset - onset > end - start { inside } else { around },
            "{start}..{end} and {onset}..{offset}"
        );
        Ok(())
    };
    runner.run(&strategy, holds).unwrap();
}
