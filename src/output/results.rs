//! The scores of a trained population on evaluation clips, by seed, test length and class, and the means that a table
//! shows (SPEC §5).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Table;
use crate::evaluate::{ClassScores, TagScores};
use crate::kernels::score::class_mean;

/// Name of the test length of clips that are scored as a whole.
pub const WHOLE_CLIPS: &str = "whole";

/// Scores of every trained model on every test length and class, in %. Test lengths are seconds as text, or
/// [`WHOLE_CLIPS`]. A class without a clip is left out of every mean, and is null in the JSON form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Name of the training method.
    pub method: String,
    /// Length of the training segments in seconds.
    pub train_seconds: f64,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Seed of each model.
    pub seeds: Vec<u64>,
    /// Mean of F1 over the classes at the threshold that all classes share, by test length.
    pub macro_f1: IndexMap<String, SeedSummary>,
    /// F1 at the threshold that all classes share, by test length and class.
    pub per_class: IndexMap<String, IndexMap<String, Option<SeedSummary>>>,
    /// All other scores, by test length. Results of earlier builds have none.
    #[serde(default)]
    pub scores: IndexMap<String, LengthScores>,
    /// Thresholds of each class, one for each seed; none if a model lacks them.
    #[serde(default)]
    pub thresholds: IndexMap<String, Vec<f64>>,
}

/// The scores beside F1 on one test length, in %; means are over the classes with a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LengthScores {
    /// Mean of average precision.
    pub map: SeedSummary,
    /// Mean of the area under the ROC curve; none if every clip has every class.
    pub roc_auc: Option<SeedSummary>,
    /// Label-weighted label-ranking average precision.
    pub lwlrap: Option<SeedSummary>,
    /// Mean of precision at the threshold that all classes share.
    pub precision: SeedSummary,
    /// Mean of recall at that threshold.
    pub recall: SeedSummary,
    /// Mean of F1 at each class's own threshold; none if a model lacks them.
    pub f1_class_thresholds: Option<SeedSummary>,
    /// Scores of each class; none for a class without a clip.
    pub per_class: IndexMap<String, Option<ClassSummary>>,
}

/// The scores beside F1 of one class, in %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassSummary {
    /// Number of clips with the class.
    pub clips: usize,
    /// Average precision.
    pub average_precision: SeedSummary,
    /// Area under the ROC curve; none if every clip has the class.
    pub roc_auc: Option<SeedSummary>,
    /// Precision at the threshold that all classes share.
    pub precision: SeedSummary,
    /// Recall at that threshold.
    pub recall: SeedSummary,
    /// F1 at the class's own threshold; none if a model lacks it.
    pub f1_class_thresholds: Option<SeedSummary>,
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

    /// Summarises the values of all seeds; `None` if a seed has none.
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        values.into_iter().collect::<Option<Vec<f64>>>().map(Self::new)
    }

    /// Returns `mean ± sd` with one decimal, or the mean alone.
    pub fn cell(&self) -> String {
        match self.sd {
            Some(sd) => format!("{:.1} ± {sd:.1}", self.mean),
            None => format!("{:.1}", self.mean),
        }
    }
}

/// A score of a class, or `None` where there is none.
type Score<'a> = &'a dyn Fn(&ClassScores) -> Option<f64>;

