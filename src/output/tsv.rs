//! Tab-separated values for programs: one row per line, whatever the fields hold.
//!
//! A field is written unchanged, unless it holds a control character (such as a tab or a line break) or a mark that
//! changes the direction of writing, or begins with a quotation mark. Such a field is written as a JSON string whose
//! inner quotation marks are `\u0022`. A reader parses a field that begins with a quotation mark as JSON and takes
//! every other field as it is; no field holds a tab or a line break.

use std::borrow::Cow;

use serde_json::Value;

use crate::base::printable;

/// Returns one row with its line break.
pub fn row(fields: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut row = String::new();
    for (place, text) in fields.into_iter().enumerate() {
        if place > 0 {
            row.push('\t');
        }
        row += &field(text.as_ref());
    }
    row + "\n"
}

fn field(text: &str) -> Cow<'_, str> {
    if !text.starts_with('"') && !text.contains(printable::steers) {
        return text.into();
    }
    let string = Value::from(text).to_string();
    let inner = string[1..string.len() - 1].replace("\\\"", "\\u0022");
    format!("\"{}\"", printable::json(&inner)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_as_they_are() {
        assert_eq!(row(["a \"b\" \\c.wav", "", "1.5"]), "a \"b\" \\c.wav\t\t1.5\n");
        assert_eq!(row([""; 0]), "\n");
    }

    #[test]
    fn what_would_tear_a_row_is_json_that_reads_back_equal() {
        for name in ["a\tb", "a\nb", "\"", "\"a\\\"b\"", "\u{1b}[2J", "a\r\"\\\u{85}\u{202e}ä"] {
            let row = row([name, "x"]);
            assert_eq!(row.lines().count(), 1, "{row}");
            let (field, rest) = row.split_once('\t').unwrap();
            assert_eq!(rest, "x\n");
            assert_eq!(serde_json::from_str::<String>(field).unwrap(), name, "{field}");
            // A reader that interprets quotation marks finds the same number of fields.
            let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').has_headers(false).from_reader(row.as_bytes());
            assert_eq!(reader.records().next().unwrap().unwrap().len(), 2, "{row}");
        }
    }
}
