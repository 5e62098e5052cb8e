//! The format of a table: which of its columns holds what, by the names in its header.
//!
//! In: the names of a header, and the section `[data.table]`, which names columns that the program would not find. Out:
//! [`TableColumns`].

use crate::config::TableConfig;

/// The layout in which clips and labels were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// DESED's events with times: `filename onset offset event_label`.
    DesedStrong,
    /// DESED's labels of clips: `filename event_labels`.
    DesedWeak,
    /// ESC-50: `filename,fold,target,category,…,src_file`.
    Esc50,
    /// UrbanSound8K: `slice_file_name,fsID,…,fold,classID,class`.
    UrbanSound8k,
    /// FSD50K: `fname,labels,mids[,split]`.
    Fsd50k,
    /// AudioSet's segments: `YTID, start_seconds, end_seconds, positive_labels`.
    AudioSet,
    /// A list of files and labels, whose columns have usual names.
    List,
    /// A table whose columns are named by `[data.table]`.
    Named,
    /// No table, but a folder for each class.
    ClassFolders,
}

impl TableFormat {
    /// Returns the format's name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::DesedStrong => "DESED events with times",
            Self::DesedWeak => "DESED weak labels",
            Self::Esc50 => "ESC-50",
            Self::UrbanSound8k => "UrbanSound8K",
            Self::Fsd50k => "FSD50K",
            Self::AudioSet => "AudioSet segments",
            Self::List => "a list of files and labels",
            Self::Named => "a table with the columns of [data.table]",
            Self::ClassFolders => "a folder per class",
        }
    }
}

/// A format that is recognised by the columns that it has.
struct KnownFormat {
    format: TableFormat,
    file: &'static str,
    labels: &'static str,
    /// Whether the column `labels` holds several labels.
    several: bool,
    /// Further columns that the format has.
    marks: &'static [&'static str],
    split: Option<&'static str>,
    fold: Option<&'static str>,
    group: Option<&'static str>,
}

const PLAIN: KnownFormat = KnownFormat {
    format: TableFormat::List,
    file: "",
    labels: "",
    several: false,
    marks: &[],
    split: None,
    fold: None,
    group: None,
};

const KNOWN: [KnownFormat; 6] = [
    KnownFormat {
        format: TableFormat::DesedStrong,
        file: "filename",
        labels: "event_label",
        marks: &["onset", "offset"],
        ..PLAIN
    },
    KnownFormat {
        format: TableFormat::Esc50,
        file: "filename",
        labels: "category",
        marks: &["fold", "target", "src_file"],
        fold: Some("fold"),
        group: Some("src_file"),
        ..PLAIN
    },
    KnownFormat {
        format: TableFormat::UrbanSound8k,
        file: "slice_file_name",
        labels: "class",
        marks: &["fsID", "fold"],
        fold: Some("fold"),
        group: Some("fsID"),
        ..PLAIN
    },
    KnownFormat {
        format: TableFormat::Fsd50k,
        file: "fname",
        labels: "labels",
        several: true,
        marks: &["mids"],
        split: Some("split"),
        ..PLAIN
    },
    KnownFormat {
        format: TableFormat::AudioSet,
        file: "YTID",
        labels: "positive_labels",
        several: true,
        marks: &["start_seconds", "end_seconds"],
        ..PLAIN
    },
    KnownFormat { format: TableFormat::DesedWeak, file: "filename", labels: "event_labels", several: true, ..PLAIN },
];

/// Usual names of the column of files.
const FILES: [&str; 16] = [
    "filename",
    "file",
    "file_name",
    "fname",
    "path",
    "filepath",
    "file_path",
    "audio",
    "audio_file",
    "audio_filename",
    "audio_path",
    "clip",
    "clip_name",
    "wav",
    "wav_file",
    "relative_path",
];
/// Usual names of the column of labels, and whether a field holds several.
const LABELS: [(&str, bool); 14] = [
    ("event_labels", true),
    ("labels", true),
    ("tags", true),
    ("classes", true),
    ("categories", true),
    ("positive_labels", true),
    ("event_label", false),
    ("label", false),
    ("class", false),
    ("category", false),
    ("class_name", false),
    ("label_name", false),
    ("tag", false),
    ("target_label", false),
];
/// Usual names of the columns of splits, folds and groups.
const SPLITS: [&str; 4] = ["split", "subset", "partition", "set"];
const FOLDS: [&str; 2] = ["fold", "cv_fold"];
const GROUPS: [&str; 6] = ["group", "group_id", "src_file", "fsid", "recording", "recording_id"];

