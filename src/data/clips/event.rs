//! The events that are heard in a clip, with their times as far as they are known.

/// One event of a clip. An event from the beginning to the end of its clip is a weak label: nobody said when it is
/// heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Start in seconds.
    pub onset_s: f64,
    /// End in seconds; `None` for the end of the clip.
    pub offset_s: Option<f64>,
    /// The class.
    pub label: String,
}

impl Event {
    /// Makes a weak label, which holds for the whole clip.
    pub fn weak(label: &str) -> Self {
        Self { onset_s: 0.0, offset_s: None, label: label.to_owned() }
    }

    /// Reads an event from the fields of a table. A blank onset stands for the clip's beginning and a blank offset for
    /// its end. Three blank fields are no event.
    ///
    /// # Errors
    /// The reason why the fields do not fit.
    pub fn parse(onset: &str, offset: &str, label: &str) -> Result<Option<Self>, String> {
        if label.is_empty() {
            let blank = onset.is_empty() && offset.is_empty();
            return if blank { Ok(None) } else { Err("an event without event_label".into()) };
        }
        let seconds = |name: &str, text: &str| match text {
            "" => Ok(None),
            _ => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Some(value)),
                _ => Err(format!("{name} is {text:?}, not a number of seconds")),
            },
        };
        let onset_s = seconds("onset", onset)?.unwrap_or(0.0);
        let offset_s = seconds("offset", offset)?;
        if onset_s < 0.0 {
            return Err(format!("onset {onset_s} is negative"));
        }
        if offset_s.is_some_and(|offset_s| offset_s <= onset_s) {
            return Err(format!("offset {offset} does not lie behind onset {onset_s}"));
        }
        Ok(Some(Self { onset_s, offset_s, label: label.to_owned() }))
    }
}

/// The events of one clip, in the order of the table, each with its line number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipEvents {
    /// The clip's file, as the table names it.
    pub filename: String,
    /// Number of the first line that names the clip, counted from 1.
    pub line: u64,
    /// The events, each with the number of its line.
    pub events: Vec<(u64, Event)>,
}
