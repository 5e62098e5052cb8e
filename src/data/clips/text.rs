//! Text from files: UTF-8, or an error that points to the byte.

use std::path::Path;

use crate::{Error, Result};

/// Returns the text in `bytes`, the content of the file at `path`, without a byte order mark.
///
/// # Errors
/// [`Error::Data`] with file, line and offset of the first byte that is not UTF-8.
pub(in crate::data) fn text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let offset = error.valid_up_to();
            let line = 1 + bytes[..offset].iter().filter(|&&byte| byte == b'\n').count();
            let reason = format!(
                "the byte 0x{:02x} at offset {offset} of the file is not UTF-8: save the file as UTF-8",
                bytes[offset]
            );
            Err(Error::data(format!("{}:{line}", path.display()), reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_found_with_its_line_and_byte() {
        let path = Path::new("set/train.tsv");
        assert_eq!(text(path, "\u{feff}Klänge".as_bytes()).unwrap(), "Klänge");
        for (bytes, place) in
            [(b"one\ntwo \xe9\n".as_slice(), "set/train.tsv:2: the byte 0xe9 at offset 8"), (b"\xff\xfe", "offset 0")]
        {
            let error = text(path, bytes).unwrap_err();
            assert!(error.to_string().contains(place) && error.exit_code() == 3, "{error}");
        }
    }
}
