//! Tables whose fields are separated by tabs, commas or semicolons: reading record by record with line numbers, and
//! writing.
//!
//! A field that holds the delimiter or a quote is written in quotes, and quoted fields are read back. A quote that does
//! not close on its own line is an error, because everything down to the next quote, possibly to the end of the file,
//! would become one field.

use std::io::{Chain, Read};
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord, WriterBuilder};

use crate::{Error, Result};

/// An iterator over the records of a table, one for each line that is not blank.
pub struct Records<'a> {
    text: &'a [u8],
    reader: Reader<Chain<&'a [u8], &'a [u8]>>,
    record: StringRecord,
    /// Number of the next record's line, counted from 1. `counted` is the number of bytes before it.
    line: u64,
    counted: usize,
}

impl<'a> Records<'a> {
    /// Makes an iterator over the records of `text`, whose fields are separated by `delimiter`. The first line of
    /// `text` has the number `line`.
    pub fn new(text: &'a str, delimiter: u8, line: u64) -> Self {
        let text = text.as_bytes();
        // A line feed is added after the last line, so that the field of a quote that never closes contains a line
        // feed.
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).has_headers(false).flexible(true);
        let reader = builder.from_reader(text.chain(b"\n".as_slice()));
        Self { text, reader, record: StringRecord::new(), line, counted: 0 }
    }

    /// Returns the next record and the number of its line; `None` after the last record.
    ///
    /// # Errors
    /// The line number of a quote that does not close on its line, and the reason.
    pub fn next(&mut self) -> Result<Option<(u64, &StringRecord)>, (u64, String)> {
        // The reader assigns blank lines, and the line feed after a carriage return, to the record that follows them.
        let end = self.text.len();
        let mut start = usize::try_from(self.reader.position().byte()).unwrap_or(end).min(end);
        start += self.text[start..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
        self.line += self.text[self.counted..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.counted = start;
        let line = self.line;
        let found = self.reader.read_record(&mut self.record).map_err(|error| (line, error.to_string()))?;
        if let Some(field) = self.record.iter().position(|field| field.contains(['\n', '\r'])) {
            let reason = format!(
                "the quote at the beginning of field {} does not close on its line: remove it, or close it and double \
                 the quotes inside",
                field + 1
            );
            return Err((line, reason));
        }
        Ok(found.then_some((line, &self.record)))
    }
}

/// Returns the delimiter of a table with the line `header`: a tab if the line has one, otherwise the more frequent of
/// semicolon and comma, and a tab for a line without any.
pub fn delimiter(header: &str) -> u8 {
    let count = |delimiter: char| header.matches(delimiter).count();
    match (count('\t'), count(';'), count(',')) {
        (0, semicolons, commas) if semicolons > commas => b';',
        (0, _, 1..) => b',',
        _ => b'\t',
    }
}

/// Makes an [`Error::Data`] that points to a line of a table.
pub fn at_line(path: &Path, line: u64, reason: impl std::fmt::Display) -> Error {
    Error::data(format!("{}:{line}", path.display()), reason.to_string())
}

/// Writes a table with one header line and syncs it to the disk.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write<const N: usize>(path: &Path, header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    let file = std::fs::File::create(path).map_err(failed)?;
    let mut writer = WriterBuilder::new().delimiter(b'\t').from_writer(file);
    writer.write_record(header).map_err(|error| failed(error.into()))?;
    for row in rows {
        writer.write_record(&row).map_err(|error| failed(error.into()))?;
    }
    let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines and fields of a table, or the number of the line with an error.
    fn read(text: &str) -> Result<Vec<(u64, Vec<String>)>, u64> {
        let mut records = Records::new(text, b'\t', 1);
        let mut found = Vec::new();
        while let Some((line, record)) = records.next().map_err(|(line, _)| line)? {
            found.push((line, record.iter().map(str::to_owned).collect()));
        }
        Ok(found)
    }

    #[test]
    fn the_header_tells_the_delimiter() {
        for (header, expected) in
            [("a\tb, c", b'\t'), ("a;b", b';'), ("a,b;c,d", b','), ("a", b'\t'), ("", b'\t'), ("a,b", b',')]
        {
            assert_eq!(delimiter(header), expected, "{header:?}");
        }
        let mut records = Records::new("a;\"b;c\"\n\nd", b';', 4);
        assert_eq!(records.next().unwrap().map(|(line, record)| (line, record.iter().count())), Some((4, 2)));
        assert_eq!(records.next().unwrap().map(|(line, record)| (line, record.iter().count())), Some((6, 1)));
    }

    #[test]
    fn records_have_their_lines_and_quoted_fields_their_quotes() {
        let found = read("a\tb\r\n\n\"c\td\"\t\"say \"\"e\"\"\"\nf\tg \"h\"\ti\"\n\n\"\"\tj").unwrap();
        let expected: [(u64, &[&str]); 4] =
            [(1, &["a", "b"]), (3, &["c\td", "say \"e\""]), (4, &["f", "g \"h\"", "i\""]), (6, &["", "j"])];
        assert_eq!(found.len(), expected.len());
        for ((line, fields), (expected_line, expected_fields)) in found.iter().zip(expected) {
            assert!(*line == expected_line && fields == expected_fields, "{line}: {fields:?}");
        }
    }

    #[test]
    fn a_quote_that_does_not_close_on_its_line_is_refused_where_it_begins() {
        for (text, line) in [
            ("a\nb\t\"c\nd\ne\"\n", 2),
            ("a\nb\n\"c", 3),
            ("a\nb\t\"c\n", 2),
            ("a\n\n\"\nb\n", 3),
            ("a\r\nb\t\"c\r\nd\r\n", 2),
            ("a\t\"b\"\"\nc\n", 1),
            ("\"", 1),
        ] {
            assert_eq!(read(text), Err(line), "{text:?}");
        }
    }
}
