//! Paired differences: their mean, and a test whether it may be chance.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::output::SeedSummary;

/// Standard deviation up to which differences count as equal: the rest is rounding. F1 in % changes in steps that are
/// millions of times larger.
const EQUAL: f64 = 1e-9;

/// The differences of pairs, one pair per seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paired {
    /// Differences with their mean and standard deviation.
    pub differences: SeedSummary,
    /// Number of differences above 0.
    pub positive: usize,
    /// Evidence that the mean is not chance.
    pub evidence: Evidence,
}

/// The evidence of differences about their mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The outcome of a test.
    Test(TTest),
    /// A single difference, which has no spread to test.
    OneSeed,
    /// Equal differences, which have no spread either.
    AllEqual,
}

/// A paired t-test with n − 1 degrees of freedom.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TTest {
    /// The mean difference divided by its standard error.
    pub t: f64,
    /// One-sided p value: the probability of a t at least as large if the true mean difference is 0.
    pub p: f64,
    /// Lower end of the two-sided 95 % confidence interval of the mean difference.
    pub low: f64,
    /// Upper end of the same interval.
    pub high: f64,
}

impl Paired {
    /// Tests whether the mean of `differences`, which must not be empty, is above 0.
    pub fn new(differences: Vec<f64>) -> Self {
        let positive = differences.iter().filter(|d| **d > 0.0).count();
        let differences = SeedSummary::new(differences);
        let evidence = match differences.sd {
            None => Evidence::OneSeed,
            Some(sd) if sd <= EQUAL => Evidence::AllEqual,
            Some(sd) => Evidence::Test(TTest::new(differences.mean, sd, differences.seeds.len())),
        };
        Self { differences, positive, evidence }
    }
}

impl TTest {
    /// Computes the test for `n` ≥ 2 differences with this mean and standard deviation `sd` > 0.
    fn new(mean: f64, sd: f64, n: usize) -> Self {
        let student = StudentsT::new(0.0, 1.0, n as f64 - 1.0).expect("at least one degree of freedom");
        let error = sd / (n as f64).sqrt();
        let t = mean / error;
        let half = student.inverse_cdf(0.975) * error;
        Self { t, p: student.sf(t), low: mean - half, high: mean + half }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(differences: &[f64]) -> TTest {
        match Paired::new(differences.to_vec()).evidence {
            Evidence::Test(test) => test,
            other => panic!("{other:?}"),
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs().max(1.0)
    }

    /// Compares with SciPy 1: `ttest_1samp(d, 0, alternative="greater")` and the two-sided interval.
    #[test]
    fn the_test_agrees_with_an_independent_one() {
        let known: [(&[f64], [f64; 4]); 4] = [
            (&[1.0, 2.0, 3.0, 4.0, 5.0], [4.242640687119285, 0.006617799781841, 1.036756838522443, 4.963243161477557]),
            (&[1.5, -0.5, 2.0], [1.309307341415954, 0.160316889756621, -2.286205303864214, 4.286205303864214]),
            (&[-1.0, -2.0, -3.5], [-2.982404540317303, 0.951781230456995, -5.292471406354554, 0.959138073021221]),
            (
                &[0.3, 0.1, 0.2, 0.25, 0.15, 0.9],
                [2.634825932069838, 0.023131751518573, 0.007721179461230, 0.625612153872103],
            ),
        ];
        for (differences, [t, p, low, high]) in known {
            let test = test(differences);
            assert!(close(test.t, t) && close(test.p, p) && close(test.low, low) && close(test.high, high), "{test:?}");
        }
    }

    /// Checks closed forms: with one degree of freedom Student's distribution is Cauchy's, with two it has a closed
    /// form too.
    #[test]
    fn few_degrees_of_freedom_have_closed_forms() {
        let two = test(&[3.0, 5.0]);
        assert!(close(two.t, 4.0) && close(two.p, 0.5 - 4.0_f64.atan() / std::f64::consts::PI), "{two:?}");
        let quantile = (std::f64::consts::PI * 0.475).tan();
        assert!(close(two.low, 4.0 - quantile) && close(two.high, 4.0 + quantile), "{two:?}");
        let three = test(&[1.0, 2.0, 4.0]);
        assert!(close(three.p, 0.5 - three.t / (2.0 * (three.t * three.t + 2.0).sqrt())), "{three:?}");
    }

    #[test]
    fn opposite_differences_have_opposite_tests() {
        let (up, down) = (test(&[1.0, 2.0, 2.5]), test(&[-1.0, -2.0, -2.5]));
        assert!(close(up.p + down.p, 1.0) && close(up.low, -down.high));
        assert!(up.p < 0.05 && down.p > 0.95);
    }

    #[test]
    fn without_spread_there_is_no_test() {
        assert_eq!(Paired::new(vec![7.0]).evidence, Evidence::OneSeed);
        let equal = Paired::new(vec![0.3 - 0.1, 0.2, 0.5 - 0.3]);
        assert_eq!(equal.evidence, Evidence::AllEqual, "but for rounding");
        assert_eq!(equal.positive, 3);
    }

    #[test]
    fn no_difference_is_not_in_favour() {
        assert_eq!(Paired::new(vec![0.0, 1.0, -1.0]).positive, 1);
    }
}
