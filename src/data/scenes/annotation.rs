//! DESED's annotations: a tab-separated table `filename  onset  offset  event_label`, one event per line, in seconds.
//!
//! In and out: [`ClipEvents`], the events of one clip. As in DESED, a clip without events is one line whose other three
//! columns are blank. A blank onset stands for the clip's beginning and a blank offset for its end.

use std::collections::HashMap;
use std::path::Path;

use super::table::{self, Records, at_line};
use super::text::text;
use crate::base::regular_file;
use crate::{Error, Result};

const COLUMNS: [&str; 4] = ["filename", "onset", "offset", "event_label"];

/// One event of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Start in seconds.
    pub onset_s: f64,
    /// End in seconds; `None` for the end of the clip.
    pub offset_s: Option<f64>,
    /// The class.
    pub label: String,
}

/// The events of one clip, in the order of the table, each with its line number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClipEvents {
    /// File name without folder.
    pub filename: String,
    /// Number of the first line that names the clip, counted from 1.
    pub line: u64,
    /// The events, each with the number of its line.
    pub events: Vec<(u64, Event)>,
}

/// Reads the table at `path` and returns the clips in order of first appearance. The header names the columns;
/// additional columns are ignored.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; the errors of [`parse`].
pub fn read(path: &Path) -> Result<Vec<ClipEvents>> {
    parse(path, &regular_file::read(path).map_err(|source| Error::io("read", path, source))?)
}

/// Parses `bytes`, the content of a table, as [`read`] does. Error messages name `path` as the file.
///
/// # Errors
/// [`Error::Data`] with `path` and line for bytes that are not UTF-8, a quote that does not close on its line, a
/// missing column, an onset or offset that is not a number, an event without a label, a negative onset, or an offset
/// that is not later than its onset.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<ClipEvents>> {
    clips(text(path, bytes)?).map_err(|(line, reason)| at_line(path, line, reason))
}

fn clips(text: &str) -> Result<Vec<ClipEvents>, (u64, String)> {
    let mut records = Records::new(text);
    let expected = || format!("the header must name the columns {}, separated by tabs", COLUMNS.join(", "));
    let (line, header) = records.next()?.ok_or_else(|| (1, expected()))?;
    let mut columns = [0; 4];
    for (column, name) in columns.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|field| field.trim() == name);
        *column = found.ok_or_else(|| (line, format!("no column {name}: {}", expected())))?;
        if header.iter().skip(*column + 1).any(|field| field.trim() == name) {
            return Err((line, format!("two columns {name}: remove or rename one of them")));
        }
    }

    let mut clips: Vec<ClipEvents> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    while let Some((line, record)) = records.next()? {
        let [filename, onset, offset, label] = columns.map(|column| record.get(column).unwrap_or("").trim());
        if filename.is_empty() {
            return Err((line, "the filename is blank".into()));
        }
        let index = *known.entry(filename.to_owned()).or_insert_with(|| {
            clips.push(ClipEvents { filename: filename.to_owned(), line, events: Vec::new() });
            clips.len() - 1
        });
        if let Some(event) = event(onset, offset, label).map_err(|reason| (line, reason))? {
            clips[index].events.push((line, event));
        }
    }
    Ok(clips)
}

fn event(onset: &str, offset: &str, label: &str) -> Result<Option<Event>, String> {
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
    Ok(Some(Event { onset_s, offset_s, label: label.to_owned() }))
}

