//! SHA-256 checksums inside the files that they protect. The checksum is a JSON entry under [`KEY`], computed with
//! zeros in place of its 64 digits. Anybody can verify it: replace the digits by zeros and hash the file.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// JSON key of a checksum.
pub const KEY: &str = "sha256";
/// Placeholder for the digits of a checksum that is not computed yet.
pub const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Returns the SHA-256 of the concatenated `parts` in hexadecimal.
pub fn sha256(parts: &[&[u8]]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    hex(&hash.finalize())
}

/// Returns `bytes` in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the checksum of a file whose checksum digits begin at byte `at`.
pub fn of_file(file: &[u8], at: usize) -> String {
    sha256(&[&file[..at], ZEROS.as_bytes(), &file[at + ZEROS.len()..]])
}

/// Returns the position in `json` of the checksum digits `digits`. A quotation mark inside a JSON string follows a
/// backslash, so the key cannot be found within a string.
pub fn place(json: &[u8], digits: &str) -> Option<usize> {
    let key = format!("\"{KEY}\":\"");
    let entry = format!("{key}{digits}\"");
    let at = json.windows(entry.len()).position(|window| window == entry.as_bytes())?;
    Some(at + key.len())
}

/// Serialises `value`, a struct, as JSON that begins with its checksum.
///
/// # Errors
/// The errors of serialising.
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

/// Whether the checksum at the beginning of `json` is right. JSON of earlier versions has no checksum and is accepted.
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
                // A flip within the key yields JSON without a checksum, but with unchanged values.
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
