//! Comparison of two sets of measurements: the ratio of each case, and a check whether a case became slower.

use std::collections::BTreeSet;

use super::Record;
use crate::output::Table;
use crate::{Error, Result};

/// A case that was measured twice.
struct Pair<'a> {
    now: &'a Record,
    before: &'a Record,
}

/// Measurements beside earlier ones of the same cases.
pub struct BenchComparison<'a> {
    pairs: Vec<Pair<'a>>,
}

impl<'a> BenchComparison<'a> {
    /// Pairs every record of `now` with the last one of `before` that has the same case.
    ///
    /// # Errors
    /// The error of [`Record::find`] for the first case that `before` does not hold.
    pub fn new(now: &'a [Record], before: &'a [Record]) -> Result<Self> {
        let pair = |now: &'a Record| Ok(Pair { now, before: Record::find(before, &now.case)? });
        Ok(Self { pairs: now.iter().map(pair).collect::<Result<_>>()? })
    }

    /// Makes a table with one line per case: both medians, and their ratio with its 95 % interval.
    pub fn table(&self) -> Table {
        let mut table =
            Table::new(["case", "before, ms", "now, ms", "now / before", "95 % interval"].map(String::from).to_vec());
        for pair in &self.pairs {
            let [low, high] = pair.interval();
            table.push(vec![
                pair.now.name(),
                format!("{:.4}", pair.before.samples.median()),
                format!("{:.4}", pair.now.samples.median()),
                format!("{:.3}", pair.now.samples.median() / pair.before.samples.median()),
                format!("{low:.3} to {high:.3}"),
            ]);
        }
        table
    }

    /// Lists the different adapters of the earlier measurements.
    pub fn adapters_before(&self) -> String {
        let names: BTreeSet<&str> = self.pairs.iter().map(|pair| pair.before.adapter.as_str()).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// Checks that no case is slower than before beyond the noise of both measurements.
    ///
    /// # Errors
    /// [`Error::Tolerance`] naming the slower cases.
    pub fn check(&self) -> Result<()> {
        let slower: Vec<String> = self
            .pairs
            .iter()
            .filter(|pair| pair.interval()[0] > 1.0)
            .map(|pair| {
                let ratio = pair.now.samples.median() / pair.before.samples.median();
                format!("{} takes {ratio:.2} times as long", pair.now.name())
            })
            .collect();
        match slower.is_empty() {
            true => Ok(()),
            false => Err(Error::Tolerance(format!("slower than before, beyond the noise: {}", slower.join("; ")))),
        }
    }
}

impl Pair<'_> {
    /// Returns an interval of the ratio from the ends of both medians' intervals, wider than an exact one.
    fn interval(&self) -> [f64; 2] {
        let ([now_low, now_high], [low, high]) = (self.now.samples.interval(), self.before.samples.interval());
        [now_low / high, now_high / low]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bench::{Samples, case};
    use crate::gpu::Gpu;

    fn record(frames: u32, scale: f64) -> Record {
        let samples = (0..9).map(|i| scale * (1.0 + 0.01 * f64::from(i))).collect();
        let case = case([("kind", json!("step")), ("frames", json!(frames))]);
        Record::new(case, Samples::new(samples).unwrap(), Gpu::noop().adapter())
    }

    #[test]
    fn only_what_exceeds_the_noise_is_slower() {
        let before = [record(20, 1.0), record(100, 5.0)];
        for (scale, slower) in [(0.5, false), (1.0, false), (1.05, false), (1.2, true)] {
            let now = [record(20, scale)];
            let comparison = BenchComparison::new(&now, &before).unwrap();
            assert_eq!(comparison.check().is_err(), slower, "{scale} times as long\n{}", comparison.table());
        }
        let now = [record(20, 2.0), record(100, 5.0)];
        let error = BenchComparison::new(&now, &before).unwrap().check().unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert_eq!(error.to_string(), "slower than before, beyond the noise: 20 frames takes 2.00 times as long");
    }

    #[test]
    fn a_case_that_was_not_measured_before_is_named() {
        let error = BenchComparison::new(&[record(1000, 1.0)], &[record(20, 1.0), record(20, 2.0)]).err().unwrap();
        assert_eq!(error.to_string(), "nothing to compare 1000 frames with: the file holds 20 frames");
    }

    #[test]
    fn the_last_measurement_of_a_case_counts() {
        let (now, before) = ([record(20, 3.0)], [record(20, 1.0), record(20, 3.0)]);
        assert!(BenchComparison::new(&now, &before).unwrap().check().is_ok());
    }
}
