//! A Gaussian kernel density estimate in one dimension (the paper's Figure 1).

use std::f64::consts::TAU;

/// A density estimate: the mean of Gaussians around values, whose standard deviation is the bandwidth.
#[derive(Debug, Clone)]
pub struct Density<'a> {
    values: &'a [f64],
    /// Bandwidth in the unit of the values.
    pub bandwidth: f64,
}

impl<'a> Density<'a> {
    /// Makes the estimate with the bandwidth of Scott's rule, the standard deviation (divisor n − 1) times n^(−1/5).
    /// Returns `None` for fewer than two values, and for equal values.
    pub fn new(values: &'a [f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let bandwidth = variance.sqrt() * n.powf(-0.2);
        // The mean of equal values need not equal them exactly, so the bandwidth may be a rounding error.
        (bandwidth > 1e-9 * mean.abs() && bandwidth.is_finite()).then_some(Self { values, bandwidth })
    }

    /// Returns the density at `x`, per unit of the values.
    pub fn at(&self, x: f64) -> f64 {
        let kernel = |value: &f64| (-0.5 * ((x - value) / self.bandwidth).powi(2)).exp();
        self.values.iter().map(kernel).sum::<f64>() / (self.values.len() as f64 * self.bandwidth * TAU.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with `scipy.stats.gaussian_kde` on the same values.
    #[test]
    fn a_density_is_that_of_scipy() {
        let density = Density::new(&[0.2, 0.5, 1.1, 2.0, 6.5]).unwrap();
        let expected = [0.14384516, 0.15672632, 0.16050203, 0.10117238, 0.00737474];
        for (x, expected) in [0.0, 0.5, 1.0, 3.0, 10.0].into_iter().zip(expected) {
            assert!((density.at(x) - expected).abs() < 1e-8, "at {x}: {}", density.at(x));
        }
    }

    #[test]
    fn a_density_sums_to_one() {
        let density = Density::new(&[0.3, 0.4, 0.9, 4.0]).unwrap();
        let sum: f64 = (-2000..3000).map(|i| density.at(f64::from(i) * 0.01) * 0.01).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    }

    #[test]
    fn equal_values_have_none() {
        for values in [&[][..], &[1.0], &[0.1; 7], &[0.0; 3]] {
            assert!(Density::new(values).is_none(), "{values:?}");
        }
    }
}
