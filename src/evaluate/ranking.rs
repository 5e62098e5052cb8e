//! Scores of class probabilities against labels (SPEC §5), in f64 on the host, with the definitions and ties of
//! scikit-learn. A class without a positive has no score and is left out of every mean over classes.

use super::SegmentLabels;

/// Threshold of a class for which none can be chosen.
pub const NEUTRAL_THRESHOLD: f64 = 0.5;

/// Class probabilities of one model for all examples, with the examples' labels.
#[derive(Clone, Copy)]
pub struct TagOutputs<'a> {
    /// Probabilities, `[example · class]`.
    pub probabilities: &'a [f32],
    /// Labels of each example.
    pub labels: &'a [SegmentLabels],
    /// Number of classes.
    pub classes: usize,
}

/// Precision, recall and F1 of a class at a threshold, in %; 0 where nothing is predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Fraction of the predicted examples that are positives.
    pub precision: f64,
    /// Fraction of the positives that are predicted.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

/// Scores of one class, in %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScores {
    /// Number of positives, at least 1.
    pub positives: usize,
    /// Detection at the threshold that all classes share.
    pub detection: Detection,
    /// Detection at the class's own threshold, if the model has one.
    pub own: Option<Detection>,
    /// Average precision.
    pub average_precision: f64,
    /// Area under the ROC curve; `None` without a negative.
    pub roc_auc: Option<f64>,
}

/// Scores of one model on a set of examples, in %.
#[derive(Debug, Clone, PartialEq)]
pub struct TagScores {
    /// Scores of each class; `None` for a class without a positive.
    pub classes: Vec<Option<ClassScores>>,
    /// Label-weighted label-ranking average precision; `None` when no example has a label.
    pub lwlrap: Option<f64>,
}

impl TagOutputs<'_> {
    /// Computes all scores. A class is predicted where its probability exceeds `threshold`, and in
    /// [`ClassScores::own`] where it exceeds the class's entry of `own`.
    pub fn scores(&self, threshold: f64, own: Option<&[f64]>) -> TagScores {
        let of_class = |class: usize| {
            let ranked = Ranked::new(self, class);
            (ranked.positives > 0).then(|| ClassScores {
                positives: ranked.positives,
                detection: ranked.detection(threshold as f32),
                own: own.map(|own| ranked.detection(own[class] as f32)),
                average_precision: 100.0 * ranked.average_precision(),
                roc_auc: ranked.roc_auc().map(|area| 100.0 * area),
            })
        };
        TagScores {
            classes: (0..self.classes).map(of_class).collect(),
            lwlrap: self.lwlrap().map(|share| 100.0 * share),
        }
    }

    /// Chooses the threshold of `class` that gives it the highest F1. The candidates are the midpoints between
    /// neighbouring scores, and half of the lowest score; of several that are best the one nearest to 0.5 is taken, and
    /// [`NEUTRAL_THRESHOLD`] for a class without a positive.
    pub fn best_threshold(&self, class: usize) -> f64 {
        let ranked = Ranked::new(self, class);
        let mut best = (0.0, NEUTRAL_THRESHOLD);
        for (at, group) in ranked.groups.iter().enumerate() {
            let below = ranked.groups.get(at + 1).map_or(0.0, |group| group.score);
            let middle = ((f64::from(below) + f64::from(group.score)) / 2.0) as f32;
            // In single precision, the midpoint of neighbouring numbers may be the upper one.
            let candidate = f64::from(if middle < group.score { middle } else { below });
            let f1 = ranked.f1(group.reached);
            let nearer = (candidate - NEUTRAL_THRESHOLD).abs() < (best.1 - NEUTRAL_THRESHOLD).abs();
            if group.score > below && (f1 > best.0 || f1 == best.0 && f1 > 0.0 && nearer) {
                best = (f1, candidate);
            }
        }
        best.1
    }

    /// Computes lwlrap: for every label of every example, the precision among the example's classes that score at least
    /// as high as the label's; the mean over all labels.
    fn lwlrap(&self) -> Option<f64> {
        let (mut sum, mut labels) = (0.0, 0);
        for (scores, own) in self.probabilities.chunks(self.classes).zip(self.labels) {
            for label in &own.classes {
                let reaches = |class: usize| scores[class] >= scores[*label];
                let hits = own.classes.iter().filter(|class| reaches(**class)).count();
                sum += hits as f64 / (0..self.classes).filter(|class| reaches(*class)).count() as f64;
                labels += 1;
            }
        }
        (labels > 0).then(|| sum / f64::from(labels))
    }
}

