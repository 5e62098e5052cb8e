//! `score`: evaluation at the end of an epoch: the validation score, whether it is the best so far, and whether to stop
//! (SPEC §5).

use crate::Result;
use crate::base::counter_rng::Key;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::population::Member;
use crate::kernels::{Case, CaseRun, Expectation};

/// Limits that decide when training ends (SPEC §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopping {
    /// Largest number of epochs.
    pub epochs: usize,
    /// Early stopping is disabled up to and including this epoch.
    pub min_epochs: usize,
    /// Training stops when more epochs than this have passed since the best one.
    pub patience: usize,
}

impl Stopping {
    /// Returns whether a member with this progress, of at least one epoch, trains on.
    pub fn continues(&self, member: &Member) -> bool {
        (member.epochs as usize) < self.epochs && !self.is_out_of_patience(member)
    }

    /// Returns whether a member with this progress, of at least one epoch, waited too long for a better epoch.
    pub fn is_out_of_patience(&self, member: &Member) -> bool {
        let last = member.epochs.saturating_sub(1);
        (last - member.best_epoch.min(last)) as usize > self.patience && last as usize > self.min_epochs
    }
}

/// Measure of the validation score, in %. Each is a mean over the classes with a positive.
#[derive(Clone)]
pub enum Criterion {
    /// Macro-F1: the mean of F1.
    MacroF1,
    /// mAP: the mean of the average precision `[member, class]`, which is negative for a class without a positive.
    MeanAveragePrecision(Tensor<f32>),
    /// F(x), the paper's equation 5: the mean recall over the classes that are present.
    MeanRecall,
}

/// End-of-epoch validation of every member.
pub struct Score {
    /// True positives, false positives and false negatives, `[member, class, 3]`; the kernel clears them.
    pub counts: Tensor<u32>,
    /// Members of the population, `[member]`.
    pub members: Tensor<Member>,
    /// Limits that decide when training ends.
    pub stopping: Stopping,
    /// Measure of the score.
    pub criterion: Criterion,
}

impl Kernel for Score {
    fn source(&self) -> ShaderSource {
        let criterion = match self.criterion {
            Criterion::MacroF1 => "eval/macro_f1.wgsl",
            Criterion::MeanAveragePrecision(_) => "eval/mean_average_precision.wgsl",
            Criterion::MeanRecall => "eval/mean_recall.wgsl",
        };
        ShaderSource::file("eval/score.wgsl").fill("criterion", criterion)
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, classes, _] = self.counts.dims();
        vec![
            ("CLASSES", classes.into()),
            ("EPOCHS", self.stopping.epochs.into()),
            ("MIN_EPOCHS", self.stopping.min_epochs.into()),
            ("PATIENCE", self.stopping.patience.into()),
        ]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.counts, self.members];
        if let Criterion::MeanAveragePrecision(averages) = &self.criterion {
            bindings.push(("averages", averages.binding()));
        }
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [members, _, _] = self.counts.dims();
        [1, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 3.0 * self.counts.len() as f64, bytes: (self.counts.len() * 8) as f64 }
    }
}

/// Computes the F1 of every class in % from `[class, 3]` counts; `None` for a class without a positive.
pub fn f1(counts: &[u32]) -> Vec<Option<f64>> {
    let of_class = |c: &[u32]| (c[0] + c[2] > 0).then(|| 200.0 * f64::from(c[0]) / f64::from(2 * c[0] + c[1] + c[2]));
    counts.chunks(3).map(of_class).collect()
}

/// Computes the mean of a score over the classes that have one, which are those with a positive; 0 if no class has. The
/// rule is the same in training, in `eval` and in a study.
pub fn class_mean(scores: impl IntoIterator<Item = Option<f64>>) -> f64 {
    let present: Vec<f64> = scores.into_iter().flatten().collect();
    present.iter().sum::<f64>() / present.len().max(1) as f64
}

/// Computes F(x) in % from `[class, 3]` counts: the mean recall over the classes present; 0 if no class is present.
pub fn mean_recall(counts: &[u32]) -> f64 {
    let present = || counts.chunks(3).filter(|c| c[0] + c[2] > 0);
    let sum: f64 = present().map(|c| 100.0 * f64::from(c[0]) / f64::from(c[0] + c[2])).sum();
    sum / present().count().max(1) as f64
}

