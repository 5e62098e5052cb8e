//! Growth of a step's time with its size: a constant, and a part proportional to the frames of all examples of all
//! models.

use super::Samples;

/// A fit of time = a + b · size to measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// Constant part of the time, in milliseconds.
    pub constant: f64,
    /// Time for each unit of size, in milliseconds.
    pub slope: f64,
    /// Largest relative residual, |measured − fitted| / measured.
    pub residual: f64,
}

impl Growth {
    /// Fits the line with the least squared *relative* residuals, since sizes and times span orders of magnitude.
    /// Returns `None` for fewer than three different sizes.
    pub fn fit(measured: &[(f64, &Samples)]) -> Option<Self> {
        let mut sizes: Vec<f64> = measured.iter().map(|(size, _)| *size).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        if sizes.len() < 3 {
            return None;
        }
        // Weights 1/t² turn the normal equations of a + b·x = t into those of the relative residuals.
        let [mut w, mut wx, mut wxx, mut wt, mut wxt] = [0.0; 5];
        for (x, samples) in measured {
            let t = samples.median();
            let weight = 1.0 / (t * t);
            w += weight;
            wx += weight * x;
            wxx += weight * x * x;
            wt += weight * t;
            wxt += weight * x * t;
        }
        let determinant = w * wxx - wx * wx;
        let (constant, slope) = ((wxx * wt - wx * wxt) / determinant, (w * wxt - wx * wt) / determinant);
        let off = |(x, samples): &(f64, &Samples)| (constant + slope * x - samples.median()).abs() / samples.median();
        Some(Self { constant, slope, residual: measured.iter().map(off).fold(0.0, f64::max) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(points: &[(f64, f64)]) -> Option<Growth> {
        let samples: Vec<Samples> = points.iter().map(|(_, t)| Samples::new(vec![*t]).unwrap()).collect();
        let measured: Vec<(f64, &Samples)> = points.iter().zip(&samples).map(|((x, _), s)| (*x, s)).collect();
        Growth::fit(&measured)
    }

    #[test]
    fn a_line_is_found() {
        let growth = fit(&[(10.0, 7.0), (100.0, 52.0), (1000.0, 502.0)]).unwrap();
        assert!((growth.constant - 2.0).abs() < 1e-9 && (growth.slope - 0.5).abs() < 1e-12, "{growth:?}");
        assert!(growth.residual < 1e-12);
    }

    #[test]
    fn what_is_no_line_leaves_a_residual() {
        let growth = fit(&[(10.0, 100.0), (20.0, 400.0), (40.0, 1600.0), (80.0, 6400.0)]).unwrap();
        assert!(growth.residual > 0.3, "{growth:?}");
    }

    #[test]
    fn two_sizes_are_no_growth() {
        assert_eq!(fit(&[(10.0, 1.0), (20.0, 2.0), (20.0, 2.1)]), None);
    }
}
