//! Peculiarities of AudioSet's tables of segments: a header in a comment, labels as identifiers whose names another
//! table has, and audio files that everybody names differently.
//!
//! ```text
//! # Segments csv created Sun Mar  5 10:54:25 2017
//! # num_ytids=20371, num_segs=20371, num_unique_labels=527, num_positive_labels=51804
//! # YTID, start_seconds, end_seconds, positive_labels
//! --4gqARaEJE, 0.000, 10.000, "/m/068hy,/m/07q6cd_,/m/0bt9lr,/m/0jbk"
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::delimited::{Records, at_line};
use super::event::ClipEvents;
use super::text::text;
use crate::base::regular_file;
use crate::{Error, Result};

/// Name of the table with the names of the labels.
pub const NAMES: &str = "class_labels_indices.csv";

/// The beginning of a table: the names of its columns, which stand in the last of some comments.
pub struct CommentHeader {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Number of comment lines.
    pub lines: u64,
    /// Number of bytes of the comment lines.
    pub bytes: usize,
}

/// Returns the header of `text` if that begins with comments and the last of them names the column YTID.
pub fn header(text: &str) -> Option<CommentHeader> {
    let comments: Vec<&str> = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).collect();
    let last = comments.last()?.trim_start_matches('#');
    let columns: Vec<String> = last.split(',').map(|name| name.trim().to_owned()).collect();
    let bytes = comments.iter().map(|line| line.len()).sum();
    columns.contains(&"YTID".to_owned()).then_some(CommentHeader { columns, lines: comments.len() as u64, bytes })
}

/// Names of labels by their identifiers.
#[derive(Debug, Default)]
pub struct LabelNames(HashMap<String, String>);

impl LabelNames {
    /// Reads the names from the first of `folders` that has a table of them. Without one, identifiers remain.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Data`] naming a table that cannot be read.
    pub fn find(folders: &[PathBuf]) -> Result<Self> {
        let Some(path) = folders.iter().map(|folder| folder.join(NAMES)).find(|path| path.is_file()) else {
            return Ok(Self::default());
        };
        let bytes = regular_file::read(&path).map_err(|source| Error::io("read", &path, source))?;
        Self::parse(&path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let wrong = |(line, reason): (u64, String)| at_line(path, line, reason);
        let mut records = Records::new(text(path, bytes)?, b',', 1);
        let mut names = HashMap::new();
        let mut columns = None;
        while let Some((line, record)) = records.next().map_err(wrong)? {
            let Some((mid, name)) = columns else {
                let column = |name: &str| record.iter().position(|field| field.trim() == name);
                let both = column("mid").zip(column("display_name"));
                columns = Some(both.ok_or_else(|| wrong((line, "no columns mid and display_name".into())))?);
                continue;
            };
            if let (Some(mid), Some(name)) = (record.get(mid), record.get(name)) {
                names.insert(mid.trim().to_owned(), name.trim().to_owned());
            }
        }
        Ok(Self(names))
    }

    /// Returns whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the labels of a clip their names.
    pub fn apply(&self, clip: &mut ClipEvents) {
        for (_, event) in &mut clip.events {
            if let Some(name) = self.0.get(&event.label) {
                event.label.clone_from(name);
            }
        }
    }
}

/// Returns the usual names of the file with the segment of a video from `start` to `end`, in seconds as in the table,
/// without extension.
pub fn stems(id: &str, start: &str, end: &str) -> Vec<String> {
    let mut stems = vec![id.to_owned(), format!("Y{id}")];
    if let (Ok(start), Ok(end)) = (start.parse::<f64>(), end.parse::<f64>()) {
        let [start_ms, end_ms] = [start, end].map(|seconds| (seconds * 1000.0).round());
        for id in [id.to_owned(), format!("Y{id}")] {
            stems.extend([
                format!("{id}_{start:.3}"),
                format!("{id}_{start:.3}_{end:.3}"),
                format!("{id}_{start:.0}"),
                format!("{id}_{start:.0}_{end:.0}"),
                format!("{id}_{start_ms:.0}"),
                format!("{id}_{start_ms:.0}_{end_ms:.0}"),
            ]);
        }
    }
    stems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::clips::event::Event;

    #[test]
    fn the_header_stands_in_a_comment() {
        let text =
            "# Segments\n# num_ytids=2\n# YTID, start_seconds, end_seconds, positive_labels\na, 0, 10, \"/m/1\"\n";
        let found = header(text).unwrap();
        assert_eq!(found.columns, ["YTID", "start_seconds", "end_seconds", "positive_labels"]);
        assert_eq!((found.lines, &text[found.bytes..found.bytes + 2]), (3, "a,"));
        assert!(header("# notes\nfile,label\n").is_none() && header("file,label\n").is_none());
    }

    #[test]
    fn labels_get_their_names() {
        let path = Path::new(NAMES);
        let names = LabelNames::parse(path, b"index,mid,display_name\n0,/m/09x0r,\"Speech, or so\"\n").unwrap();
        let events = ["/m/09x0r", "/m/1"].map(|label| (1, Event::weak(label))).to_vec();
        let mut clip = ClipEvents { events, ..ClipEvents::default() };
        names.apply(&mut clip);
        let labels: Vec<&str> = clip.events.iter().map(|(_, event)| event.label.as_str()).collect();
        assert_eq!(labels, ["Speech, or so", "/m/1"]);
        let error = LabelNames::parse(path, b"mid,name\n").unwrap_err().to_string();
        assert!(error.starts_with("class_labels_indices.csv:1") && error.contains("display_name"), "{error}");
    }

    #[test]
    fn files_have_their_usual_names() {
        let stems = stems("-0RWZT-miFs", "420.000", "430.000");
        for expected in
            ["-0RWZT-miFs", "Y-0RWZT-miFs", "-0RWZT-miFs_420_430", "Y-0RWZT-miFs_420.000_430.000", "-0RWZT-miFs_420000"]
        {
            assert!(stems.iter().any(|stem| stem == expected), "{expected}");
        }
    }
}
