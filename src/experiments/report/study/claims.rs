//! Tests of the paper's three claims (the end of SPEC §7) in one study.

use std::fmt;

use indexmap::IndexSet;
use serde::Serialize;

use super::comparison::{Comparison, LEVEL, Lack, Missing, TableEntry, above_all_others, below_half, test_lengths};
use super::data::StudyData;
use super::paired::Evidence;
use super::paper;
use crate::base::printable::counted;
use crate::config::{Method, Variant};

/// A claim, and a study's evidence for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// Letter of the claim, 'a', 'b' or 'c', as in SPEC §7.
    pub letter: char,
    /// Statement of the claim, with the way in which it is measured here.
    pub statement: String,
    /// Verdict of the study.
    pub verdict: Verdict,
    /// Explanation of the verdict, with its numbers.
    pub sentence: String,
    /// Comparisons that can be made.
    pub comparisons: Vec<Comparison>,
}

/// The verdict of a study on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every comparison is shown.
    Holds,
    /// Some comparisons are shown.
    Partly {
        /// Number of comparisons that are shown.
        shown: usize,
        /// Number of all comparisons.
        of: usize,
    },
    /// No comparison is shown.
    NotShown,
    /// Cells that the claim needs are not part of the study, or not finished.
    Untested,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => write!(f, "Holds"),
            Self::Partly { shown, of } => write!(f, "Partly ({shown} of {of})"),
            Self::NotShown => write!(f, "Not shown"),
            Self::Untested => write!(f, "Untested"),
        }
    }
}

/// Tests the three claims, in the order of their letters.
pub fn claims(study: &StudyData) -> Vec<Claim> {
    vec![far_below(study), loses_most(study), best_at_one_second(study)]
}

fn far_below(study: &StudyData) -> Claim {
    let (variant, train) = (Variant::Ms200, 10.0);
    let tests = test_lengths(study, variant, Method::Classifier, train);
    let made = [Method::Triplets, Method::Prototypes].into_iter().flat_map(|method| {
        tests.iter().map(move |&test| {
            let entry = |method| TableEntry { variant, method, train, test };
            below_half(study, entry(method), entry(Method::Classifier))
        })
    });
    Claim::new(
        'a',
        "On the 200 ms dataset, both embedding methods trained on 10 s score far below the classifier trained on 10 s: \
         on every test length less than half of its score.",
        made,
    )
}

fn loses_most(study: &StudyData) -> Claim {
    let made = paper::VARIANTS.into_iter().flat_map(|variant| {
        Method::all().map(|method| {
            let entry = |test| TableEntry { variant, method, train: 0.2, test };
            below_half(study, entry(10.0), entry(0.2))
        })
    });
    Claim::new(
        'b',
        "A model trained on 0.2 s loses most of its score when tested on 10 s: with every method and on both datasets less \
         than half of its score on 0.2 s is left.",
        made,
    )
}

fn best_at_one_second(study: &StudyData) -> Claim {
    let best = |method| TableEntry { variant: Variant::Waa, method, train: 1.0, test: 1.0 };
    Claim::new(
        'c',
        "On WAA1, each method scores best when it trains and tests on 1 s: more than at any other pair of lengths.",
        Method::all().into_iter().map(|method| above_all_others(study, best(method))),
    )
}

impl Claim {
    fn new(letter: char, statement: &str, made: impl Iterator<Item = Result<Comparison, Missing>>) -> Self {
        let (mut comparisons, mut missing, mut later) = (Vec::new(), IndexSet::new(), false);
        for result in made {
            match result {
                Ok(comparison) => comparisons.push(comparison),
                Err(lacks) => {
                    later |= lacks.iter().all(|lack| lack.planned);
                    missing.extend(lacks);
                }
            }
        }
        let (shown, of) = (comparisons.iter().filter(|c| c.shown()).count(), comparisons.len());
        let verdict = match shown {
            _ if of == 0 || !missing.is_empty() => Verdict::Untested,
            0 => Verdict::NotShown,
            shown if shown == of => Verdict::Holds,
            shown => Verdict::Partly { shown, of },
        };
        let sentence = sentence(&comparisons, &missing, later);
        Self { letter, statement: statement.into(), verdict, sentence, comparisons }
    }
}

