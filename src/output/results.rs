//! The scores of a trained population: F1 by seed, test length and class, and the means that a table shows (SPEC §5).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Table;

/// F1 of every trained model on every test length and class.
///
/// The JSON form is an object with `method`, `train_seconds`, `classes`, `seeds`, `macro_f1` (test length → summary)
/// and `per_class` (test length → class → summary). A summary is `{"mean", "sd", "seeds": [value of each seed]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Document", try_from = "Document")]
pub struct Results {
    /// Name of the training method.
    pub method: String,
    /// Length of the training segments in seconds.
    pub train_seconds: f64,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Seed of each model.
    pub seeds: Vec<u64>,
    /// Lengths of the test segments in seconds.
    pub seconds: Vec<f64>,
    /// F1 in %, `[seed][test length][class]`.
    pub f1: Vec<Vec<Vec<f64>>>,
}

/// Summary of a score over seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedSummary {
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds with divisor n − 1; `None` for a single seed.
    pub sd: Option<f64>,
    /// Value of each seed.
    pub seeds: Vec<f64>,
}

impl SeedSummary {
    /// Computes mean and standard deviation of `values`, which must not be empty.
    pub fn new(values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a mean of no values");
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let sd = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Self { mean, sd, seeds: values }
    }

    /// Computes F1 of `class` on test length `length`, from F1 `[seed][test length][class]`.
    pub fn class_f1(f1: &[Vec<Vec<f64>>], length: usize, class: usize) -> Self {
        Self::new(f1.iter().map(|seed| seed[length][class]).collect())
    }

    /// Computes the mean of F1 over classes on test length `length`, from F1 `[seed][test length][class]`.
    pub fn macro_f1(f1: &[Vec<Vec<f64>>], length: usize) -> Self {
        let mean = |f1: &[f64]| f1.iter().sum::<f64>() / f1.len() as f64;
        Self::new(f1.iter().map(|seed| mean(&seed[length])).collect())
    }

    /// Returns `mean ± sd` with one decimal, or the mean alone.
    pub fn cell(&self) -> String {
        match self.sd {
            Some(sd) => format!("{:.1} ± {sd:.1}", self.mean),
            None => format!("{:.1}", self.mean),
        }
    }
}

impl Results {
    /// Returns F1 of `class` on test length `length`, over seeds.
    pub fn class_f1(&self, length: usize, class: usize) -> SeedSummary {
        SeedSummary::class_f1(&self.f1, length, class)
    }

    /// Returns the mean of F1 over classes on test length `length`, over seeds.
    pub fn macro_f1(&self, length: usize) -> SeedSummary {
        SeedSummary::macro_f1(&self.f1, length)
    }

    /// Returns a text table with one line per class, one for the macro mean, and one column per test length.
    pub fn table(&self) -> String {
        let mut header = vec!["F1 in %".to_owned()];
        header.extend(self.seconds.iter().map(|s| format!("{s} s")));
        let mut table = Table::new(header);
        let row = |name: &str, summary: &dyn Fn(usize) -> SeedSummary| {
            let cells = (0..self.seconds.len()).map(|length| summary(length).cell());
            std::iter::once(name.to_owned()).chain(cells).collect()
        };
        for (class, name) in self.classes.iter().enumerate() {
            table.push(row(name, &|length| self.class_f1(length, class)));
        }
        table.rule();
        table.push(row("macro mean", &|length| self.macro_f1(length)));
        let over = match self.seeds.len() {
            1 => format!("seed {}", self.seeds[0]),
            n => format!("mean ± standard deviation over {n} seeds"),
        };
        format!(
            "{}, trained on {} s, tested on the lengths above the columns; {over}\n\n{table}",
            self.method, self.train_seconds
        )
    }
}

/// The JSON form of [`Results`].
#[derive(Clone, Serialize, Deserialize)]
struct Document {
    method: String,
    train_seconds: f64,
    classes: Vec<String>,
    seeds: Vec<u64>,
    macro_f1: IndexMap<String, SeedSummary>,
    per_class: IndexMap<String, IndexMap<String, SeedSummary>>,
}

impl From<Results> for Document {
    fn from(r: Results) -> Self {
        let lengths = || r.seconds.iter().map(f64::to_string).enumerate();
        let classes = |length| r.classes.iter().enumerate().map(move |(class, name)| (name.clone(), (length, class)));
        Self {
            macro_f1: lengths().map(|(i, name)| (name, r.macro_f1(i))).collect(),
            per_class: lengths()
                .map(|(i, name)| (name, classes(i).map(|(name, (i, c))| (name, r.class_f1(i, c))).collect()))
                .collect(),
            method: r.method,
            train_seconds: r.train_seconds,
            classes: r.classes,
            seeds: r.seeds,
        }
    }
}

