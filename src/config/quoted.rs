//! Quotes of an invalid document in error messages, long enough to find the place and limited for long lines.

/// Largest number of characters quoted of a key, a value or a line.
pub const MAX_QUOTED: usize = 200;
/// Largest number of characters of a parser's message, which lists all known names.
const MAX_MESSAGE: usize = 1000;

/// Returns the beginning of `text`, with an ellipsis if it is longer.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// Shortens a message of the parser, which may quote the whole document, to its beginning and its end.
pub fn shortened(message: &str) -> String {
    let characters = message.chars().count();
    if characters <= MAX_MESSAGE {
        return message.into();
    }
    let end: String = message.chars().skip(characters - MAX_MESSAGE / 2).collect();
    format!("{} … {end}", quoted(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(quoted("train.epochs"), "train.epochs");
        assert_eq!(quoted(&"ä".repeat(201)), format!("{}…", "ä".repeat(200)));
        assert_eq!(shortened("unknown key"), "unknown key");
        let short = shortened(&format!("unknown key `{}`, expected `batch`", "ä".repeat(5000)));
        assert!(short.starts_with("unknown key `ää") && short.ends_with("ää`, expected `batch`"), "{short}");
        assert!(short.chars().count() < MAX_MESSAGE, "{short}");
    }
}
