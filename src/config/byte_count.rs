//! Numbers of bytes as people write them: `2GiB`, `500MB`, or a plain number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Units with their size in bytes: binary ones as `weaklabel devices` prints them, and decimal ones.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

impl FromStr for ByteCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("expected a number of bytes with a unit, as in 2GiB or 500MB, not '{text}'");
        let lower = text.trim().to_lowercase();
        let unit = UNITS.iter().find(|(name, _)| lower.ends_with(&name.to_lowercase()));
        let (digits, size) = match unit {
            Some((name, size)) => (lower[..lower.len() - name.len()].trim_end(), *size),
            None => (lower.as_str(), 1),
        };
        let number: f64 = digits.parse().map_err(|_| refused())?;
        let bytes = number * size as f64;
        // Beyond 2^53 a floating-point number is not exact, and no device has as many bytes.
        if (0.0..9e15).contains(&bytes) { Ok(Self(bytes.round() as u64)) } else { Err(refused()) }
    }
}

impl fmt::Display for ByteCount {
    /// Writes the number with the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        let (name, size) = exact.unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / size)
    }
}

impl Serialize for ByteCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let written = Written::deserialize(deserializer)
            .map_err(|_| de::Error::custom("expected a number of bytes with a unit, as in 2GiB or 500MB"))?;
        match written {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_and_decimal_and_a_plain_number_is_bytes() {
        for (text, bytes) in
            [("2GiB", 2 << 30), ("1.5 GiB", 3 << 29), ("500mb", 500_000_000), ("64 KiB", 65_536), ("123", 123)]
        {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text}");
        }
        for text in ["", "GiB", "two", "-1GiB", "nan", "1e300"] {
            assert!(text.parse::<ByteCount>().unwrap_err().contains("as in 2GiB"), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for bytes in [0, 1, 1023, 1 << 20, 3 << 29, 500_000_000, 123_456_789] {
            assert_eq!(ByteCount(bytes).to_string().parse(), Ok(ByteCount(bytes)));
        }
        assert_eq!(ByteCount(3 << 29).to_string(), "1536MiB");
    }
}
