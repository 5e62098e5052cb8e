//! Comparison of two entries of a study's tables, paired by seed.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::data::StudyData;
use super::paired::{Evidence, Paired};
use super::paper;
use crate::config::{Method, Variant};
use crate::experiments::study::CellResult;
use crate::output::SeedSummary;

/// Macro-F1 in % below which a model counts as collapsed: a claim about a loss of score cannot be shown on it.
pub const FLOOR: f64 = 1.0;

/// Significance level: a comparison is shown if its p is below this.
pub const LEVEL: f64 = 0.05;

/// Two scores, of which a claim says that the first is below the second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Dataset of both scores.
    pub variant: Variant,
    /// Score that should be lower.
    pub lower: ComparedScore,
    /// Score that should be higher.
    pub upper: ComparedScore,
    /// Differences, upper minus lower, by seed.
    pub difference: Paired,
    /// Whether the reference scores less than [`FLOOR`] on average, so that nothing can be shown.
    pub nothing_to_lose: bool,
    /// Whether the paper's own means are in this order; `None` for lengths that the paper does not have.
    pub paper: Option<bool>,
}

/// A side of a [`Comparison`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedScore {
    /// Description, such as "half of classifier, 10 s → 1 s".
    pub name: String,
    /// Macro-F1 in %, over the seeds that both sides have, ascending.
    pub score: SeedSummary,
}

impl Comparison {
    fn new(variant: Variant, lower: (String, Vec<f64>), upper: (String, Vec<f64>)) -> Self {
        let difference = Paired::new(differences(&lower.1, &upper.1).collect());
        let side = |(name, scores)| ComparedScore { name, score: SeedSummary::new(scores) };
        Self { variant, lower: side(lower), upper: side(upper), difference, nothing_to_lose: false, paper: None }
    }

    /// Whether the difference has the claimed sign and is significant.
    pub fn shown(&self) -> bool {
        !self.nothing_to_lose && matches!(&self.difference.evidence, Evidence::Test(test) if test.p < LEVEL)
    }

    /// Whether the mean difference has the claimed sign.
    pub fn goes_that_way(&self) -> bool {
        !self.nothing_to_lose && self.difference.differences.mean > 0.0
    }

    /// Returns the finding in a few words.
    pub fn finding(&self) -> &'static str {
        match self.difference.evidence {
            _ if self.nothing_to_lose => "nothing to lose",
            Evidence::OneSeed => "no test: one seed",
            Evidence::AllEqual => "no test: equal differences",
            Evidence::Test(_) if self.shown() => "shown",
            Evidence::Test(_) => "not shown",
        }
    }
}

/// An entry of a study's tables: the macro-F1 of a trained model on segments of one length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TableEntry {
    pub variant: Variant,
    pub method: Method,
    pub train: f64,
    pub test: f64,
}

/// Formats the entry as "triplets, 10 s → 1 s": method, training length, test length.
impl fmt::Display for TableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} s → {} s", self.method.name(), self.train, self.test)
    }
}

/// A part of a study that a comparison needs and that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Lack {
    /// Description of the missing part.
    pub what: String,
    /// Whether the part is planned but not finished yet.
    pub planned: bool,
}

impl Lack {
    fn planned(what: String) -> Self {
        Self { what, planned: true }
    }
}

/// All missing parts that a comparison needs.
pub(super) type Missing = Vec<Lack>;

/// Macro-F1 in % by seed.
type BySeed = BTreeMap<u64, f64>;

impl TableEntry {
    fn scores(self, study: &StudyData) -> Result<BySeed, Missing> {
        let cell = find(study, self.variant, self.method, self.train);
        let found = cell.and_then(|cell| Some((cell, cell.test_length(self.test)?)));
        let (cell, at) = found.ok_or_else(|| self.missing(study))?;
        Ok(cell.seeds.iter().copied().zip(cell.macro_f1(at).seeds).collect())
    }

    /// Returns the reasons why there are no scores: the parts that the study's plan leaves out, or else the unfinished
    /// part.
    fn missing(self, study: &StudyData) -> Missing {
        let (plan, Self { variant, method, train, test }) = (&study.plan, self);
        let left_out = [
            (plan.variants.contains(&variant), paper::dataset(variant).to_owned()),
            (plan.methods.contains(&method), format!("the method {}", method.name())),
            (plan.train_seconds.contains(&train), format!("training on {train} s")),
            (plan.test_seconds.contains(&test), format!("testing on {test} s")),
        ];
        let left_out: Missing = left_out
            .into_iter()
            .filter_map(|(planned, what)| (!planned).then_some(Lack { what, planned: false }))
            .collect();
        if !left_out.is_empty() {
            return left_out;
        }
        let cell = format!("{} trained on {train} s", method.name());
        let tested = if find(study, variant, method, train).is_some() {
            format!(" and tested on {test} s")
        } else {
            String::new()
        };
        vec![Lack::planned(format!("{cell}{tested} ({})", paper::dataset(variant)))]
    }

