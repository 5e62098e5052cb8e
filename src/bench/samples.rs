//! Repeated measurements of one case.

use statrs::distribution::{Binomial, DiscreteCDF};

/// Measurements in milliseconds, ascending, at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Makes samples of `milliseconds` in any order. Returns `None` when there is none, or one is not a positive
    /// number.
    pub fn new(mut milliseconds: Vec<f64>) -> Option<Self> {
        let sound = milliseconds.iter().all(|ms| ms.is_finite() && *ms > 0.0);
        milliseconds.sort_by(f64::total_cmp);
        (sound && !milliseconds.is_empty()).then_some(Self(milliseconds))
    }

    /// Returns all samples, ascending.
    pub fn sorted(&self) -> &[f64] {
        &self.0
    }

    /// Returns the median; of an even number of samples, the upper of the two in the middle.
    pub fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    /// Returns the least sample.
    pub fn min(&self) -> f64 {
        self.0[0]
    }

    /// Returns the greatest sample.
    pub fn max(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// Returns an interval that holds the true median with at least 95 % confidence, whatever the distribution: from
    /// the k-th least to the k-th greatest sample, with k from the binomial distribution. For fewer than six samples
    /// there is no such interval; the range of all samples is returned instead.
    pub fn interval(&self) -> [f64; 2] {
        let n = self.0.len();
        // The number of samples below the median is binomial. P(fewer than k of them) ≤ 2.5 %.
        let below = Binomial::new(0.5, n as u64).expect("one half is a probability");
        let k = (0..n / 2).take_while(|k| below.cdf(*k as u64) <= 0.025).count();
        let first = k.saturating_sub(1);
        [self.0[first], self.0[n - 1 - first]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(n: usize) -> Samples {
        Samples::new((1..=n).rev().map(|i| i as f64).collect()).unwrap()
    }

    #[test]
    fn the_interval_is_that_of_the_binomial_table() {
        // Two-sided 95 % ranks for the median: n = 6 → 1, 9 → 2, 12 → 3, 20 → 6, 25 → 8.
        for (n, rank) in [(5, 1), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (20, 6), (25, 8)] {
            assert_eq!(counting(n).interval(), [rank as f64, (n + 1 - rank) as f64], "{n} samples");
        }
        assert_eq!(counting(1).interval(), [1.0, 1.0]);
        assert_eq!((counting(9).median(), counting(9).min(), counting(9).max()), (5.0, 1.0, 9.0));
    }

    #[test]
    fn what_is_no_time_is_no_sample() {
        assert!(Samples::new(vec![]).is_none());
        assert!(Samples::new(vec![1.0, f64::NAN]).is_none());
        assert!(Samples::new(vec![0.0]).is_none());
    }
}
