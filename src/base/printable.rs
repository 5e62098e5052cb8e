//! Escaping of text that is shown to people. Names of files, classes, studies and workers come from anywhere, and may
//! hold escape sequences, line breaks or marks that change the direction of writing. No such character may reach a
//! terminal.
//!
//! In: text. Out: the same text with every such character written out, for example as `\u{1b}`. Data for programs keep
//! their meaning: JSON has escapes of its own, which [`json`] uses.

use std::borrow::Cow;

/// Placeholder for a text that must not be shown.
pub const HIDDEN: &str = "***";

/// Escapes a text of several lines; line breaks stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && steers(c))
}

/// Escapes a name, a message or a table cell for one line; line breaks are written out as well.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, steers)
}

/// Escapes a message of several lines and indents all lines after the first, so that a line break within a name does
/// not look like the start of another message.
pub fn message(text: &str) -> String {
    lines(text).replace('\n', "\n  ")
}

/// `n` of a thing: `1 epoch`, `2 epochs`. The plural is made with an s.
pub fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Escapes JSON so that it holds no character that steers a terminal and keeps its meaning. JSON itself escapes only
/// those below U+0020.
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return text.into();
    }
    // Outside of strings, JSON holds no such character except line breaks, and the JSON passed here has none.
    let escape = |c: char| if steers(c) { format!("\\u{:04x}", c as u32) } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

/// Whether a terminal may act on `c` instead of showing it: control characters, line separators, and marks that change
/// the direction of writing.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, which: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&which) {
        return text.into();
    }
    let escape = |c: char| if which(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_steers_a_terminal_is_written_out() {
        let name = "a\u{1b}[2J\u{9b}31m\r\u{7}\u{202e}gpj.wav\tb\n\u{7f}";
        let expected = "a\\u{1b}[2J\\u{9b}31m\\r\\u{7}\\u{202e}gpj.wav\\tb";
        assert_eq!(line(name), format!("{expected}\\n\\u{{7f}}"));
        assert_eq!(lines(name), format!("{expected}\n\\u{{7f}}"));
        assert_eq!(message("one\ntwo"), "one\n  two");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["Geräusch “a \\ b” – 猫 → 3.7 ± 0.1", "", "👩\u{200d}🔬"] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_means_the_same() {
        let name = "a\u{1b}[2J\u{9b}31m\u{202e}\"\\\n\u{7f}";
        let plain = serde_json::to_string(name).unwrap();
        let shown = json(&plain);
        assert!(shown.is_ascii() && shown.contains("\\u009b31m\\u202e"), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), name);
    }
}