/// Writes the header and the events of `clips` to `path`. The line numbers in `clips` are not used.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write(path: &Path, clips: &[ClipEvents]) -> Result<()> {
    let rows = clips.iter().flat_map(|clip| {
        let events = clip.events.iter().map(|(_, event)| {
            let offset = event.offset_s.map_or(String::new(), |offset_s| offset_s.to_string());
            [clip.filename.clone(), event.onset_s.to_string(), offset, event.label.clone()]
        });
        let none = clip.events.is_empty().then(|| [clip.filename.clone(), String::new(), String::new(), String::new()]);
        events.chain(none)
    });
    table::write(path, COLUMNS, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Generates clips as a table holds them, line numbers included.
    fn clips() -> impl Strategy<Value = Vec<ClipEvents>> {
        let event = (0_u32..9_999_999, proptest::option::of(1_u32..9_999_999), "[A-Za-z][A-Za-z_ ,\"'é]{0,12}[a-z]");
        let clip = ("[a-zA-Z0-9 _,\"-]{0,12}", proptest::collection::vec(event, 0..4));
        proptest::collection::vec(clip, 0..8).prop_map(|clips| {
            let mut line = 2;
            let named = clips.into_iter().enumerate().map(|(i, (name, events))| {
                let first = line;
                line += events.len().max(1) as u64;
                let events = events.into_iter().zip(first..).map(|((onset, length, label), line)| {
                    let [onset_s, length_s] = [f64::from(onset) * 1e-6, f64::from(length.unwrap_or(0)) * 1e-6];
                    (line, Event { onset_s, offset_s: length.map(|_| onset_s + length_s), label })
                });
                ClipEvents { filename: format!("{i}{name}.wav"), line: first, events: events.collect() }
            });
            named.collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(clips in clips()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("events.tsv");
            write(&path, &clips).unwrap();
            prop_assert_eq!(read(&path).unwrap(), clips);
        }
    }

    #[test]
    fn tables_as_desed_has_them_are_read() {
        let text = b"filename\tonset\toffset\tevent_label\r\n\
            b.wav\t0.5\t2.25\tCat\r\na.wav\t\t\t\r\nb.wav\t1\t10.0\tDog\r\n\
            c.wav\t3.5\t\tDog\r\nd.wav\t\t\tCat\r\ne.wav\r\n";
        let clips = parse(Path::new("t.tsv"), text).unwrap();
        let event = |onset_s, offset_s, label: &str| Event { onset_s, offset_s, label: label.into() };
        let clip = |name: &str, line, events| ClipEvents { filename: name.into(), line, events };
        let expected = [
            clip("b.wav", 2, vec![(2, event(0.5, Some(2.25), "Cat")), (4, event(1.0, Some(10.0), "Dog"))]),
            clip("a.wav", 3, vec![]),
            clip("c.wav", 5, vec![(5, event(3.5, None, "Dog"))]),
            clip("d.wav", 6, vec![(6, event(0.0, None, "Cat"))]),
            clip("e.wav", 7, vec![]),
        ];
        assert_eq!(clips, expected);
    }

    #[test]
    fn columns_are_found_by_name_and_a_byte_order_mark_is_skipped() {
        let text = "\u{feff}event_label\tsnr\toffset\tonset\tfilename\nCat\t3\t2\t1\ta.wav\n";
        let clips = parse(Path::new("t.tsv"), text.as_bytes()).unwrap();
        assert_eq!(clips[0].events, [(2, Event { onset_s: 1.0, offset_s: Some(2.0), label: "Cat".into() })]);
    }

    #[test]
    fn mistakes_are_found_with_their_line() {
        let cases = [
            ("", 1, "header"),
            ("filename\tonset\tevent_label\n", 1, "no column offset"),
            ("a.wav\t0\t1\tCat\n", 1, "no column filename"),
            ("filename\tonset\toffset\tevent_label\tevent_label\n", 1, "two columns event_label"),
            ("filename\tonset\toffset\tevent_label\na.wav\t0\t1\tCat\na.wav\tone\t1\tCat\n", 3, "\"one\""),
            ("filename\tonset\toffset\tevent_label\n\na.wav\t0\tNaN\tCat\n", 3, "\"NaN\""),
            ("filename\tonset\toffset\tevent_label\na.wav\t2\t1\tCat\n", 2, "behind"),
            ("filename\tonset\toffset\tevent_label\na.wav\t-1\t1\tCat\n", 2, "negative"),
            ("filename\tonset\toffset\tevent_label\na.wav\t1\t2\t\n", 2, "event_label"),
            ("filename\tonset\toffset\tevent_label\n\t1\t2\tCat\n", 2, "filename"),
            (
                "filename\tonset\toffset\tevent_label\tnote\na.wav\t1\t2\tCat\t\"loud\nb.wav\t1\t2\tDog\t\n",
                2,
                "quote at the beginning of field 5",
            ),
        ];
        for (text, line, word) in cases {
            let error = parse(Path::new("t.tsv"), text.as_bytes()).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with(&format!("t.tsv:{line}: ")) && message.contains(word), "{text:?}: {message}");
            assert_eq!(error.exit_code(), 3);
        }
        let error =
            parse(Path::new("t.tsv"), b"filename\tonset\toffset\tevent_label\na.wav\t\t\tCaf\xe9\n").unwrap_err();
        assert!(error.to_string().starts_with("t.tsv:2: the byte 0xe9 at offset 45"), "{error}");
    }
}