/// Positions of the columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumns {
    /// Recognised format of the columns.
    pub format: TableFormat,
    /// Name or path of the clip's file.
    pub file: usize,
    /// The label, or several.
    pub labels: usize,
    /// Whether a field of `labels` holds several labels.
    pub several: bool,
    /// Onset and offset of an event in seconds. For AudioSet, the segment of the video.
    pub times: [Option<usize>; 2],
    /// Name of the subset.
    pub split: Option<usize>,
    /// Number of the fold.
    pub fold: Option<usize>,
    /// Name of the recording that the clip was cut from.
    pub group: Option<usize>,
}

impl TableColumns {
    /// Recognises the columns of a table with the names `header`.
    ///
    /// # Errors
    /// The reason: a column that is missing or there twice, with the names that there are.
    pub fn find(header: &[String], named: &TableConfig) -> Result<Self, String> {
        let names = Header(header);
        let known = match (&named.file, &named.labels) {
            (None, None) => names.known()?,
            _ => None,
        };
        let mut columns = match known {
            Some(known) => names.of_known(known)?,
            None => names.of_list(named)?,
        };
        let [onset, offset] = &mut columns.times;
        for (key, name, column) in [
            ("onset", &named.onset, onset),
            ("offset", &named.offset, offset),
            ("split", &named.split, &mut columns.split),
            ("fold", &named.fold, &mut columns.fold),
            ("group", &named.group, &mut columns.group),
        ] {
            match name.as_deref() {
                None => {}
                Some("") => *column = None,
                Some(name) => *column = Some(names.named(key, name)?),
            }
        }
        Ok(columns)
    }
}

/// The names of the columns.
struct Header<'a>(&'a [String]);

