//! The clips that a table lists, in any format with a line for each clip, each label or each event.
//!
//! In: the bytes of a table. Out: a [`ClipTable`] with one [`ListedClip`] for each file name, in the order of their
//! first lines.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::audioset;
use super::columns::{TableColumns, TableFormat};
use super::delimited::{Records, at_line, delimiter};
use super::event::{ClipEvents, Event};
use super::text::text;
use crate::Result;
use crate::config::TableConfig;

/// Separators of the labels of a field where the configuration names none: the first of these that any field holds.
pub const SEPARATORS: [char; 3] = [',', ';', '|'];

/// One clip of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListedClip {
    /// File name, line and events.
    pub events: ClipEvents,
    /// Name of the subset, where the table has a column of them.
    pub split: Option<String>,
    /// Number of the fold.
    pub fold: Option<String>,
    /// Name of the recording that the clip was cut from.
    pub group: Option<String>,
    /// Beginning and end of an AudioSet segment in its video, in seconds, as the table has them.
    pub segment: Option<[String; 2]>,
}

/// A table of clips.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipTable {
    /// Recognised format of the table.
    pub format: TableFormat,
    /// The clips in the order of their first lines.
    pub clips: Vec<ListedClip>,
    /// Separator of the labels of a field, if any field may hold several.
    pub separator: Option<String>,
    /// Name of the column from which the groups come.
    pub group_column: Option<String>,
    /// Numbers of the lines that repeat an earlier one.
    pub repeated: Vec<u64>,
}

/// Recognises the columns of a table of which `bytes` is the content or the beginning.
///
/// # Errors
/// [`crate::Error::Data`] with `path` and line if the columns do not fit.
pub fn columns(path: &Path, bytes: &[u8], named: &TableConfig) -> Result<TableColumns> {
    let wrong = |(line, reason): (u64, String)| at_line(path, line, reason);
    head(text(path, bytes)?, named).map(|head| head.columns).map_err(wrong)
}

/// Parses `bytes`, the content of a table. Error messages name `path` as the file.
///
/// # Errors
/// [`crate::Error::Data`] with `path` and line for bytes that are not UTF-8, a quote that does not close on its line, a
/// missing column, a blank file name, an onset or offset that is not a number, an event without a label, a negative
/// onset, an offset that is not later than its onset, or a clip with two splits, folds or groups.
pub fn parse(path: &Path, bytes: &[u8], named: &TableConfig) -> Result<ClipTable> {
    table(text(path, bytes)?, named).map_err(|(line, reason)| at_line(path, line, reason))
}

/// The header of a table, and where its records begin.
struct Head {
    columns: TableColumns,
    names: Vec<String>,
    delimiter: u8,
    /// Number of the first record's line, and of the bytes before it; `None` if the first record is the header.
    start: Option<(u64, usize)>,
}