impl TryFrom<Document> for Results {
    type Error = String;

    fn try_from(d: Document) -> Result<Self, String> {
        let mut f1 = vec![Vec::new(); d.seeds.len()];
        let mut seconds = Vec::with_capacity(d.per_class.len());
        for (length, classes) in &d.per_class {
            seconds.push(length.parse().map_err(|_| format!("per_class: `{length}` is not a length in seconds"))?);
            f1.iter_mut().for_each(|seed| seed.push(Vec::with_capacity(d.classes.len())));
            for name in &d.classes {
                let summary = classes.get(name).ok_or_else(|| format!("per_class.{length}: no class `{name}`"))?;
                if summary.seeds.len() != d.seeds.len() {
                    return Err(format!("per_class.{length}.{name}: not one value per seed"));
                }
                for (seed, value) in f1.iter_mut().zip(&summary.seeds) {
                    seed.last_mut().expect("pushed above").push(*value);
                }
            }
        }
        Ok(Self { method: d.method, train_seconds: d.train_seconds, classes: d.classes, seeds: d.seeds, seconds, f1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(seeds: Vec<u64>) -> Results {
        let value = |seed: u64, length: usize, class: usize| seed as f64 * 10.0 + length as f64 + class as f64 / 4.0;
        let f1 = seeds.iter().map(|&s| (0..3).map(|l| (0..2).map(|c| value(s, l, c)).collect()).collect()).collect();
        Results {
            method: "classifier".into(),
            train_seconds: 1.0,
            classes: vec!["Cat".into(), "Running_water".into()],
            seeds,
            seconds: vec![0.2, 1.0, 10.0],
            f1,
        }
    }

    #[test]
    fn a_summary_divides_by_n_minus_one() {
        let summary = SeedSummary::new(vec![2.0, 4.0, 9.0]);
        assert_eq!(summary.mean, 5.0);
        assert!((summary.sd.unwrap() - 13.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(SeedSummary::new(vec![2.0]).sd, None);
    }

    #[test]
    fn json_has_the_documented_shape_and_reads_back_equal() {
        let results = results(vec![1, 2, 3]);
        let json = serde_json::to_value(&results).unwrap();
        assert_eq!(json["method"], "classifier");
        assert_eq!(json["macro_f1"]["0.2"]["mean"], 20.125);
        assert_eq!(json["macro_f1"]["10"]["seeds"], serde_json::json!([12.125, 22.125, 32.125]));
        assert_eq!(json["per_class"]["1"]["Running_water"]["sd"], 10.0);
        let lengths: Vec<_> = json["per_class"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(lengths, ["0.2", "1", "10"], "in the order they were asked for");
        assert_eq!(serde_json::from_value::<Results>(json).unwrap(), results);
    }

    #[test]
    fn one_seed_has_no_deviation() {
        let json = serde_json::to_value(results(vec![7])).unwrap();
        assert!(json["macro_f1"]["1"]["sd"].is_null());
        assert!(!results(vec![7]).table().contains('±'));
    }

    #[test]
    fn results_with_a_missing_class_or_seed_are_refused() {
        let good = serde_json::to_value(results(vec![1, 2])).unwrap();
        let mut bad = good.clone();
        bad["classes"][0] = "Dog".into();
        assert!(serde_json::from_value::<Results>(bad).unwrap_err().to_string().contains("no class `Dog`"));
        let mut bad = good;
        bad["seeds"] = serde_json::json!([1]);
        assert!(serde_json::from_value::<Results>(bad).is_err());
    }

    #[test]
    fn the_table_has_a_line_per_class_and_a_column_per_length() {
        let table = results(vec![1, 2]).table();
        let expected = "classifier, trained on 1 s, tested on the lengths above the columns; mean ± standard deviation over 2 seeds

F1 in %             0.2 s         1 s        10 s
Cat            15.0 ± 7.1  16.0 ± 7.1  17.0 ± 7.1
Running_water  15.2 ± 7.1  16.2 ± 7.1  17.2 ± 7.1
-------------------------------------------------
macro mean     15.1 ± 7.1  16.1 ± 7.1  17.1 ± 7.1
";
        assert_eq!(table, expected);
    }
}
