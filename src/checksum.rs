//! A SHA-256 inside the file that it is of: in JSON, under [`KEY`], and computed while zeros stand for its 64 digits. Anybody can
//! verify it: put zeros where the digits stand, and hash the file.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The key of a checksum.
pub const KEY: &str = "sha256";
/// The digits of a checksum that is not known yet.
pub const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The SHA-256 of `parts` one after the other, in hexadecimal.
pub fn sha256(parts: &[&[u8]]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The checksum of a file whose digits stand at `at`.
pub fn of_file(file: &[u8], at: usize) -> String {
    sha256(&[&file[..at], ZEROS.as_bytes(), &file[at + ZEROS.len()..]])
}

/// The place in `json` of the digits `digits` of a checksum. A quote inside a string of JSON has a backslash before it, so the
/// key is found nowhere else.
pub fn place(json: &[u8], digits: &str) -> Option<usize> {
    let key = format!("\"{KEY}\":\"");
    let entry = format!("{key}{digits}\"");
    let at = json.windows(entry.len()).position(|window| window == entry.as_bytes())?;
    Some(at + key.len())
}

/// `value`, a struct, as JSON that begins with its checksum.
///
/// # Errors
/// Errors of serialising.
pub fn to_json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Sealed<'a, T> {
        sha256: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    let mut json = serde_json::to_vec(&Sealed { sha256: ZEROS, value })?;
    let at = beginning().len();
    let checksum = of_file(&json, at);
    json[at..at + ZEROS.len()].copy_from_slice(checksum.as_bytes());
    Ok(json)
}

/// Whether the checksum that `json` begins with is right. JSON that begins otherwise, as earlier versions wrote it, has none that
/// could be wrong.
pub fn is_right(json: &[u8]) -> bool {
    let beginning = beginning();
    let digits = json.strip_prefix(beginning.as_bytes()).and_then(|rest| rest.get(..ZEROS.len()));
    digits.is_none_or(|digits| digits == of_file(json, beginning.len()).as_bytes())
}

fn beginning() -> String {
    format!("{{\"{KEY}\":\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Scores {
        name: String,
        values: Vec<f32>,
    }

    #[test]
    fn no_byte_of_json_can_change_unnoticed() {
        let scores = Scores { name: format!("\"{KEY}\":\"{ZEROS}\""), values: vec![0.1, 1e-12, 3e20] };
        let json = to_json(&scores).unwrap();
        assert!(is_right(&json));
        assert_eq!(serde_json::from_slice::<Scores>(&json).unwrap(), scores);
        for at in 0..json.len() {
            for bit in 0..8 {
                let mut damaged = json.clone();
                damaged[at] ^= 1 << bit;
                // A flip in the key leaves JSON without a checksum, whose values are as they were.
                let read = serde_json::from_slice::<Scores>(&damaged);
                let noticed = !is_right(&damaged) || read.is_err();
                assert!(noticed || at < beginning().len() && read.unwrap() == scores, "byte {at}, bit {bit}");
            }
        }
        assert!(
            (1..json.len()).all(|n| !is_right(&json[..n]) || serde_json::from_slice::<Scores>(&json[..n]).is_err())
        );
    }
}