impl LengthScores {
    /// Summarises the scores of all seeds on one test length.
    fn new(classes: &[String], seeds: &[TagScores]) -> Self {
        let mean = |score: Score<'_>| {
            let of_seed = |seed: &TagScores| class_mean(seed.classes.iter().map(|class| score(class.as_ref()?)));
            SeedSummary::new(seeds.iter().map(of_seed).collect())
        };
        let has = |score: Score<'_>| seeds.iter().all(|seed| seed.classes.iter().flatten().any(|c| score(c).is_some()));
        let mean_if_any = |score: Score<'_>| has(score).then(|| mean(score));
        let of_class = |(class, name): (usize, &String)| {
            let of_seeds: Option<Vec<ClassScores>> = seeds.iter().map(|seed| seed.classes[class]).collect();
            (name.clone(), of_seeds.map(|of_seeds| ClassSummary::new(&of_seeds)))
        };
        Self {
            map: mean(&|class| Some(class.average_precision)),
            roc_auc: mean_if_any(&|class| class.roc_auc),
            lwlrap: SeedSummary::of(seeds.iter().map(|seed| seed.lwlrap)),
            precision: mean(&|class| Some(class.detection.precision)),
            recall: mean(&|class| Some(class.detection.recall)),
            f1_class_thresholds: mean_if_any(&|class| class.own.map(|own| own.f1)),
            per_class: classes.iter().enumerate().map(of_class).collect(),
        }
    }
}

impl ClassSummary {
    fn new(seeds: &[ClassScores]) -> Self {
        let all = |score: fn(&ClassScores) -> f64| SeedSummary::new(seeds.iter().map(score).collect());
        Self {
            clips: seeds[0].positives,
            average_precision: all(|class| class.average_precision),
            roc_auc: SeedSummary::of(seeds.iter().map(|class| class.roc_auc)),
            precision: all(|class| class.detection.precision),
            recall: all(|class| class.detection.recall),
            f1_class_thresholds: SeedSummary::of(seeds.iter().map(|class| Some(class.own?.f1))),
        }
    }
}

/// Facts about a training that its results name beside its scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored<'a> {
    /// Name of the training method.
    pub method: &'a str,
    /// Length of the training segments in seconds.
    pub train_seconds: f64,
    /// Class names, sorted.
    pub classes: &'a [String],
    /// Seed of each model.
    pub seeds: &'a [u64],
    /// Thresholds of each model's classes, if it has any.
    pub thresholds: &'a [Option<Vec<f64>>],
}

impl Results {
    /// Summarises `scores`: test lengths, each with the scores of every seed.
    pub fn new(scored: &Scored<'_>, scores: &[(String, Vec<TagScores>)]) -> Self {
        let Scored { method, train_seconds, classes, seeds, thresholds } = *scored;
        let f1 = |seed: &TagScores, class: usize| Some(seed.classes[class]?.detection.f1);
        let macro_f1 = |(length, seeds): &(String, Vec<TagScores>)| {
            let of_seed = |seed: &TagScores| class_mean((0..classes.len()).map(|class| f1(seed, class)));
            (length.clone(), SeedSummary::new(seeds.iter().map(of_seed).collect()))
        };
        let per_class = |(length, seeds): &(String, Vec<TagScores>)| {
            let of_class = |(class, name): (usize, &String)| {
                (name.clone(), SeedSummary::of(seeds.iter().map(|seed| f1(seed, class))))
            };
            (length.clone(), classes.iter().enumerate().map(of_class).collect())
        };
        let of_models: Option<Vec<&Vec<f64>>> = thresholds.iter().map(Option::as_ref).collect();
        let of_class = |models: Vec<&Vec<f64>>| {
            let of_class = |class: usize| models.iter().map(|thresholds| thresholds[class]).collect();
            classes.iter().enumerate().map(|(class, name)| (name.clone(), of_class(class))).collect()
        };
        Self {
            method: method.into(),
            train_seconds,
            classes: classes.to_vec(),
            seeds: seeds.to_vec(),
            macro_f1: scores.iter().map(macro_f1).collect(),
            per_class: scores.iter().map(per_class).collect(),
            scores: scores.iter().map(|(length, seeds)| (length.clone(), LengthScores::new(classes, seeds))).collect(),
            thresholds: of_models.map(of_class).unwrap_or_default(),
        }
    }

