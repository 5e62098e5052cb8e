//! Durations as people write them: a plain number of seconds, or numbers with units.

use std::time::Duration;

/// Allowed forms, for messages.
const FORMS: &str = "a number of seconds, or numbers with units, as in 200ms, 1.5s or 3h50m";

/// Reads a duration: `90`, `1.5s`, `3h50m`.
///
/// # Errors
/// The allowed forms, for any other text.
pub fn duration(text: &str) -> Result<Duration, String> {
    let plain = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let parsed = plain.or_else(|| humantime::parse_duration(text).ok());
    parsed.ok_or_else(|| decimal_comma(text).unwrap_or_else(|| format!("expected {FORMS}")))
}

/// Reads a length of time in seconds: `0.2`, `200ms`. A plain number is returned whatever it is, so that the command
/// that needs it says which numbers it takes.
///
/// # Errors
/// The errors of [`duration`].
pub fn seconds(text: &str) -> Result<f64, String> {
    // One division, so that `200ms` is the very number that `0.2` is.
    text.parse().or_else(|_| duration(text).map(|duration| duration.as_nanos() as f64 / 1e9))
}

/// A message about `text` if it is a number with a comma as the decimal sign.
pub fn decimal_comma(text: &str) -> Option<String> {
    let (whole, fraction) = text.trim().split_once(',')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction);
    number.then(|| format!("the decimal sign is a point: {whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_number_is_seconds_and_units_are_taken() {
        for (text, expected) in
            [("60", 60.0), ("0.2", 0.2), ("200ms", 0.2), ("1.2s", 1.2), ("2min", 120.0), ("3h50m", 13_800.0)]
        {
            assert_eq!(seconds(text), Ok(expected), "{text}");
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(expected)), "{text}");
        }
        assert_eq!(seconds("-1"), Ok(-1.0));
        for text in ["soon", "-1", "nan", "", "1 parsec"] {
            assert!(duration(text).unwrap_err().contains("200ms, 1.5s or 3h50m"), "{text}");
        }
    }

    #[test]
    fn a_comma_is_explained() {
        assert_eq!(seconds("0,5"), Err("the decimal sign is a point: 0.5".into()));
        assert_eq!(decimal_comma(" -10,25"), Some("the decimal sign is a point: -10.25".into()));
        for text in ["0.5", ",5", "1,", "1,2,3", "a,b", "1, 2"] {
            assert_eq!(decimal_comma(text), None, "{text}");
        }
    }
}
