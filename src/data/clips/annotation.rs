//! DESED's tables of annotations: tab-separated, columns `filename onset offset event_label`, one event per line, in
//! seconds.
//!
//! In and out: [`ClipEvents`], the events of one clip. As in DESED, a clip without events is one line whose other three
//! columns are blank. A blank onset stands for the clip's beginning and a blank offset for its end.

use std::path::Path;

use super::{delimited, list};
use crate::base::regular_file;
use crate::config::TableConfig;
use crate::{Error, Result};

pub use super::event::{ClipEvents, Event};

const COLUMNS: [&str; 4] = ["filename", "onset", "offset", "event_label"];

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
/// The errors of [`list::parse`].
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<ClipEvents>> {
    let table = list::parse(path, bytes, &TableConfig::default())?;
    Ok(table.clips.into_iter().map(|clip| clip.events).collect())
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
    delimited::write(path, COLUMNS, rows)
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
