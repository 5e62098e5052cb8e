//! The outline of a clip: its length and the positions of its events. The segments of a clip depend on nothing else.

use std::ops::Range;

use super::Subset;
use super::segment::segment;
use crate::config::Crop;
use crate::data::clips::TimedEvent;
use crate::{Error, Result};

/// Length of a clip and positions of its events, in samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Length of the clip in samples, at least one.
    pub len: usize,
    rate: u32,
    events: Vec<AudibleEvent>,
}

/// An event of a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AudibleEvent {
    class: usize,
    samples: Range<usize>,
}

impl Outline {
    /// Makes the outline of a clip of `len` samples at `rate` Hz with `events`; `None` if the clip has no sample.
    pub fn new(len: usize, rate: u32, events: Vec<TimedEvent>) -> Option<Self> {
        let last = len.checked_sub(1)?;
        let at = |seconds: f64, bounds: Range<usize>| {
            ((seconds * f64::from(rate)).round() as usize).clamp(bounds.start, bounds.end)
        };
        let heard = |(class, [onset_s, offset_s]): TimedEvent| {
            let onset = at(onset_s, 0..last);
            AudibleEvent { class, samples: onset..at(offset_s, onset + 1..len) }
        };
        Some(Self { len, rate, events: events.into_iter().map(heard).collect() })
    }

    /// Returns the longest event, the first of several equally long ones.
    fn dominant(&self) -> Option<&AudibleEvent> {
        let longest = |best: &'_ AudibleEvent, event: &'_ AudibleEvent| event.samples.len() > best.samples.len();
        self.events.iter().reduce(|best, event| if longest(best, event) { event } else { best })
    }

    /// Returns the class of the dominant event.
    pub fn class(&self) -> Option<usize> {
        self.dominant().map(|event| event.class)
    }

    /// Returns the samples in which the dominant event is audible; the whole clip if there is no event.
    pub fn span(&self) -> Range<usize> {
        self.dominant().map_or(0..self.len, |event| event.samples.clone())
    }

    /// Returns the range of samples of the segment that lasts `seconds`: that of WAA1 with [`Crop::Event`], otherwise a
    /// random part of the clip. `place` is the clip's subset and index in a dataset with `seed`.
    ///
    /// # Errors
    /// [`Error::Config`] if the length is not a positive number.
    pub fn segment(&self, seed: u64, place: (Subset, usize), seconds: f64, crop: Crop) -> Result<Range<usize>> {
        let n_segment = (seconds * f64::from(self.rate)).round();
        if !(n_segment >= 1.0 && n_segment.is_finite()) {
            return Err(Error::config("seconds", format!("a segment cannot last {seconds} s")));
        }
        let span = if crop == Crop::Event { self.span() } else { 0..self.len };
        Ok(segment(seed, place, &span, n_segment as usize, self.len))
    }

    /// Returns the classes audible in `range`, sorted and without duplicates.
    pub fn heard_in(&self, range: &Range<usize>) -> Vec<usize> {
        let heard = |event: &&AudibleEvent| overlap(&event.samples, range) > 0;
        sorted(self.events.iter().filter(heard).map(|event| event.class))
    }

    /// Returns the fraction of `range` that the dominant event covers.
    pub fn covered(&self, range: &Range<usize>) -> f64 {
        overlap(&self.span(), range) as f64 / range.len() as f64
    }
}

/// Sorts classes and removes duplicates.
pub fn sorted(classes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut classes: Vec<usize> = classes.collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

/// Returns the number of samples that two ranges share.
fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}
