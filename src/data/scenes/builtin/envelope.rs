//! Envelopes: curves of a level over time.

/// A curve through points (time in seconds, value), joined by straight lines and constant outside them.
pub struct Breakpoints(Vec<(f64, f64)>);

impl Breakpoints {
    /// Makes a curve through `points`, whose times rise.
    pub fn new(points: impl Into<Vec<(f64, f64)>>) -> Self {
        let points = points.into();
        assert!(points.windows(2).all(|w| w[0].0 <= w[1].0), "times of a curve must rise: {points:?}");
        Self(points)
    }

    /// Returns the value at `t` seconds.
    pub fn at(&self, t: f64) -> f64 {
        let after = self.0.partition_point(|&(time, _)| time <= t);
        match (after.checked_sub(1).map(|i| self.0[i]), self.0.get(after)) {
            (Some((t0, v0)), Some(&(t1, v1))) => v0 + (v1 - v0) * (t - t0) / (t1 - t0),
            (Some((_, v)), None) | (None, Some(&(_, v))) => v,
            (None, None) => 0.0,
        }
    }
}

/// Returns an envelope at `t` seconds: 0 before and after, 1 in between, with smooth flanks of `attack_s` and
/// `release_s` inside `length_s`.
pub fn swell(t: f64, length_s: f64, attack_s: f64, release_s: f64) -> f64 {
    let rise = (t / attack_s).clamp(0.0, 1.0);
    let fall = ((length_s - t) / release_s).clamp(0.0, 1.0);
    let smooth = |p: f64| p * p * (3.0 - 2.0 * p);
    smooth(rise) * smooth(fall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_meets_its_points_and_stays_at_its_ends() {
        let curve = Breakpoints::new([(1.0, 10.0), (2.0, 20.0), (2.0, 5.0), (4.0, 1.0)]);
        for (t, value) in [(0.0, 10.0), (1.5, 15.0), (2.0, 5.0), (3.0, 3.0), (9.0, 1.0)] {
            assert!((curve.at(t) - value).abs() < 1e-12, "at {t}: {}", curve.at(t));
        }
    }

    #[test]
    fn a_swell_is_silent_at_its_ends_and_full_between() {
        assert_eq!([-0.1, 0.0, 0.5, 1.0, 1.1].map(|t| swell(t, 1.0, 0.1, 0.3)), [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!((swell(0.05, 1.0, 0.1, 0.3) - 0.5).abs() < 1e-12);
    }
}
