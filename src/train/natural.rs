//! Batches of `train.sampling = "natural"`: every example once in an epoch, in random order.

use super::Episodes;
use super::coverage::once;
use crate::base::counter_rng::Key;
use crate::data::scenes::LeftOut;
use crate::{Error, Result};

/// A sampler of batches in which classes occur as often as in the data.
#[derive(Debug)]
pub struct NaturalSampler {
    examples: usize,
    batch: usize,
}

impl NaturalSampler {
    /// Makes a sampler of batches of `batch` of `examples` examples, with a class or without, where `key` is the
    /// configuration key that sets `batch`.
    ///
    /// # Errors
    /// [`Error::Config`] when `batch` is 0.
    pub fn new(examples: usize, batch: usize, key: &str) -> Result<Self> {
        if batch == 0 {
            return Err(Error::config(key, "must be at least 1, not 0"));
        }
        Ok(Self { examples, batch })
    }
}

impl Episodes for NaturalSampler {
    fn steps(&self) -> usize {
        self.examples.div_ceil(self.batch)
    }

    fn batch_size(&self) -> usize {
        self.batch
    }

    fn left_out(&self, stage: &str, _: &[String]) -> Vec<LeftOut> {
        let more = self.steps() * self.batch - self.examples;
        once(stage, self.examples, more).into_iter().collect()
    }

    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>> {
        let key = Key::new(seed).named("natural batches").child(epoch as u64);
        let mut drawn: Vec<u32> = Vec::with_capacity(self.steps() * self.batch);
        for pass in 0.. {
            let missing = self.steps() * self.batch - drawn.len();
            if missing == 0 {
                break;
            }
            let mut examples: Vec<u32> = (0..self.examples as u32).collect();
            key.child(pass).stream().shuffle(&mut examples);
            drawn.extend(examples.into_iter().take(missing));
        }
        drawn.chunks(self.batch).map(<[u32]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_drawn_once_and_the_last_batch_is_full() {
        let sampler = NaturalSampler::new(391, 20, "train.batch").unwrap();
        assert_eq!((sampler.steps(), sampler.batch_size()), (20, 20));
        for epoch in 0..3 {
            let drawn = sampler.epoch(1, epoch).concat();
            let mut once = drawn[..391].to_vec();
            once.sort_unstable();
            assert_eq!(once, (0..391).collect::<Vec<_>>());
            assert_eq!(drawn.len(), 400);
        }
        assert_eq!(sampler.epoch(1, 2), sampler.epoch(1, 2));
        assert_ne!(sampler.epoch(1, 2), sampler.epoch(1, 3));
        assert_ne!(sampler.epoch(1, 2), sampler.epoch(2, 2));
        let said = sampler.left_out("classifier", &[]);
        assert!(said.len() == 1 && said[0].harmless && said[0].message.contains("and 9 again"), "{said:?}");
        assert_eq!(NaturalSampler::new(400, 20, "train.batch").unwrap().left_out("classifier", &[]), []);
    }

    #[test]
    fn a_batch_of_more_than_there_are_repeats_all_equally_often() {
        let batches = NaturalSampler::new(3, 8, "tagger.batch").unwrap().epoch(1, 0);
        assert_eq!(batches.len(), 1);
        let times = |example: u32| batches[0].iter().filter(|drawn| **drawn == example).count();
        assert!((0..3).all(|example| (2..=3).contains(&times(example))), "{batches:?}");
        assert!(NaturalSampler::new(3, 0, "tagger.batch").unwrap_err().to_string().starts_with("tagger.batch: "));
    }
}