fn head(text: &str, named: &TableConfig) -> Result<Head, (u64, String)> {
    if let Some(header) = audioset::header(text) {
        let columns = TableColumns::find(&header.columns, named).map_err(|reason| (header.lines, reason))?;
        let start = Some((header.lines + 1, header.bytes));
        return Ok(Head { columns, names: header.columns, delimiter: b',', start });
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = match named.delimiter.as_deref() {
        Some(given) => given.bytes().next().unwrap_or(b'\t'),
        None => delimiter(first),
    };
    let mut records = Records::new(text, delimiter, 1);
    let (line, header) = records.next()?.ok_or_else(|| {
        (
            1,
            "the table is empty: it needs a header with the names of its columns, such as filename and event_labels"
                .to_owned(),
        )
    })?;
    let names: Vec<String> = header.iter().map(str::to_owned).collect();
    let columns = TableColumns::find(&names, named).map_err(|reason| (line, reason))?;
    Ok(Head { columns, names, delimiter, start: None })
}

fn table(text: &str, named: &TableConfig) -> Result<ClipTable, (u64, String)> {
    let Head { columns, names, delimiter, start } = head(text, named)?;
    // AudioSet has a blank before the quote of a field, where it would be taken for a part of the field.
    let body = start.map(|(line, bytes)| (line, text[bytes..].replace(", \"", ",\"")));
    let mut records = match &body {
        Some((line, body)) => Records::new(body, delimiter, *line),
        None => Records::new(text, delimiter, 1),
    };
    if body.is_none() {
        records.next()?;
    }
    let mut found = Rows::default();
    while let Some((line, record)) = records.next()? {
        if let Some(more) = record.iter().skip(names.len()).find(|field| !field.trim().is_empty()) {
            let (fields, columns) = (record.len(), names.len());
            let more: String = more.chars().take(40).collect();
            let reason = format!(
                "{fields} fields under {columns} columns leave open what {more:?} is: put a field that holds the separator of \
                 the columns into quotes, as in \"A,B\""
            );
            return Err((line, reason));
        }
        let field = |column: Option<usize>| column.and_then(|column| record.get(column)).unwrap_or("").trim();
        found.push(&columns, line, field)?;
    }
    let Rows { mut clips, repeated, .. } = found;
    let separator = separator(&columns, &clips, named);
    if let Some(separator) = &separator {
        clips.iter_mut().for_each(|clip| split_labels(&mut clip.events.events, separator));
    }
    let group_column = columns.group.map(|column| names[column].trim().to_owned());
    Ok(ClipTable { format: columns.format, clips, separator, group_column, repeated })
}

/// The lines of a table so far.
#[derive(Default)]
struct Rows {
    clips: Vec<ListedClip>,
    repeated: Vec<u64>,
    /// Positions of the clips by file name and, for AudioSet, segment.
    known: HashMap<(String, String), usize>,
    /// Hashes of what has been said of which clip.
    said: HashSet<u64>,
}

impl Rows {
    fn push<'a>(
        &mut self,
        columns: &TableColumns,
        line: u64,
        field: impl Fn(Option<usize>) -> &'a str,
    ) -> Result<(), (u64, String)> {
        let filename = field(Some(columns.file));
        if filename.is_empty() {
            return Err((line, "the filename is blank".into()));
        }
        let filled = |column| Some(field(column)).filter(|text: &&str| !text.is_empty()).map(str::to_owned);
        let [mut onset, mut offset] = columns.times.map(|column| field(column).to_owned());
        let mut segment = None;
        if columns.format == TableFormat::AudioSet {
            segment = Some([std::mem::take(&mut onset), std::mem::take(&mut offset)]);
        }
        let part = segment.as_ref().map(|segment| segment.join(" ")).unwrap_or_default();
        let listed = ListedClip {
            events: ClipEvents { filename: filename.to_owned(), line, events: Vec::new() },
            split: filled(columns.split),
            fold: filled(columns.fold),
            group: filled(columns.group),
            segment,
        };
        let clip = match self.known.get(&(filename.to_owned(), part.clone())) {
            Some(&clip) => {
                agree(&self.clips[clip], &listed).map_err(|reason| (line, reason))?;
                clip
            }
            None => {
                self.known.insert((filename.to_owned(), part), self.clips.len());
                self.clips.push(listed);
                self.clips.len() - 1
            }
        };
        let labels = field(Some(columns.labels));
        let mut hash = DefaultHasher::new();
        (clip, &onset, &offset, labels).hash(&mut hash);
        if !self.said.insert(hash.finish()) {
            self.repeated.push(line);
        }
        if let Some(event) = Event::parse(&onset, &offset, labels).map_err(|reason| (line, reason))? {
            self.clips[clip].events.events.push((line, event));
        }
        Ok(())
    }
}

/// Checks that two lines of one clip agree about where it belongs.
fn agree(first: &ListedClip, again: &ListedClip) -> Result<(), String> {
    for (what, before, now) in [
        ("split", &first.split, &again.split),
        ("fold", &first.fold, &again.fold),
        ("group", &first.group, &again.group),
    ] {
        if before != now {
            let [before, now] = [before, now].map(|name| name.as_deref().unwrap_or("none"));
            let (name, line) = (&first.events.filename, first.events.line);
            return Err(format!("{name} is of {what} {now} here, and of {before} in line {line}: keep one of them"));
        }
    }
    Ok(())
}

/// Returns what separates the labels of a field: what the configuration says, or what the fields hold.
fn separator(columns: &TableColumns, clips: &[ListedClip], named: &TableConfig) -> Option<String> {
    match &named.separator {
        Some(given) => Some(given.clone()).filter(|given| !given.is_empty()),
        None if !columns.several => None,
        None => {
            let mut labels = clips.iter().flat_map(|clip| &clip.events.events).map(|(_, event)| &event.label);
            let first = |label: &String| SEPARATORS.iter().position(|separator| label.contains(*separator));
            let found = labels.by_ref().filter_map(first).min();
            found.map(|first| SEPARATORS[first].to_string())
        }
    }
}

