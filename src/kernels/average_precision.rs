//! `average_precision`: average precision of every class (SPEC §5), the score that `train.watch = "map"` needs after each
//! epoch.

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::{Case, CaseRun, Expectation, random_below};

const WORKGROUP: usize = 64;

/// Average precision of the scores of every class.
pub struct AveragePrecision {
    /// Scores, `[member, example, class]`.
    pub scores: Tensor<f32>,
    /// Targets, `[example, class]`, 0 or 1.
    pub targets: Tensor<f32>,
    /// Average precision between 0 and 1, `[member, class]`; −1 for a class without a positive.
    pub averages: Tensor<f32>,
}

impl Kernel for AveragePrecision {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("eval/average_precision.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let [_, examples, classes] = self.scores.dims();
        vec![("EXAMPLES", examples.into()), ("CLASSES", classes.into()), ("WORKGROUP", WORKGROUP.into())]
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.scores, self.targets, self.averages]
    }

    fn grid(&self) -> [usize; 3] {
        let [members, classes] = self.averages.dims();
        [classes, 1, members]
    }

    fn work(&self) -> Work {
        // The number of positives is not known here: every score is compared with a tenth of the others.
        let [_, examples, _] = self.scores.dims();
        Work { flops: (self.scores.len() * examples) as f64 / 10.0, bytes: (self.scores.len() * 8) as f64 }
    }
}

/// Computes the average precision of one class: the mean over its positives of the precision among all examples that
/// score at least as high; `None` without a positive.
pub fn oracle(scores: &[f32], positive: &[bool]) -> Option<f64> {
    let precision = |score: f32| {
        let reach = || scores.iter().zip(positive).filter(|(other, _)| **other >= score);
        reach().filter(|(_, positive)| **positive).count() as f64 / reach().count() as f64
    };
    let of_positives: Vec<f64> =
        scores.iter().zip(positive).filter(|(_, positive)| **positive).map(|(score, _)| precision(*score)).collect();
    (!of_positives.is_empty()).then(|| of_positives.iter().sum::<f64>() / of_positives.len() as f64)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, [members, examples, classes]: [usize; 3], levels: usize, one_in: usize| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let scores: Vec<u32> = random_below("scores", members * examples * classes, levels);
            let scores: Vec<f32> = scores.into_iter().map(|level| level as f32 / levels as f32).collect();
            let mut positive: Vec<bool> =
                random_below::<u32>("targets", examples * classes, one_in).into_iter().map(|draw| draw == 0).collect();
            // The first class has no positive, the last one no negative.
            positive.chunks_mut(classes).for_each(|example| (example[0], example[classes - 1]) = (false, true));
            let targets: Vec<f32> = positive.iter().map(|positive| f32::from(u8::from(*positive))).collect();
            let average = |(member, class): (usize, usize)| {
                let of_class = |at: usize| at * classes + class;
                let scores: Vec<f32> =
                    (0..examples).map(|example| scores[of_class(member * examples + example)]).collect();
                let positive: Vec<bool> = (0..examples).map(|example| positive[of_class(example)]).collect();
                oracle(&scores, &positive).unwrap_or(-1.0)
            };
            let all = (0..members).flat_map(|member| (0..classes).map(move |class| (member, class)));
            let expected = all.map(average).collect();
            let kernel = AveragePrecision {
                scores: gpu.tensor_from("scores", &[members, examples, classes], &scores)?,
                targets: gpu.tensor_from("targets", &[examples, classes], &targets)?,
                averages: gpu.tensor("averages", &[members, classes])?,
            };
            let expected = vec![Expectation::within(&kernel.averages, expected, 1e-6)];
            Ok(CaseRun::new(kernel, expected))
        })
    };
    vec![
        case("many ties, a class without positives", [1, 23, 3], 5, 2),
        case("more examples than invocations, two members, rare positives", [2, 301, 11], 1 << 20, 30),
        case("one example", [1, 1, 2], 5, 2),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_count_together() {
        // Among the highest two, one is a positive; the other positive is the third of four.
        assert_eq!(oracle(&[0.9, 0.9, 0.5, 0.1], &[true, false, true, false]), Some((0.5 + 2.0 / 3.0) / 2.0));
        assert_eq!(oracle(&[0.9], &[false]), None);
    }
}