/// The scores of one class in descending order.
struct Ranked {
    /// Groups of equal scores, the highest first.
    groups: Vec<ScoreGroup>,
    positives: usize,
    negatives: usize,
}

/// The examples of one score.
struct ScoreGroup {
    score: f32,
    /// Numbers of positives and of negatives that score at least as high.
    reached: [usize; 2],
}

impl Ranked {
    fn new(outputs: &TagOutputs<'_>, class: usize) -> Self {
        let scores = outputs.probabilities.iter().skip(class).step_by(outputs.classes);
        let positive = outputs.labels.iter().map(|labels| labels.classes.contains(&class));
        let mut examples: Vec<(f32, bool)> = scores.copied().zip(positive).collect();
        examples.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut groups, mut reached): (Vec<ScoreGroup>, _) = (Vec::new(), [0, 0]);
        for (score, positive) in examples {
            reached[usize::from(!positive)] += 1;
            match groups.last_mut().filter(|group| group.score == score) {
                Some(group) => group.reached = reached,
                None => groups.push(ScoreGroup { score, reached }),
            }
        }
        Self { groups, positives: reached[0], negatives: reached[1] }
    }

    /// Returns the F1 in % of predicting `hits` positives and `alarms` negatives.
    fn f1(&self, [hits, alarms]: [usize; 2]) -> f64 {
        200.0 * hits as f64 / (hits + alarms + self.positives).max(1) as f64
    }

    /// Computes the detection by predicting what scores above `threshold`, compared in single precision as on the GPU.
    fn detection(&self, threshold: f32) -> Detection {
        let above = self.groups.iter().rfind(|group| group.score > threshold);
        let [hits, alarms] = above.map_or([0, 0], |group| group.reached);
        let share = |of: usize| 100.0 * hits as f64 / of.max(1) as f64;
        Detection { precision: share(hits + alarms), recall: share(self.positives), f1: self.f1([hits, alarms]) }
    }

    /// Sums recall's steps times precision over the groups, which is scikit-learn's `average_precision_score`.
    fn average_precision(&self) -> f64 {
        let (mut sum, mut before) = (0.0, 0);
        for ScoreGroup { reached: [hits, alarms], .. } in &self.groups {
            sum += (hits - before) as f64 * *hits as f64 / (hits + alarms) as f64;
            before = *hits;
        }
        sum / self.positives as f64
    }

    /// Computes the area under the ROC curve by trapezia: the share of pairs of a positive and a negative in which the
    /// positive scores higher, where equal scores count half.
    fn roc_auc(&self) -> Option<f64> {
        let (mut sum, mut before) = (0.0, [0, 0]);
        for ScoreGroup { reached, .. } in &self.groups {
            sum += (reached[1] - before[1]) as f64 * (reached[0] + before[0]) as f64 / 2.0;
            before = *reached;
        }
        (self.negatives > 0 && self.positives > 0).then(|| sum / (self.positives * self.negatives) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter_rng::Key;
    use crate::kernels::average_precision;

    fn labels(classes: &[&[usize]]) -> Vec<SegmentLabels> {
        classes.iter().map(|classes| SegmentLabels { classes: classes.to_vec(), ..SegmentLabels::default() }).collect()
    }

    #[test]
    fn known_scores_of_one_class() {
        let labels = labels(&[&[0], &[], &[0], &[], &[]]);
        let outputs = TagOutputs { probabilities: &[0.9, 0.9, 0.5, 0.25, 0.0], labels: &labels, classes: 1 };
        let scores = outputs.scores(0.5, Some(&[0.375])).classes[0].unwrap();
        assert_eq!((scores.positives, scores.average_precision), (2, 100.0 * (0.5 + 2.0 / 3.0) / 2.0));
        // Six pairs: four are in order, one is equal and one is not in order.
        assert_eq!(scores.roc_auc, Some(75.0));
        assert_eq!(scores.detection, Detection { precision: 50.0, recall: 50.0, f1: 50.0 });
        assert_eq!(scores.own, Some(Detection { precision: 200.0 / 3.0, recall: 100.0, f1: 80.0 }));
        assert_eq!(outputs.best_threshold(0), 0.375);
    }

    #[test]
    fn lwlrap_is_the_mean_over_labels() {
        let labels = labels(&[&[0, 2], &[], &[1]]);
        let probabilities = [0.9, 0.5, 0.5, 0.1, 0.1, 0.1, 0.3, 0.2, 0.1];
        let outputs = TagOutputs { probabilities: &probabilities, labels: &labels, classes: 3 };
        assert_eq!(outputs.scores(0.5, None).lwlrap, Some(100.0 * (1.0 + 2.0 / 3.0 + 0.5) / 3.0));
    }

    #[test]
    fn classes_without_positives_or_negatives_have_no_score_that_would_be_made_up() {
        let labels = labels(&[&[0], &[0]]);
        let outputs = TagOutputs { probabilities: &[0.9, 0.9, 0.2, 0.1], labels: &labels, classes: 2 };
        let scores = outputs.scores(0.5, None);
        assert_eq!((scores.classes[0].unwrap().roc_auc, scores.classes[1]), (None, None));
        assert_eq!([0, 1].map(|class| outputs.best_threshold(class)), [f64::from(0.2_f32 / 2.0), NEUTRAL_THRESHOLD]);
        let none = TagOutputs { labels: &self::labels(&[&[], &[]]), ..outputs };
        assert_eq!(none.scores(0.5, None), TagScores { classes: vec![None, None], lwlrap: None });
    }

    #[test]
    fn of_equally_good_thresholds_the_one_nearest_to_the_middle_is_taken() {
        let labels = labels(&[&[0], &[], &[0], &[]]);
        // One hit without an alarm has F1 2/3, two hits with one alarm have 4/5.
        let outputs = TagOutputs { probabilities: &[0.875, 0.75, 0.625, 0.125], labels: &labels, classes: 1 };
        assert_eq!(outputs.best_threshold(0), 0.375);
        // Neighbouring numbers have no number between them.
        let low = f32::from_bits(0.75_f32.to_bits() - 1);
        let labels = self::labels(&[&[0], &[], &[], &[]]);
        let outputs = TagOutputs { probabilities: &[0.75, low, low, low], labels: &labels, classes: 1 };
        assert_eq!(outputs.best_threshold(0), f64::from(low));
        // Zero is above no threshold.
        let outputs = TagOutputs { probabilities: &[0.0; 4], labels: &labels, classes: 1 };
        assert_eq!(outputs.best_threshold(0), NEUTRAL_THRESHOLD);
    }

    #[test]
    fn the_kernel_s_oracle_and_the_chosen_threshold_agree_with_plain_search() {
        let mut stream = Key::new(31).named("ranking").stream();
        for n in 1..60 {
            let probabilities: Vec<f32> = (0..n).map(|_| stream.below(20) as f32 / 20.0).collect();
            let positive: Vec<bool> = (0..n).map(|_| stream.chance(0.3)).collect();
            let labels: Vec<SegmentLabels> = positive
                .iter()
                .map(|positive| SegmentLabels { classes: vec![0; usize::from(*positive)], ..SegmentLabels::default() })
                .collect();
            let outputs = TagOutputs { probabilities: &probabilities, labels: &labels, classes: 1 };
            let scores = outputs.scores(0.5, None).classes[0];
            let expected = average_precision::oracle(&probabilities, &positive);
            match (scores, expected) {
                (Some(scores), Some(expected)) => assert!((scores.average_precision - 100.0 * expected).abs() < 1e-9),
                (scores, expected) => assert!(scores.is_none() && expected.is_none()),
            }
            let f1 =
                |threshold: f64| outputs.scores(threshold, None).classes[0].map_or(0.0, |class| class.detection.f1);
            let best = (0..100).map(|step| f1(f64::from(step) / 100.0)).fold(0.0, f64::max);
            assert_eq!(f1(outputs.best_threshold(0)), best, "{probabilities:?} {positive:?}");
        }
    }
}
