//! Text for people, in which no name steers the terminal that shows it: names of files, classes, studies and workers come
//! from anywhere, and may hold escape sequences, line breaks or marks that turn the direction of writing.
//!
//! In: text. Out: the same with every such character written out, for example `\u{1b}`. Data for programs are not changed:
//! JSON has escapes of its own, which [`json`] makes use of.

use std::borrow::Cow;

/// Lines for people: line breaks stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && steers(c))
}

/// A name, a message or a cell of a table on one line: line breaks are written out as well.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, steers)
}

/// A message of several lines below a first one: later lines are indented, so that a line break within a name does not begin
/// a message of its own.
pub fn message(text: &str) -> String {
    lines(text).replace('\n', "\n  ")
}

/// `n` of a thing: `1 epoch`, `2 epochs`. The plural is made with an s.
pub fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// JSON that means the same and is free of characters that steer a terminal. JSON itself escapes those below U+0020 only.
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return text.into();
    }
    // Outside of strings JSON has no such character but line breaks, which are not asked for here.
    let escape = |c: char| if steers(c) { format!("\\u{:04x}", c as u32) } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

/// Whether a terminal may do something else with `c` than show it: control characters, line separators, and the marks that
/// change the direction of writing.
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