/// Describes what the comparisons show and what they do not; `later` if more can be made once the study is finished.
fn sentence(comparisons: &[Comparison], missing: &IndexSet<Lack>, later: bool) -> String {
    let count = |which: fn(&Comparison) -> bool| comparisons.iter().filter(|c| which(c)).count();
    let mut sentences = Vec::new();
    for (planned, heading) in [(false, "Not part of this study"), (true, "Not finished yet")] {
        let words: Vec<&str> = missing.iter().filter(|l| l.planned == planned).map(|l| l.what.as_str()).collect();
        if !words.is_empty() {
            sentences.push(format!("{heading}: {}.", words.join("; ")));
        }
    }
    if comparisons.is_empty() {
        sentences.push(format!("No comparison can be made{}.", if later { " yet" } else { "" }));
        return sentences.join(" ");
    }
    sentences.push(format!(
        "Of {}{}, the mean goes that way in {}, with p < {LEVEL} in {}.",
        counted(comparisons.len(), "comparison"),
        if missing.is_empty() { "" } else { " that can be made" },
        count(Comparison::goes_that_way),
        count(Comparison::shown),
    ));
    if let known @ 1.. = count(|c| c.paper.is_some()) {
        sentences
            .push(format!("The paper's own means go that way in {} of {known}.", count(|c| c.paper == Some(true))));
    }
    let not_shown: Vec<String> = comparisons.iter().filter(|c| !c.shown()).map(against).collect();
    if !not_shown.is_empty() {
        sentences.push(format!("Not shown: {}.", not_shown.join("; ")));
    }
    sentences.join(" ")
}