    /// Checks that there is a value of every class and seed, as in results that were read from a file.
    ///
    /// # Errors
    /// A message that names what is missing.
    pub fn check(&self) -> Result<(), String> {
        for (length, classes) in &self.per_class {
            if !self.macro_f1.contains_key(length) {
                return Err(format!("macro_f1: no test length `{length}`"));
            }
            for name in &self.classes {
                let summary = classes.get(name).ok_or_else(|| format!("per_class.{length}: no class `{name}`"))?;
                if summary.as_ref().is_some_and(|summary| summary.seeds.len() != self.seeds.len()) {
                    return Err(format!("per_class.{length}.{name}: not one value per seed"));
                }
            }
        }
        Ok(())
    }

    /// Returns text tables: F1 with one line per class and one column per test length, and the other scores, by class
    /// if there is one test length only. A dash stands for a class without a clip, and a line below says so.
    pub fn table(&self) -> String {
        let over = match self.seeds.len() {
            1 => format!("seed {}", self.seeds[0]),
            n => format!("mean ± standard deviation over {n} seeds"),
        };
        let tested = match self.macro_f1.keys().all(|length| length == WHOLE_CLIPS) {
            true => "tested on whole clips",
            false => "tested on the lengths above the columns",
        };
        let others = match self.scores.values().next() {
            Some(scores) if self.scores.len() == 1 => self.table_by_class(scores),
            _ => self.table_of_means(),
        };
        let mut text = format!(
            "{}, trained on {} s, {tested}; {over}\n\n{}\n{others}",
            self.method,
            self.train_seconds,
            self.table_of_f1()
        );
        let lacks = |name: &&String| self.per_class.values().any(|classes| classes[*name].is_none());
        let absent = self.classes.iter().filter(lacks).count();
        if absent > 0 {
            let all = self.classes.len();
            text += &format!(
                "\n{DASH}: no clip with this class, which is left out of the means ({absent} of {all} classes)\n"
            );
        }
        if self.thresholds.is_empty() && !self.scores.is_empty() {
            text += "\nNo class thresholds: a model is of a training that is not finished, or of an earlier build\n";
        }
        text
    }

    /// Makes the header of a table with a column for each test length.
    fn by_length(&self, title: &str) -> Table {
        let column = |length: &String| match length == WHOLE_CLIPS {
            true => "whole clips".to_owned(),
            false => format!("{length} s"),
        };
        Table::new(std::iter::once(title.to_owned()).chain(self.macro_f1.keys().map(column)).collect())
    }

    fn table_of_f1(&self) -> Table {
        let mut table = self.by_length("F1 in %");
        for name in &self.classes {
            let cells = self.per_class.values().map(|classes| cell(classes[name].as_ref()));
            table.push(std::iter::once(name.clone()).chain(cells).collect());
        }
        table.rule();
        table.push(
            std::iter::once("macro mean".to_owned()).chain(self.macro_f1.values().map(SeedSummary::cell)).collect(),
        );
        table
    }

