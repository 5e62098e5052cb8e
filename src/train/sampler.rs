//! Batches of `train.sampling = "paper"` (SPEC §4): the same number of examples of every class, drawn without
//! replacement. An epoch ends when the smallest class is used up.

use super::Episodes;
use super::coverage::until_the_smallest;
use crate::base::counter_rng::Key;
use crate::data::scenes::LeftOut;
use crate::{Error, Result};

/// Recommendation of messages about batches that cannot be made.
const OTHERWISE: &str = "train.sampling=balanced, which takes any batch and repeats rare classes";

/// A sampler of class-balanced batches.
#[derive(Debug)]
pub struct Sampler {
    by_class: Vec<Vec<u32>>,
    per_class: usize,
}

impl Sampler {
    /// Makes a sampler of batches of `batch` examples, where `key` is the configuration key that sets `batch`. An
    /// example of several classes is always drawn for the same one of them. An example without a class is never drawn.
    ///
    /// # Errors
    /// [`Error::Config`] when `batch` is not a multiple of the number of classes, or a class has too few examples.
    pub fn new(labels: &[Vec<usize>], classes: &[String], batch: usize, key: &str) -> Result<Self> {
        if batch == 0 || !batch.is_multiple_of(classes.len()) {
            let reason = format!(
                "{batch} examples cannot be shared evenly by {} classes: use a multiple of {}, or set {OTHERWISE}",
                classes.len(),
                classes.len()
            );
            return Err(Error::config(key, reason));
        }
        let by_class = Self::share_out(labels, classes.len());
        let per_class = batch / classes.len();
        if let Some(class) = by_class.iter().position(|examples| examples.len() < per_class) {
            let reason = format!(
                "class {} has {} training examples{}, a batch takes {per_class} of each class: set \
                 {OTHERWISE}",
                classes[class],
                by_class[class].len(),
                if labels.iter().any(|labels| labels.len() > 1) { " (each counts for one of its classes)" } else { "" },
            );
            return Err(Error::config(key, reason));
        }
        Ok(Self { by_class, per_class })
    }

    /// Returns the examples that may be drawn, by the class as which they are drawn.
    pub(super) fn by_class(&self) -> &[Vec<u32>] {
        &self.by_class
    }

    /// Assigns every example to one class and returns the examples of each class in order. Examples with one class are
    /// assigned first; then each example of several classes goes to the smallest of them, so that the smallest class,
    /// which limits an epoch, gets as large as possible. Examples without a class are left out.
    pub(super) fn share_out(labels: &[Vec<usize>], classes: usize) -> Vec<Vec<u32>> {
        let mut by_class: Vec<Vec<u32>> = vec![Vec::new(); classes];
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|example| labels[*example].len());
        for example in order {
            if let Some(smallest) = labels[example].iter().min_by_key(|label| by_class[**label].len()) {
                by_class[*smallest].push(example as u32);
            }
        }
        by_class.iter_mut().for_each(|examples| examples.sort_unstable());
        by_class
    }
}

impl Episodes for Sampler {
    fn steps(&self) -> usize {
        let smallest = self.by_class.iter().map(Vec::len).min().unwrap_or(0);
        smallest / self.per_class
    }

    fn batch_size(&self) -> usize {
        self.per_class * self.by_class.len()
    }

    fn left_out(&self, stage: &str, classes: &[String]) -> Vec<LeftOut> {
        let taken = self.steps() * self.batch_size();
        until_the_smallest(stage, classes, &self.by_class, taken).into_iter().collect()
    }

    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>> {
        let key = Key::new(seed).named("batches").child(epoch as u64);
        let shuffled: Vec<Vec<u32>> = self
            .by_class
            .iter()
            .enumerate()
            .map(|(class, examples)| {
                let mut examples = examples.clone();
                key.child(class as u64).stream().shuffle(&mut examples);
                examples
            })
            .collect();
        let batch = |step: usize| {
            shuffled.iter().flat_map(move |examples| &examples[step * self.per_class..][..self.per_class]).copied()
        };
        (0..self.steps()).map(|step| batch(step).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("class {i}")).collect()
    }

    #[test]
    fn batches_are_balanced_and_without_replacement() {
        let labels: Vec<Vec<usize>> = (0..35).map(|i| vec![if i < 10 { 0 } else { 1 + i % 2 }]).collect();
        let sampler = Sampler::new(&labels, &classes(3), 6, "train.batch").unwrap();
        assert_eq!((sampler.steps(), sampler.batch_size()), (5, 6));
        let epoch = sampler.epoch(1, 0);
        let mut seen = std::collections::HashSet::new();
        for batch in &epoch {
            for class in 0..3 {
                assert_eq!(batch.iter().filter(|e| labels[**e as usize] == [class]).count(), 2);
            }
            assert!(batch.iter().all(|example| seen.insert(*example)), "an example twice in one epoch");
        }
        assert_eq!(epoch, sampler.epoch(1, 0));
        assert_ne!(epoch, sampler.epoch(1, 1));
        assert_ne!(epoch, sampler.epoch(2, 0));
    }

    #[test]
    fn an_example_of_several_classes_counts_for_the_smallest() {
        let labels = [vec![0], vec![0], vec![0, 1], vec![], vec![0]];
        let sampler = Sampler::new(&labels, &classes(2), 2, "train.batch").unwrap();
        assert_eq!(sampler.steps(), 1);
        let batch = &sampler.epoch(1, 0)[0];
        assert!(batch.contains(&2) && !batch.contains(&3), "{batch:?}");
    }

    #[test]
    fn a_class_that_is_never_alone_keeps_its_examples() {
        // Class 0 occurs in all of 300 examples, each of the other nine classes in 67 or less.
        let labels: Vec<Vec<usize>> = (0..300).map(|i| vec![0, 1 + i % 9, 1 + i / 9 % 9]).collect();
        let sizes: Vec<usize> = Sampler::share_out(&labels, 10).iter().map(Vec::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 300);
        assert!(sizes.iter().all(|size| (28..=32).contains(size)), "{sizes:?}");
    }

    #[test]
    fn what_cannot_be_balanced_is_refused_by_name() {
        let labels = vec![vec![0], vec![0], vec![1]];
        let uneven = Sampler::new(&labels, &classes(2), 3, "train.batch").unwrap_err().to_string();
        assert!(
            uneven.contains("train.batch") && uneven.contains("multiple of 2, or set train.sampling=balanced"),
            "{uneven}"
        );
        let few = Sampler::new(&labels, &classes(2), 4, "tagger.batch").unwrap_err().to_string();
        let words = "tagger.batch: class class 1 has 1 training examples, a batch takes 2 of each class: set train.sampling=balanced";
        assert!(few.starts_with(words), "{few}");
        let several = Sampler::new(&[vec![0], vec![0, 1]], &classes(2), 4, "train.batch").unwrap_err().to_string();
        assert!(several.contains("1 training examples (each counts for one of its classes), a batch"), "{several}");
    }
}