/// Returns the state of a member after an epoch with `score`.
pub fn oracle(before: &Member, score: f32, stopping: &Stopping) -> Member {
    if before.alive == 0 {
        return Member { improved: 0, ..*before };
    }
    let epoch = before.epochs;
    let improved = score > before.best_score;
    let best_epoch = if improved { epoch } else { before.best_epoch };
    let after = Member {
        best_epoch,
        best_score: if improved { score } else { before.best_score },
        score,
        improved: u32::from(improved),
        epochs: epoch + 1,
        ..*before
    };
    Member { alive: u32::from(stopping.continues(&after)), ..after }
}

/// Converts a member's record to numbers.
fn numbers(member: &Member) -> Vec<f64> {
    let counts = [member.alive, member.best_epoch, member.improved, member.epochs];
    counts.iter().map(|n| f64::from(*n)).chain([f64::from(member.best_score), f64::from(member.score)]).collect()
}

pub(super) fn cases() -> Vec<Case> {
    enum Measure {
        MacroF1,
        MeanAveragePrecision,
        MeanRecall,
    }
    let case = |name: &str, measure: Measure, absent: bool| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let stopping = Stopping { epochs: 100, min_epochs: 50, patience: 30 };
            let classes = 4;
            let mut stream = Key::new(12).stream();
            let mut counts: Vec<u32> = (0..classes * 3).map(|_| stream.below(9) as u32).collect();
            let mut averages: Vec<f32> = (0..classes).map(|_| stream.unit() as f32).collect();
            if absent {
                // False alarms alone.
                (counts[3], counts[5], averages[1]) = (0, 0, -1.0);
            }
            let score = match measure {
                Measure::MacroF1 => class_mean(f1(&counts)) as f32,
                Measure::MeanAveragePrecision => {
                    class_mean(averages.iter().map(|x| (*x >= 0.0).then_some(100.0 * f64::from(*x)))) as f32
                }
                Measure::MeanRecall => mean_recall(&counts) as f32,
            };
            let member = |epochs, best_epoch, best_score, alive| Member {
                epochs,
                best_epoch,
                best_score,
                alive,
                ..Member::new(1)
            };
            let before = [
                member(0, 0, -1.0, 1),
                member(10, 4, score + 5.0, 1),
                member(51, 20, score + 5.0, 1),
                member(50, 0, score + 5.0, 1),
                member(52, 21, score + 5.0, 1),
                member(52, 2, score - 5.0, 1),
                member(99, 98, score + 5.0, 1),
                member(60, 10, score - 5.0, 0),
            ];
            let expected: Vec<Member> = before.iter().map(|m| oracle(m, score, &stopping)).collect();
            let averages = averages.repeat(before.len());
            let averages = gpu.tensor_from("averages", &[before.len(), classes], &averages)?;
            let criterion = match measure {
                Measure::MacroF1 => Criterion::MacroF1,
                Measure::MeanAveragePrecision => Criterion::MeanAveragePrecision(averages),
                Measure::MeanRecall => Criterion::MeanRecall,
            };
            let kernel = Score {
                counts: gpu.tensor_from("counts", &[before.len(), classes, 3], &counts.repeat(before.len()))?,
                members: gpu.tensor_from("members", &[before.len()], &before)?,
                stopping,
                criterion,
            };
            let cleared = Expectation::exact(&kernel.counts, vec![0; before.len() * classes * 3]);
            let scored = Expectation::members(&kernel.members, expected.iter().flat_map(numbers).collect(), numbers);
            Ok(CaseRun::new(kernel, vec![cleared, scored]))
        })
    };
    vec![
        case("F1: better, equal, worse, stopping by patience and by length, stopped", Measure::MacroF1, false),
        case("F1, a class without examples", Measure::MacroF1, true),
        case("mAP", Measure::MeanAveragePrecision, false),
        case("mAP, a class without examples", Measure::MeanAveragePrecision, true),
        case("F(x)", Measure::MeanRecall, false),
        case("F(x), a class without examples", Measure::MeanRecall, true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_without_a_positive_are_left_out_of_the_mean() {
        let scores = f1(&[0, 0, 0, 1, 1, 0, 2, 0, 0, 0, 3, 0]);
        assert_eq!(scores, [None, Some(200.0 / 3.0), Some(100.0), None]);
        assert_eq!(class_mean(scores), (200.0 / 3.0 + 100.0) / 2.0);
        assert_eq!(class_mean([None]), 0.0);
    }

    #[test]
    fn absent_classes_do_not_count_for_f_of_x() {
        assert_eq!(mean_recall(&[0, 5, 0, 1, 1, 3, 2, 0, 0]), 62.5);
        assert_eq!(mean_recall(&[0, 5, 0]), 0.0);
    }
}
