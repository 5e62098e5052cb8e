//! Scales: positions of values along an axis, and the axis's labels.

use crate::experiments::report::page::words::{number, truncate};

/// Length of the longest choice that is not shortened, in characters.
const LONGEST: usize = 16;

/// The scale of an axis: numbers, linear or logarithmic, or choices.
#[derive(Debug, Clone)]
pub struct Scale {
    /// Values at both ends of the axis.
    ends: [f64; 2],
    log: bool,
    /// Values with their labels.
    pub ticks: Vec<(f64, String)>,
}

impl Scale {
    /// Makes a linear scale that covers the finite values among `values`.
    pub fn linear(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        let beyond = match high - low {
            0.0 if low == 0.0 => 1.0,
            0.0 => 0.5 * low.abs(),
            width => 0.05 * width,
        };
        let ends = [low - beyond, high + beyond];
        Self { ends, log: false, ticks: named(round_numbers(ends)) }
    }

    /// Makes a logarithmic scale that covers the finite values among `values`, or a linear one unless all of them are
    /// positive.
    pub fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        if values.is_empty() || values.iter().any(|value| *value < f64::MIN_POSITIVE) {
            return Self::linear(values.into_iter());
        }
        let (low, high) = range(values.into_iter());
        let beyond = if low == high { 2.0 } else { (high / low).powf(0.05) };
        let ends = [(low / beyond).max(f64::MIN_POSITIVE), (high * beyond).min(f64::MAX)];
        let decades = decades(ends);
        // Two ticks are needed to show the scale. A range below a decade may hold no round ones.
        let ticks = if decades.len() > 1 { decades } else { round_numbers(ends) };
        Self { ends, log: true, ticks: named(ticks) }
    }

    /// Makes a scale with one row for each of `choices`, the first on top. The value of a choice is its index.
    pub fn choices(choices: &[String]) -> Self {
        let ticks = choices.iter().enumerate().map(|(place, name)| (place as f64, truncate(name, LONGEST)));
        Self { ends: [choices.len() as f64 - 0.5, -0.5], log: false, ticks: ticks.collect() }
    }

    /// Returns the scale with ticks at `values`.
    pub fn with_ticks(self, values: impl IntoIterator<Item = f64>) -> Self {
        Self { ticks: named(values.into_iter().collect()), ..self }
    }

    /// Whether the scale is logarithmic.
    pub fn is_logarithmic(&self) -> bool {
        self.log
    }

    /// Returns the position of `value`: 0 at the beginning of the axis, 1 at its end.
    pub fn share(&self, value: f64) -> f64 {
        // Values are halved so that the widest possible range does not overflow.
        let along = |value: f64| if self.log { value.ln() } else { value / 2.0 };
        let [begin, end] = self.ends.map(along);
        let share = (along(value) - begin) / (end - begin);
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// Returns the least and the greatest of the finite `values`, limited so that margins can be added without overflow.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite()).map(|value| value.clamp(-1e300, 1e300));
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), value| (l.min(value), h.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// Returns about five multiples of 1, 2 or 5 times a power of ten.
fn round_numbers([low, high]: [f64; 2]) -> Vec<f64> {
    let rough = (high - low) / 6.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
    let Some(step) = step.filter(|step| step.is_normal()) else { return Vec::new() };
    let first = (low / step).ceil();
    (0..8).map(|i| (first + f64::from(i)) * step).filter(|value| *value <= high).collect()
}

/// Returns powers of ten, and in a short range some values between them.
fn decades([low, high]: [f64; 2]) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let between: &[f64] = match (high / low).log10() {
        ..1.3 => &[1.0, 2.0, 5.0],
        1.3..2.6 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let stride = ((last - first) / 6).max(1) as usize;
    let powers = (first..=last).step_by(stride).map(|power| 10_f64.powi(power));
    let values = powers.flat_map(|power| between.iter().map(move |factor| factor * power));
    values.filter(|value| (low..=high).contains(value)).collect()
}

/// Labels `values`; of equal labels only the first is kept.
fn named(values: Vec<f64>) -> Vec<(f64, String)> {
    let mut named: Vec<(f64, String)> = values.into_iter().map(|value| (value, number(value))).collect();
    named.dedup_by(|a, b| a.1 == b.1);
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn a_linear_scale_has_round_numbers() {
        let scale = Scale::linear([0.1, 0.3, f64::NAN, 0.5].into_iter());
        assert_eq!(ticks(&scale), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert!((scale.share(0.3) - 0.5).abs() < 1e-12);
        assert!(scale.share(0.1) > 0.0 && scale.share(0.5) < 1.0, "points do not stand on the edge");
        assert_eq!(ticks(&Scale::linear([-40.0, 60.0].into_iter())), ["−40", "−20", "0", "20", "40", "60"]);
    }

    #[test]
    fn a_logarithmic_scale_has_powers_of_ten_or_numbers_between_them() {
        let of = |low: f64, high: f64| Scale::logarithmic([low, high].into_iter());
        assert_eq!(ticks(&of(1e-5, 1e-1)), ["1e−5", "0.0001", "0.001", "0.01", "0.1"]);
        assert_eq!(ticks(&of(1e-3, 1e-1)), ["0.001", "0.003", "0.01", "0.03", "0.1"]);
        assert_eq!(ticks(&of(16.0, 128.0)), ["20", "50", "100"]);
        assert_eq!(ticks(&of(0.0011, 0.0019)), ["0.0012", "0.0014", "0.0016", "0.0018"]);
        assert!((of(1e-3, 1e-1).share(1e-2) - 0.5).abs() < 1e-12);
        assert!(ticks(&of(1e-300, 1e300)).len() < 9);
        assert!(!of(0.0, 1.0).is_logarithmic() && of(0.1, 1.0).is_logarithmic());
    }

    #[test]
    fn equal_values_and_none_have_a_scale_too() {
        for values in [&[][..], &[0.0], &[3.0, 3.0], &[1e-9], &[-1e308, 1e308], &[f64::INFINITY]] {
            for scale in [Scale::linear(values.iter().copied()), Scale::logarithmic(values.iter().copied())] {
                assert!(values.iter().all(|value| (0.0..=1.0).contains(&scale.share(*value))), "{scale:?}");
                assert!(scale.ticks.len() < 9 && scale.ticks.iter().all(|(value, _)| value.is_finite()), "{scale:?}");
            }
        }
    }

    #[test]
    fn choices_are_rows_from_the_top() {
        let scale = Scale::choices(&["a".into(), "b".into(), "a choice with a long name".into()]);
        assert_eq!(ticks(&scale), ["a", "b", "a choice with a …"]);
        assert!(scale.share(0.0) > scale.share(1.0) && scale.share(2.0) > 0.0);
    }
}