impl Header<'_> {
    /// Returns the position of the column `name`: the one that is called so, or else one that differs in case only.
    ///
    /// # Errors
    /// The reason if there are two.
    fn column(&self, name: &str) -> Result<Option<usize>, String> {
        for same in [|a: &str, b: &str| a == b, |a: &str, b: &str| a.eq_ignore_ascii_case(b)] {
            let mut found = (0..self.0.len()).filter(|column| same(self.0[*column].trim(), name));
            if let Some(column) = found.next() {
                return match found.next() {
                    Some(_) => Err(format!("two columns {name}: remove or rename one of them")),
                    None => Ok(Some(column)),
                };
            }
        }
        Ok(None)
    }

    /// Returns the first of the columns `names` that there is.
    fn first<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Option<usize>, String> {
        for name in names {
            if let Some(column) = self.column(name)? {
                return Ok(Some(column));
            }
        }
        Ok(None)
    }

    fn known(&self) -> Result<Option<&'static KnownFormat>, String> {
        for known in &KNOWN {
            let mut all = [known.file, known.labels].into_iter().chain(known.marks.iter().copied());
            let has = |name| self.column(name).map(|column| column.is_some());
            if all.try_fold(true, |so_far, name| Ok::<_, String>(so_far && has(name)?))? {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }

    fn of_known(&self, known: &KnownFormat) -> Result<TableColumns, String> {
        let optional = |name: Option<&str>| name.map_or(Ok(None), |name| self.column(name));
        let times = match known.format {
            TableFormat::DesedStrong | TableFormat::AudioSet => known.marks,
            _ => &[],
        };
        let time = |at: usize| optional(times.get(at).copied());
        Ok(TableColumns {
            format: known.format,
            file: self.required(known.file)?,
            labels: self.required(known.labels)?,
            several: known.several,
            times: [time(0)?, time(1)?],
            split: optional(known.split)?,
            fold: optional(known.fold)?,
            group: optional(known.group)?,
        })
    }

    /// Finds the columns of a list by their usual names, or by those that the configuration has for them.
    fn of_list(&self, named: &TableConfig) -> Result<TableColumns, String> {
        let format =
            if named.file.is_some() || named.labels.is_some() { TableFormat::Named } else { TableFormat::List };
        let file = match &named.file {
            Some(name) => self.named("file", name)?,
            None => self.first(FILES)?.ok_or_else(|| self.missing("filename", "file"))?,
        };
        let several = |column: usize| {
            LABELS.iter().any(|(name, several)| *several && self.0[column].trim().eq_ignore_ascii_case(name))
        };
        let labels = match &named.labels {
            Some(name) => self.named("labels", name)?,
            None => self.first(LABELS.map(|(name, _)| name))?.ok_or_else(|| self.missing("event_labels", "labels"))?,
        };
        let times = [self.column("onset")?, self.column("offset")?];
        match times {
            [Some(_), None] => return Err(self.missing("offset", "offset")),
            [None, Some(_)] => return Err(self.missing("onset", "onset")),
            _ => {}
        }
        Ok(TableColumns {
            format,
            file,
            labels,
            several: several(labels),
            times,
            split: self.first(SPLITS)?,
            fold: self.first(FOLDS)?,
            group: self.first(GROUPS)?,
        })
    }

    fn required(&self, name: &str) -> Result<usize, String> {
        self.column(name)?.ok_or_else(|| self.missing(name, "file"))
    }

    fn named(&self, key: &str, name: &str) -> Result<usize, String> {
        let reason = || format!("no column {name}, which data.table.{key} names: the header has {}", self.listed());
        self.column(name)?.ok_or_else(reason)
    }

    fn missing(&self, name: &str, key: &str) -> String {
        let listed = self.listed();
        format!(
            "no column {name}: the header has {listed}; rename the column, or name yours with --set data.table.{key}=NAME"
        )
    }

    fn listed(&self) -> String {
        match self.0 {
            [] => "no column".into(),
            names => names.iter().map(|name| format!("{:?}", name.trim())).collect::<Vec<_>>().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &str, named: &TableConfig) -> Result<TableColumns, String> {
        TableColumns::find(&header.split(',').map(String::from).collect::<Vec<_>>(), named)
    }

    #[test]
    fn formats_are_known_by_their_headers() {
        for (header, format, [file, labels], several) in [
            ("filename,onset,offset,event_label", TableFormat::DesedStrong, [0, 3], false),
            ("filename,event_labels", TableFormat::DesedWeak, [0, 1], true),
            ("filename,fold,target,category,esc10,src_file,take", TableFormat::Esc50, [0, 3], false),
            ("slice_file_name,fsID,start,end,salience,fold,classID,class", TableFormat::UrbanSound8k, [0, 7], false),
            ("fname,labels,mids,split", TableFormat::Fsd50k, [0, 1], true),
            ("fname,labels,mids", TableFormat::Fsd50k, [0, 1], true),
            ("YTID,start_seconds,end_seconds,positive_labels", TableFormat::AudioSet, [0, 3], true),
            ("id,Path,TAGS", TableFormat::List, [1, 2], true),
            ("label,file", TableFormat::List, [1, 0], false),
        ] {
            let columns = find(header, &TableConfig::default()).unwrap();
            assert_eq!((columns.format, columns.file, columns.labels), (format, file, labels), "{header}");
            assert_eq!(columns.several, several, "{header}");
        }
        let urban = find("slice_file_name,fsID,fold,class", &TableConfig::default()).unwrap();
        assert_eq!((urban.fold, urban.group, urban.split), (Some(2), Some(1), None));
    }

    #[test]
    fn the_configuration_names_columns_and_takes_them_away() {
        let some = |name: &str| Some(name.to_owned());
        let mut named = TableConfig { file: some("id"), labels: some("what"), ..TableConfig::default() };
        let columns = find("what,id,fold,onset,offset", &named).unwrap();
        assert_eq!((columns.format, columns.file, columns.labels), (TableFormat::Named, 1, 0));
        assert_eq!((columns.fold, columns.times), (Some(2), [Some(3), Some(4)]));
        (named.fold, named.group) = (some(""), some("what"));
        let columns = find("what,id,fold", &named).unwrap();
        assert_eq!((columns.fold, columns.group), (None, Some(0)));
        named.file = some("wave");
        let reason = find("what,id,fold", &named).unwrap_err();
        assert!(
            reason.contains("no column wave, which data.table.file names") && reason.contains("\"id\""),
            "{reason}"
        );
    }

    #[test]
    fn missing_columns_are_named_with_those_that_there_are() {
        for (header, word, key) in [
            ("a,label", "no column filename", "data.table.file"),
            ("file,what", "no column event_labels", "data.table.labels"),
            ("filename,onset,event_label", "no column offset", "data.table.offset"),
        ] {
            let reason = find(header, &TableConfig::default()).unwrap_err();
            assert!(reason.contains(word) && reason.contains(key) && reason.contains("header has"), "{reason}");
        }
        assert!(find("file,label,label", &TableConfig::default()).unwrap_err().contains("two columns label"));
    }
}
