//! Texts of names, numbers and durations for readers.

/// Length of the longest name that is not shortened, in characters.
const LONGEST: usize = 26;

/// Shortens a name so that it fits beside a panel.
pub fn short(name: &str) -> String {
    truncate(name, LONGEST)
}

/// Returns the first `longest` characters of `text`, followed by "…" if there are more.
pub fn truncate(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// Formats a number, with a true minus sign: a whole number below 10⁹ in full, any other number with four significant digits.
pub fn number(value: f64) -> String {
    // Turns −0 into 0, so that it has no sign.
    let value = value + 0.0;
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    let text = match rounded.abs() {
        ..1e9 if value.fract() == 0.0 => format!("{value}"),
        1e-4..1e6 => format!("{rounded}"),
        _ => format!("{rounded:e}"),
    };
    text.replace('-', "−")
}

/// Formats a duration: in hours and minutes, in minutes and seconds, or below a minute in seconds alone.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round();
    let minutes = (seconds / 60.0).floor();
    if minutes < 1.0 {
        format!("{seconds} s")
    } else if minutes < 60.0 {
        format!("{minutes} min {} s", seconds - 60.0 * minutes)
    } else {
        let hours = (minutes / 60.0).floor();
        format!("{hours} h {} min", minutes - 60.0 * hours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut() {
        assert_eq!(short("Electric_shaver_toothbrush"), "Electric_shaver_toothbrush");
        assert_eq!(short(&"ä".repeat(27)), format!("{}…", "ä".repeat(26)));
    }

    #[test]
    fn whole_numbers_are_whole_and_others_have_four_digits() {
        let values = [0.0, -0.0, 16_384.0, 0.2, 0.001_234_56, 1234.56, -0.5, 1.2e-7, 0.000_099_999_9, 3e12];
        let expected = ["0", "0", "16384", "0.2", "0.001235", "1235", "−0.5", "1.2e−7", "0.0001", "3e12"];
        assert_eq!(values.map(number), expected);
        assert_eq!([f64::NAN, f64::INFINITY].map(number), ["NaN", "inf"]);
    }

    #[test]
    fn durations_are_told_in_two_units() {
        assert_eq!(
            [0.4, 59.7, 61.0, 3599.0, 3660.0, 86_400.0].map(duration),
            ["0 s", "1 min 0 s", "1 min 1 s", "59 min 59 s", "1 h 1 min", "24 h 0 min"]
        );
    }
}