    fn table_of_means(&self) -> String {
        let mut table = self.by_length("means in %");
        let measures: [(&str, OfLength); 6] = [
            ("mAP", |scores| Some(&scores.map)),
            ("ROC-AUC", |scores| scores.roc_auc.as_ref()),
            ("lwlrap", |scores| scores.lwlrap.as_ref()),
            ("precision", |scores| Some(&scores.precision)),
            ("recall", |scores| Some(&scores.recall)),
            ("F1 at class thresholds", |scores| scores.f1_class_thresholds.as_ref()),
        ];
        for (name, measure) in measures {
            let cells = self.macro_f1.keys().map(|length| cell(self.scores.get(length).and_then(measure)));
            table.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
        table.to_string()
    }

    fn table_by_class(&self, scores: &LengthScores) -> String {
        let header = ["in %", "clips", "AP", "ROC-AUC", "precision", "recall", "threshold", "F1 at it"];
        let mut table = Table::new(header.map(String::from).to_vec());
        let threshold = |name: &String| {
            let of_seeds = self.thresholds.get(name)?;
            Some(format!("{:.2}", of_seeds.iter().sum::<f64>() / of_seeds.len() as f64))
        };
        for (name, class) in &scores.per_class {
            let of = |score: fn(&ClassSummary) -> Option<&SeedSummary>| cell(class.as_ref().and_then(score));
            table.push(vec![
                name.clone(),
                class.as_ref().map_or(0, |class| class.clips).to_string(),
                of(|class| Some(&class.average_precision)),
                of(|class| class.roc_auc.as_ref()),
                of(|class| Some(&class.precision)),
                of(|class| Some(&class.recall)),
                threshold(name).unwrap_or_else(|| DASH.into()),
                of(|class| class.f1_class_thresholds.as_ref()),
            ]);
        }
        table.rule();
        table.push(vec![
            "macro mean".into(),
            String::new(),
            cell(Some(&scores.map)),
            cell(scores.roc_auc.as_ref()),
            cell(Some(&scores.precision)),
            cell(Some(&scores.recall)),
            String::new(),
            cell(scores.f1_class_thresholds.as_ref()),
        ]);
        format!("{table}lwlrap {}\n", cell(scores.lwlrap.as_ref()))
    }
}

/// A score of a test length, or `None` where there is none.
type OfLength = fn(&LengthScores) -> Option<&SeedSummary>;

/// Text of a table's cell that has no score.
const DASH: &str = "–";

fn cell(summary: Option<&SeedSummary>) -> String {
    summary.map_or_else(|| DASH.into(), SeedSummary::cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Detection;

    fn results(seeds: &[u64], lengths: &[&str]) -> Results {
        let scores = |seed: u64, length: usize| {
            let class = |class: usize| {
                let f1 = seed as f64 * 10.0 + length as f64 + class as f64 / 4.0;
                let detection = Detection { precision: f1 + 1.0, recall: f1 + 2.0, f1 };
                let own = Some(Detection { f1: f1 + 3.0, ..detection });
                let (average_precision, roc_auc) = (f1 + 4.0, Some(f1 + 5.0));
                Some(ClassScores { positives: 3, detection, own, average_precision, roc_auc })
            };
            TagScores { classes: vec![class(0), class(1), None], lwlrap: Some(seed as f64) }
        };
        let classes = ["Cat", "Running_water", "Speech"].map(String::from);
        let thresholds = vec![Some(vec![0.25, 0.75, 0.5]); seeds.len()];
        let scored =
            Scored { method: "classifier", train_seconds: 1.0, classes: &classes, seeds, thresholds: &thresholds };
        let of_length =
            |(at, length): (usize, &&str)| ((*length).to_owned(), seeds.iter().map(|seed| scores(*seed, at)).collect());
        Results::new(&scored, &lengths.iter().enumerate().map(of_length).collect::<Vec<_>>())
    }

    const LENGTHS: [&str; 3] = ["0.2", "1", "10"];

    #[test]
    fn a_summary_divides_by_n_minus_one() {
        let summary = SeedSummary::new(vec![2.0, 4.0, 9.0]);
        assert_eq!(summary.mean, 5.0);
        assert!((summary.sd.unwrap() - 13.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(SeedSummary::new(vec![2.0]).sd, None);
    }

    #[test]
    fn json_has_the_documented_shape_and_reads_back_equal() {
        let results = results(&[1, 2, 3], &LENGTHS);
        let json = serde_json::to_value(&results).unwrap();
        assert_eq!(json["method"], "classifier");
        assert_eq!(json["macro_f1"]["0.2"]["mean"], 20.125);
        assert_eq!(json["macro_f1"]["10"]["seeds"], serde_json::json!([12.125, 22.125, 32.125]));
        assert_eq!(json["per_class"]["1"]["Running_water"]["sd"], 10.0);
        assert!(json["per_class"]["1"]["Speech"].is_null() && json["scores"]["1"]["per_class"]["Speech"].is_null());
        assert_eq!(json["scores"]["0.2"]["map"]["mean"], 24.125);
        assert_eq!(json["scores"]["0.2"]["per_class"]["Cat"]["f1_class_thresholds"]["seeds"][0], 13.0);
        assert_eq!(json["thresholds"]["Running_water"], serde_json::json!([0.75, 0.75, 0.75]));
        let lengths: Vec<_> = json["per_class"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(lengths, LENGTHS, "in the order they were asked for");
        assert_eq!(serde_json::from_value::<Results>(json).unwrap(), results);
    }

    #[test]
    fn results_of_earlier_builds_are_read() {
        let summary = serde_json::json!({"mean": 50.0, "sd": null, "seeds": [50.0]});
        let json = serde_json::json!({
            "method": "classifier", "train_seconds": 1.0, "classes": ["Cat"], "seeds": [1],
            "macro_f1": {"1": summary}, "per_class": {"1": {"Cat": summary}},
        });
        let results: Results = serde_json::from_value(json).unwrap();
        results.check().unwrap();
        assert!(results.table().contains("macro mean  50.0"), "{}", results.table());
    }

    #[test]
    fn one_seed_has_no_deviation() {
        let json = serde_json::to_value(results(&[7], &LENGTHS)).unwrap();
        assert!(json["macro_f1"]["1"]["sd"].is_null());
        assert!(!results(&[7], &LENGTHS).table().contains('±'));
    }

    #[test]
    fn results_with_a_missing_class_or_seed_are_refused() {
        let good = results(&[1, 2], &LENGTHS);
        good.check().unwrap();
        let mut bad = good.clone();
        bad.classes[0] = "Dog".into();
        assert!(bad.check().unwrap_err().contains("no class `Dog`"));
        let mut bad = good;
        bad.seeds = vec![1];
        assert!(bad.check().unwrap_err().contains("not one value per seed"));
    }

    #[test]
    fn several_lengths_have_a_table_of_f1_and_one_of_means() {
        let table = results(&[1, 2], &LENGTHS).table();
        let expected = "classifier, trained on 1 s, tested on the lengths above the columns; mean ± standard deviation over 2 seeds

F1 in %             0.2 s         1 s        10 s
Cat            15.0 ± 7.1  16.0 ± 7.1  17.0 ± 7.1
Running_water  15.2 ± 7.1  16.2 ± 7.1  17.2 ± 7.1
Speech                  –           –           –
-------------------------------------------------
macro mean     15.1 ± 7.1  16.1 ± 7.1  17.1 ± 7.1

means in %                   0.2 s         1 s        10 s
mAP                     19.1 ± 7.1  20.1 ± 7.1  21.1 ± 7.1
ROC-AUC                 20.1 ± 7.1  21.1 ± 7.1  22.1 ± 7.1
lwlrap                   1.5 ± 0.7   1.5 ± 0.7   1.5 ± 0.7
precision               16.1 ± 7.1  17.1 ± 7.1  18.1 ± 7.1
recall                  17.1 ± 7.1  18.1 ± 7.1  19.1 ± 7.1
F1 at class thresholds  18.1 ± 7.1  19.1 ± 7.1  20.1 ± 7.1

–: no clip with this class, which is left out of the means (1 of 3 classes)
";
        assert_eq!(table, expected);
    }

    #[test]
    fn one_length_has_all_scores_by_class() {
        let table = results(&[1], &[WHOLE_CLIPS]).table();
        let expected = "classifier, trained on 1 s, tested on whole clips; seed 1

F1 in %        whole clips
Cat                   10.0
Running_water         10.2
Speech                   –
--------------------------
macro mean            10.1

in %           clips    AP  ROC-AUC  precision  recall  threshold  F1 at it
Cat                3  14.0     15.0       11.0    12.0       0.25      13.0
Running_water      3  14.2     15.2       11.2    12.2       0.75      13.2
Speech             0     –        –          –       –       0.50         –
---------------------------------------------------------------------------
macro mean            14.1     15.1       11.1    12.1                 13.1
lwlrap 1.0

–: no clip with this class, which is left out of the means (1 of 3 classes)
";
        assert_eq!(table, expected);
    }
}
