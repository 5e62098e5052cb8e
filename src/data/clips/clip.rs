//! One finished clip: its file, its labels and the times of its events.

use std::path::PathBuf;

use crate::data::audio::{MAX_SAMPLES, decode_at};
use crate::{Error, Result};

/// An event: its class, and onset and offset in seconds.
pub type TimedEvent = (usize, [f64; 2]);

/// One finished clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// The audio file.
    pub path: PathBuf,
    /// Classes of the clip, sorted and without duplicates.
    pub labels: Vec<usize>,
    /// The recording that the clip was cut from, where the data say.
    pub group: Option<String>,
    /// Class, onset and offset of each event, in seconds; no offset stands for the end of the clip.
    pub(super) events: Vec<(usize, f64, Option<f64>)>,
}

impl Clip {
    /// Returns whether some label of the clip has no times, so that it may be heard anywhere.
    pub fn is_weak(&self) -> bool {
        self.events.iter().any(|&(_, onset_s, offset_s)| onset_s == 0.0 && offset_s.is_none())
    }

    /// Returns the number of events of the clip.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Reads the samples of the clip at `rate` Hz, and class, onset and offset (in seconds) of each of its events.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Audio`] if the file cannot be read; [`Error::Data`] if the clip ends before an event
    /// begins.
    pub fn read(&self, rate: u32) -> Result<(Vec<f32>, Vec<TimedEvent>)> {
        let decoded = decode_at(&self.path, rate, MAX_SAMPLES)?;
        decoded.log_warnings(&self.path);
        let events = self.events(decoded.seconds)?;
        Ok((decoded.audio.samples, events))
    }

    /// Returns class, onset and offset (in seconds) of each event in a clip that lasts `duration_s`.
    ///
    /// # Errors
    /// [`Error::Data`] if the clip ends before an event begins.
    fn events(&self, duration_s: f64) -> Result<Vec<TimedEvent>> {
        let heard = |&(class, onset_s, offset_s): &(usize, f64, Option<f64>)| {
            if onset_s >= duration_s {
                let reason = format!("lasts {duration_s} s, but an event is annotated from {onset_s} s on");
                return Err(Error::data(&self.path, reason));
            }
            Ok((class, [onset_s, offset_s.map_or(duration_s, |offset_s| offset_s.min(duration_s))]))
        };
        self.events.iter().map(heard).collect()
    }
}