/// Replaces each event with several labels by one for each of them.
fn split_labels(events: &mut Vec<(u64, Event)>, separator: &str) {
    let several = |(line, event): (u64, Event)| {
        let labels = event.label.split(separator).map(str::trim).filter(|label| !label.is_empty());
        labels.map(|label| (line, Event { label: label.to_owned(), ..event.clone() })).collect::<Vec<_>>()
    };
    *events = std::mem::take(events).into_iter().flat_map(several).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, named: &TableConfig) -> ClipTable {
        parse(Path::new("t.csv"), text.as_bytes(), named).unwrap()
    }

    /// Returns the labels of each clip.
    fn labels(text: &str, named: &TableConfig) -> Vec<String> {
        let of = |clip: ListedClip| {
            let labels: Vec<String> = clip.events.events.into_iter().map(|(_, event)| event.label).collect();
            format!("{} {}", clip.events.filename, labels.join("+"))
        };
        parsed(text, named).clips.into_iter().map(of).collect()
    }

    #[test]
    fn labels_are_separated_by_what_the_fields_hold() {
        let none = TableConfig::default();
        let expected = ["a.wav Cat+Dog", "b.wav Cat", "c.wav "];
        for text in [
            "filename\tevent_labels\na.wav\tCat,Dog\nb.wav\tCat\nc.wav\t\n",
            "filename,event_labels\r\na.wav,\"Cat, Dog\"\r\nb.wav,Cat\r\nc.wav,\r\n",
            "file;tags\na.wav;Cat,Dog,\nb.wav;Cat\nc.wav\n",
            "\u{feff}labels,path\nCat|Dog,a.wav\nCat,b.wav\n,c.wav\n",
            "file,label\na.wav,Cat\nb.wav,Cat\nc.wav,\na.wav,Dog\n",
        ] {
            assert_eq!(labels(text, &none), expected, "{text:?}");
        }
        assert_eq!(labels("file,label\na.wav,\"Cat,Dog\"\n", &none), ["a.wav Cat,Dog"]);
        let plus = TableConfig { separator: Some(" + ".into()), delimiter: Some("|".into()), ..none.clone() };
        assert_eq!(labels("file|label\na.wav|Cat + Dog\n", &plus), ["a.wav Cat+Dog"]);
        let whole = TableConfig { separator: Some(String::new()), ..none };
        assert_eq!(labels("file;labels\na.wav;Cat,Dog\n", &whole), ["a.wav Cat,Dog"]);
    }

    #[test]
    fn audioset_is_read_behind_its_comments() {
        let text = "# made in 2017\n# YTID, start_seconds, end_seconds, positive_labels\n\
                    -a_b, 30.000, 40.000, \"/m/1,/m/2\"\n-a_b, 90.000, 100.000, \"/m/1\"\n";
        let table = parsed(text, &TableConfig::default());
        let lines: Vec<u64> = table.clips.iter().map(|clip| clip.events.line).collect();
        assert_eq!((table.format, lines), (TableFormat::AudioSet, vec![3, 4]));
        assert_eq!(table.clips[0].events.events, [(3, Event::weak("/m/1")), (3, Event::weak("/m/2"))]);
        assert_eq!(table.clips[1].segment, Some(["90.000".into(), "100.000".into()]));
        let open =
            parse(Path::new("t.csv"), (text.to_owned() + "c, 1, 2, \"/m/1\n").as_bytes(), &TableConfig::default());
        assert!(open.unwrap_err().to_string().starts_with("t.csv:5"));
    }

    #[test]
    fn splits_folds_and_groups_are_of_the_clip() {
        let table = parsed(
            "file,label,split,fold,group\na,x,val,2,g\na,y,val,2,g\nb,x,,,\na,x,val,2,g\n",
            &TableConfig::default(),
        );
        let some = |text: &str| Some(text.to_owned());
        let of = |clip: &ListedClip| (clip.split.clone(), clip.fold.clone(), clip.group.clone());
        assert_eq!(of(&table.clips[0]), (some("val"), some("2"), some("g")));
        assert_eq!(of(&table.clips[1]), (None, None, None));
        assert_eq!((table.repeated, table.group_column), (vec![5], some("group")));
        let error = parse(Path::new("t.csv"), b"file,label,fold\na,x,1\na,y,2\n", &TableConfig::default()).unwrap_err();
        assert!(error.to_string().starts_with("t.csv:3: a is of fold 2 here, and of 1 in line 2"), "{error}");
    }
}