    fn in_paper(self) -> Option<f64> {
        paper::score(self.variant, self.method, self.train, self.test).map(|(mean, _)| mean)
    }
}

/// Returns the finished cell of a dataset, method and training length.
fn find(study: &StudyData, variant: Variant, method: Method, train: f64) -> Option<&CellResult> {
    let wanted = |cell: &&CellResult| cell.variant == variant && cell.method == method && cell.train_seconds == train;
    study.cells.iter().filter(wanted).find(|cell| !cell.seeds.is_empty())
}

/// Returns the test lengths of that cell in seconds; those of the plan if the cell is not finished.
pub(super) fn test_lengths(study: &StudyData, variant: Variant, method: Method, train: f64) -> Vec<f64> {
    find(study, variant, method, train).map_or(&study.plan.test_seconds, |cell| &cell.seconds).clone()
}

/// Returns the scores of the seeds that both sides have, ordered by seed; `None` without such a seed.
fn matched(a: &BySeed, b: &BySeed) -> Option<(Vec<f64>, Vec<f64>)> {
    let pairs = a.iter().filter_map(|(seed, score)| Some((*score, *b.get(seed)?)));
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
    (!a.is_empty()).then_some((a, b))
}

fn no_common_seed(of: String) -> Missing {
    vec![Lack::planned(format!("a seed of both {of}"))]
}

fn differences(lower: &[f64], upper: &[f64]) -> impl Iterator<Item = f64> {
    lower.iter().zip(upper).map(|(lower, upper)| upper - lower)
}

/// Compares `entry` with half of `reference`, an entry of the same dataset: the claim is that `entry` scores less.
///
/// # Errors
/// The parts that are not in the study, or not finished.
pub(super) fn below_half(study: &StudyData, entry: TableEntry, reference: TableEntry) -> Result<Comparison, Missing> {
    let (scores, full) = match (entry.scores(study), reference.scores(study)) {
        (Ok(scores), Ok(full)) => (scores, full),
        (scores, full) => return Err([scores.err(), full.err()].into_iter().flatten().flatten().collect()),
    };
    let (scores, full) =
        matched(&scores, &full).ok_or_else(|| no_common_seed(format!("“{entry}” and “{reference}”")))?;
    let nothing_to_lose = SeedSummary::new(full.clone()).mean < FLOOR;
    let half = full.iter().map(|score| score / 2.0).collect();
    let paper = entry.in_paper().zip(reference.in_paper()).map(|(entry, full)| entry < full / 2.0);
    let comparison =
        Comparison::new(entry.variant, (entry.to_string(), scores), (format!("half of {reference}"), half));
    Ok(Comparison { nothing_to_lose, paper, ..comparison })
}

/// Compares `best` with the other entry of its dataset and method that comes closest: the claim is that `best` scores
/// more than all others. The others are all lengths of the study; those of the paper must be finished.
///
/// # Errors
/// The parts that are not in the study, or not finished.
pub(super) fn above_all_others(study: &StudyData, best: TableEntry) -> Result<Comparison, Missing> {
    let at = |train: f64, test: f64| TableEntry { train, test, ..best };
    let of_paper = || paper::SECONDS.into_iter().flat_map(|train| paper::SECONDS.map(|test| at(train, test)));
    let missing: Missing = of_paper().filter_map(|entry| entry.scores(study).err()).flatten().collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let scores = best.scores(study)?;
    let cells = study.cells.iter().filter(|cell| cell.variant == best.variant && cell.method == best.method);
    let others = cells.flat_map(|cell| cell.seconds.iter().map(move |test| at(cell.train_seconds, *test)));
    let excess = |(_, other, best): &(TableEntry, Vec<f64>, Vec<f64>)| {
        differences(other, best).sum::<f64>() / other.len() as f64
    };
    let (other, lower, upper) = others
        .filter(|entry| *entry != best)
        .filter_map(|entry| matched(&entry.scores(study).ok()?, &scores).map(|(other, best)| (entry, other, best)))
        .min_by(|a, b| excess(a).total_cmp(&excess(b)))
        .ok_or_else(|| no_common_seed(format!("“{best}” and another length")))?;
    let nothing_to_lose = SeedSummary::new(upper.clone()).mean < FLOOR;
    let paper = best.in_paper().map(|score| {
        of_paper().filter(|entry| *entry != best).filter_map(TableEntry::in_paper).all(|other| other < score)
    });
    let comparison = Comparison::new(best.variant, (other.to_string(), lower), (best.to_string(), upper));
    Ok(Comparison { nothing_to_lose, paper, ..comparison })
}
