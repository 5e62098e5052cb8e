//! Batches of `train.sampling = "balanced"`: the classes take turns, rare ones repeat, and an epoch is as long as the
//! data.

use super::Episodes;
use super::coverage::{in_turn, without_class};
use super::deck::{Deck, Turns};
use crate::base::counter_rng::Key;
use crate::data::scenes::LeftOut;
use crate::{Error, Result};

/// A sampler of batches of any size, in which every class is heard equally often.
///
/// The class that was heard least in the epoch so far is next, and one of its examples is drawn from its deck. All
/// classes of that example are counted. Where an example has several classes, a class that often accompanies others may
/// be heard more often than they are.
#[derive(Debug)]
pub struct BalancedSampler {
    /// Classes of each example.
    labels: Vec<Vec<usize>>,
    /// Examples of each class. An example of several classes is in each of them.
    by_class: Vec<Vec<u32>>,
    /// Examples without a class.
    negatives: Vec<u32>,
    /// Share of the draws that take an example without a class.
    share: f64,
    batch: usize,
}

impl BalancedSampler {
    /// Makes a sampler of batches of `batch` examples, where `key` is the configuration key that sets `batch`.
    /// `negatives` is the share of the draws that take an example without a class. When it is absent, such examples are
    /// drawn as often as those of one class. A class without an example is never drawn.
    ///
    /// # Errors
    /// [`Error::Config`] when `batch` is 0, or no example has a class.
    pub fn new(labels: &[Vec<usize>], classes: usize, batch: usize, key: &str, negatives: Option<f64>) -> Result<Self> {
        if batch == 0 {
            return Err(Error::config(key, "must be at least 1, not 0"));
        }
        let mut by_class: Vec<Vec<u32>> = vec![Vec::new(); classes];
        for (example, labels) in labels.iter().enumerate() {
            labels.iter().for_each(|class| by_class[*class].push(example as u32));
        }
        let present = by_class.iter().filter(|examples| !examples.is_empty()).count();
        if present == 0 {
            return Err(Error::config("train.sampling", "no training segment has a class, so none can be balanced"));
        }
        let without = (0..labels.len()).filter(|example| labels[*example].is_empty());
        let without: Vec<u32> = without.map(|example| example as u32).collect();
        let share = if without.is_empty() { 0.0 } else { negatives.unwrap_or(1.0 / (present + 1) as f64) };
        Ok(Self { labels: labels.to_vec(), by_class, negatives: without, share, batch })
    }

    /// Makes a sampler for a loss that learns distances between classes: it draws examples with a class only. Also
    /// returns the examples without a class, and the share of draws that they would have.
    ///
    /// # Errors
    /// The errors of [`BalancedSampler::new`].
    pub(super) fn of_classes(
        labels: &[Vec<usize>],
        classes: usize,
        batch: usize,
        negatives: Option<f64>,
    ) -> Result<(Self, Vec<u32>, f64)> {
        let mut sampler = Self::new(labels, classes, batch, "train.batch", negatives)?;
        let without = std::mem::take(&mut sampler.negatives);
        let share = std::mem::take(&mut sampler.share);
        Ok((sampler, without, share))
    }

    /// Returns the examples of each class.
    pub(super) fn by_class(&self) -> &[Vec<u32>] {
        &self.by_class
    }

    /// Draws the examples of an epoch in order, each with the class as which it was drawn; `None` for a negative.
    fn draw(&self, seed: u64, epoch: usize) -> Vec<(Option<usize>, u32)> {
        let key = Key::new(seed).named("balanced batches").child(epoch as u64);
        let deck = |(class, examples): (usize, &Vec<u32>)| Deck::new(examples, key.named("class").child(class as u64));
        let mut decks: Vec<Deck> = self.by_class.iter().enumerate().map(deck).collect();
        let mut negatives = Deck::new(&self.negatives, key.named("negatives"));
        let mut turns = Turns::new(&self.by_class, key.named("turns"));
        // The first negative is drawn at a random time, so that a short epoch has its share in the mean over epochs.
        let phase = key.named("phase").stream().unit();
        let negatives_before = |draw: usize| (draw as f64 * self.share + phase).floor();
        let one = |draw: usize| {
            if negatives_before(draw + 1) > negatives_before(draw) {
                return (None, negatives.deal(1)[0]);
            }
            let class = turns.next();
            let example = decks[class].deal(1)[0];
            self.labels[example as usize].iter().for_each(|class| turns.hear(*class));
            (Some(class), example)
        };
        (0..self.steps() * self.batch).map(one).collect()
    }
}

impl Episodes for BalancedSampler {
    fn steps(&self) -> usize {
        let with_class = self.labels.iter().filter(|labels| !labels.is_empty()).count();
        let negatives = if self.share > 0.0 { self.negatives.len() } else { 0 };
        (with_class + negatives).div_ceil(self.batch)
    }

    fn batch_size(&self) -> usize {
        self.batch
    }

    fn left_out(&self, stage: &str, classes: &[String]) -> Vec<LeftOut> {
        let draws = self.draw(1, 0);
        let mut drawn = vec![Vec::new(); classes.len()];
        draws.iter().for_each(|(class, example)| class.iter().for_each(|class| drawn[*class].push(*example)));
        let negatives = draws.iter().filter(|(class, _)| class.is_none()).count();
        let fate = match self.share {
            0.0 => "never drawn, since train.negatives is 0".to_owned(),
            _ => format!("{negatives} of the {} draws of an epoch of the {stage} stage are of them", draws.len()),
        };
        let mut found = in_turn(stage, classes, &self.by_class, &drawn);
        found.extend(without_class(self.negatives.len(), self.labels.len(), &fate));
        found
    }

    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>> {
        let drawn: Vec<u32> = self.draw(seed, epoch).into_iter().map(|(_, example)| example).collect();
        drawn.chunks(self.batch).map(<[u32]>::to_vec).collect()
    }
}