/// Describes both sides of a comparison that is not shown, and the reason.
fn against(c: &Comparison) -> String {
    let why = match &c.difference.evidence {
        Evidence::Test(test) if !c.nothing_to_lose => format!("p = {:.3}", test.p),
        _ => c.finding().into(),
    };
    let (dataset, lower, upper) = (paper::dataset(c.variant), &c.lower, &c.upper);
    format!(
        "{} on {dataset} ({}) against {} ({}), {why}",
        lower.name,
        lower.score.cell(),
        upper.name,
        upper.score.cell()
    )
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::experiments::study::CellResult;

    const SEEDS: [u64; 4] = [1, 2, 3, 4];

    fn cell_mut(study: &mut StudyData, variant: Variant, method: Method, train: f64) -> &mut CellResult {
        let wanted = |c: &&mut CellResult| c.variant == variant && c.method == method && c.train_seconds == train;
        study.cells.iter_mut().find(wanted).unwrap()
    }

    /// Makes a study like the paper's, except for one cell that scores `f1(seed, test length)`.
    fn but(variant: Variant, method: Method, train: f64, seeds: &[u64], f1: &dyn Fn(u64, f64) -> f64) -> StudyData {
        let mut study = example::like_the_paper();
        *cell_mut(&mut study, variant, method, train) = example::cell(variant, method, train, seeds, f1);
        study
    }

    fn verdicts(study: &StudyData) -> [Verdict; 3] {
        let claims = claims(study);
        [claims[0].verdict, claims[1].verdict, claims[2].verdict]
    }

    #[test]
    fn a_study_like_the_papers_says_what_the_paper_says() {
        let study = example::like_the_paper();
        let claims = claims(&study);
        // The paper's classifier of WAA1 keeps 26.8 of 45.8 %: more than half.
        assert_eq!(verdicts(&study), [Verdict::Holds, Verdict::Partly { shown: 5, of: 6 }, Verdict::Holds]);
        for comparison in claims.iter().flat_map(|claim| &claim.comparisons) {
            assert_eq!(Some(comparison.shown()), comparison.paper, "{comparison:?}");
        }
        assert_eq!(
            claims[0].sentence,
            "Of 6 comparisons, the mean goes that way in 6, with p < 0.05 in 6. The paper's own means go that way in 6 of 6."
        );
        assert!(
            claims[1].sentence.contains("Not shown: classifier, 0.2 s → 10 s on WAA1 (26.9 ± 0.3) against half of classifier, 0.2 s → 0.2 s (23.0 ± 0.2), p = 1.000."),
            "{}",
            claims[1].sentence
        );
        let closest: Vec<&str> = claims[2].comparisons.iter().map(|c| c.lower.name.as_str()).collect();
        assert_eq!(closest, ["classifier, 10 s → 1 s", "triplets, 0.2 s → 0.2 s", "prototypes, 1 s → 0.2 s"]);
    }

    #[test]
    fn a_difference_within_the_spread_is_not_shown() {
        let wide = |seed: u64, test: f64| if test == 10.0 { 5.0 + 15.0 * (seed % 2) as f64 } else { 30.0 };
        let claim = &claims(&but(Variant::Waa, Method::Triplets, 0.2, &SEEDS, &wide))[1];
        let comparison = claim.comparisons.iter().find(|c| c.upper.score.mean == 15.0).unwrap();
        // Differences 5 − 5 + {10, −5}: mean 2.5, of which two of four are positive.
        assert_eq!((comparison.difference.differences.mean, comparison.difference.positive), (2.5, 2));
        assert_eq!((comparison.shown(), comparison.goes_that_way(), comparison.finding()), (false, true, "not shown"));
        assert_eq!(claim.verdict, Verdict::Partly { shown: 4, of: 6 });
    }

    #[test]
    fn a_model_that_scores_nothing_anywhere_has_nothing_to_lose() {
        let collapsed = |seed: u64, test: f64| if test == 0.2 { 0.5 + seed as f64 / 10.0 } else { 0.0 };
        let claim = &claims(&but(Variant::Ms200, Method::Prototypes, 0.2, &SEEDS, &collapsed))[1];
        let comparison = &claim.comparisons[2];
        assert!(matches!(&comparison.difference.evidence, Evidence::Test(test) if test.p < LEVEL));
        assert_eq!((comparison.shown(), comparison.finding()), (false, "nothing to lose"));
        assert_eq!(claim.verdict, Verdict::Partly { shown: 4, of: 6 });
        assert!(claim.sentence.contains("nothing to lose"), "{}", claim.sentence);
        // A reference that has collapsed leaves nothing to lose either.
        let study = but(Variant::Ms200, Method::Classifier, 10.0, &SEEDS, &|seed, _| seed as f64 / 10.0);
        assert_eq!(verdicts(&study)[0], Verdict::NotShown);
    }

    #[test]
    fn a_claim_whose_cells_are_not_finished_is_untested() {
        let mut study = example::like_the_paper();
        study.cells.retain(|c| (c.variant, c.method, c.train_seconds) != (Variant::Ms200, Method::Triplets, 10.0));
        study.cells.retain(|c| (c.variant, c.method, c.train_seconds) != (Variant::Waa, Method::Triplets, 0.2));
        let claims = claims(&study);
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Untested));
        let made: Vec<usize> = claims.iter().map(|claim| claim.comparisons.len()).collect();
        assert_eq!(made, [3, 5, 2], "what can be compared is");
        assert!(
            claims[0].sentence.starts_with(
                "Not finished yet: triplets trained on 10 s (200 ms dataset). Of 3 comparisons that can be made, \
                 the mean goes that way in 3, with p < 0.05 in 3."
            ),
            "{}",
            claims[0].sentence
        );
        let nothing = self::claims(&example::study(Vec::new()));
        assert!(nothing.iter().all(|claim| claim.verdict == Verdict::Untested && claim.comparisons.is_empty()));
        assert!(nothing[2].sentence.ends_with("No comparison can be made yet."));
    }

    #[test]
    fn what_a_study_leaves_out_is_not_called_unfinished() {
        // All cells of the plan are finished.
        let mut study = example::like_the_paper();
        study.cells.retain(|cell| cell.variant == Variant::Waa && cell.train_seconds == 1.0);
        study.plan = example::plan(&[Variant::Waa], &Method::all(), &[1.0]);
        let said = |study: &StudyData| claims(study).into_iter().map(|claim| (claim.verdict, claim.sentence));
        let untested = |sentence: &str| (Verdict::Untested, sentence.to_owned());
        let expected = [
            "Not part of this study: 200 ms dataset; training on 10 s. No comparison can be made.",
            "Not part of this study: 200 ms dataset; training on 0.2 s. No comparison can be made.",
            "Not part of this study: training on 0.2 s; training on 10 s. No comparison can be made.",
        ];
        assert_eq!(said(&study).collect::<Vec<_>>(), expected.map(untested));

        // A cell of the plan is missing.
        study.cells.retain(|cell| cell.method != Method::Triplets);
        let (_, sentence) = said(&study).next_back().unwrap();
        assert_eq!(
            sentence,
            "Not part of this study: training on 0.2 s; training on 10 s. Not finished yet: triplets trained on 1 s \
             (WAA1). No comparison can be made."
        );
        study.plan = example::plan(&[Variant::Waa], &Method::all(), &paper::SECONDS);
        let (_, sentence) = said(&study).nth(1).unwrap();
        assert!(sentence.starts_with("Not part of this study: 200 ms dataset. Not finished yet: "), "{sentence}");
        assert!(sentence.ends_with("No comparison can be made yet."), "{sentence}");
    }

    #[test]
    fn a_test_length_may_be_left_out_or_missing() {
        let mut study = example::like_the_paper();
        let cell = cell_mut(&mut study, Variant::Waa, Method::Prototypes, 0.2);
        cell.seconds = vec![0.2, 1.0];
        let claim = &claims(&study)[1];
        assert_eq!(claim.verdict, Verdict::Untested);
        assert!(claim.sentence.starts_with("Not finished yet: prototypes trained on 0.2 s and tested on 10 s (WAA1)."));
        study.plan.test_seconds = vec![0.2, 1.0];
        let claim = &claims(&study)[1];
        assert!(claim.sentence.starts_with("Not part of this study: testing on 10 s. Of 5"), "{}", claim.sentence);
    }

    #[test]
    fn one_seed_allows_no_test() {
        let mut study = example::like_the_paper();
        for cell in &mut study.cells {
            cell.seeds.truncate(1);
            cell.f1.truncate(1);
        }
        let claim = &claims(&study)[0];
        assert_eq!(claim.verdict, Verdict::NotShown);
        assert!(claim.comparisons.iter().all(|c| c.goes_that_way() && c.finding() == "no test: one seed"));
        assert!(claim.sentence.contains("the mean goes that way in 6, with p < 0.05 in 0"), "{}", claim.sentence);
    }

    #[test]
    fn equal_differences_allow_no_test() {
        let claim =
            &claims(&but(Variant::Waa, Method::Triplets, 0.2, &SEEDS, &|_, test| if test > 1.0 { 1.0 } else { 9.0 }))
                [1];
        let equal: Vec<&Comparison> = claim.comparisons.iter().filter(|c| !c.shown() && c.goes_that_way()).collect();
        assert_eq!(equal.len(), 1);
        assert_eq!(equal[0].finding(), "no test: equal differences");
    }

    #[test]
    fn seeds_are_matched_by_value() {
        // Seed s scores 10·s on 0.2 s and 4·s on 10 s, so half minus score is s.
        let mut study = but(Variant::Ms200, Method::Classifier, 10.0, &[1, 2, 3], &|seed, _| 10.0 * seed as f64);
        let other = example::cell(Variant::Ms200, Method::Triplets, 10.0, &[9, 3, 1], &|seed, _| 4.0 * seed as f64);
        *cell_mut(&mut study, Variant::Ms200, Method::Triplets, 10.0) = other;
        let comparison = &claims(&study)[0].comparisons[0];
        assert_eq!(comparison.difference.differences.seeds, [1.0, 3.0], "seeds 1 and 3");
        assert_eq!(comparison.lower.score.seeds, [4.0, 12.0]);
        let strangers = example::cell(Variant::Ms200, Method::Triplets, 10.0, &[8, 9], &|_, _| 0.0);
        *cell_mut(&mut study, Variant::Ms200, Method::Triplets, 10.0) = strangers;
        assert_eq!(claims(&study)[0].verdict, Verdict::Untested);
    }

    #[test]
    fn the_best_entry_stands_against_the_best_of_all_others() {
        let mut study = example::like_the_paper();
        let better = example::cell(Variant::Waa, Method::Classifier, 5.0, &[1, 2, 3, 4, 5], &|_, test| 50.0 + test);
        study.cells.push(better);
        let claim = &claims(&study)[2];
        assert_eq!(claim.comparisons[0].lower.name, "classifier, 5 s → 10 s", "of the study's own lengths too");
        assert!(claim.comparisons[0].difference.differences.mean < 0.0);
        assert_eq!(claim.comparisons[0].finding(), "not shown");
        assert_eq!(claim.verdict, Verdict::Partly { shown: 2, of: 3 });
    }
}
