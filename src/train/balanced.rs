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
    /// Number of examples with a class.
    with_class: usize,
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
        let with_class = labels.len() - without.len();
        Ok(Self { labels: labels.to_vec(), by_class, with_class, negatives: without, share, batch })
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
        let negatives = if self.share > 0.0 { self.negatives.len() } else { 0 };
        (self.with_class + negatives).div_ceil(self.batch)
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
        let mut found = Vec::new();
        if negatives == draws.len() {
            found.push(LeftOut::warning(format!(
                "an epoch of the {stage} stage draws no segment with a class, so no class is learnt: lower train.negatives"
            )));
        }
        found.extend(in_turn(stage, classes, &self.by_class, &drawn));
        found.extend(without_class(self.negatives.len(), self.labels.len(), &fate));
        found
    }

    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>> {
        let drawn: Vec<u32> = self.draw(seed, epoch).into_iter().map(|(_, example)| example).collect();
        drawn.chunks(self.batch).map(<[u32]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    /// Number of segments of each class of the skewed data.
    const SIZES: [usize; 5] = [200, 60, 20, 8, 3];

    /// Labels of segments of one class each, and of `negatives` without a class.
    fn skewed(negatives: usize) -> Vec<Vec<usize>> {
        let of_class = |(class, size): (usize, &usize)| vec![vec![class]; *size];
        let mut labels: Vec<Vec<usize>> = SIZES.iter().enumerate().flat_map(of_class).collect();
        labels.extend(vec![Vec::new(); negatives]);
        labels
    }

    fn classes(n: usize) -> Vec<String> {
        (0..n).map(|class| format!("class {class}")).collect()
    }

    fn sampler(labels: &[Vec<usize>], batch: usize, negatives: Option<f64>) -> BalancedSampler {
        BalancedSampler::new(labels, 5, batch, "train.batch", negatives).unwrap()
    }

    /// Returns how often each class is heard in `drawn`, and last, how many examples without a class there are.
    fn heard(labels: &[Vec<usize>], drawn: &[u32]) -> [usize; 6] {
        let mut heard = [0; 6];
        for example in drawn {
            labels[*example as usize].iter().for_each(|class| heard[*class] += 1);
            heard[5] += usize::from(labels[*example as usize].is_empty());
        }
        heard
    }

    #[test]
    fn classes_are_heard_equally_often_and_an_epoch_is_as_long_as_the_data() {
        let labels = skewed(100);
        for batch in [1, 7, 10, 64, 1000] {
            let sampler = sampler(&labels, batch, None);
            assert_eq!((sampler.steps(), sampler.batch_size()), (391_usize.div_ceil(batch), batch));
            for epoch in 0..3 {
                let batches = sampler.epoch(5, epoch);
                assert!(batches.iter().all(|drawn| drawn.len() == batch));
                let drawn = batches.concat();
                // At any time in the epoch, not only at its end.
                for end in [10, 60, drawn.len()] {
                    let heard = heard(&labels, &drawn[..end]);
                    let (least, most) = (heard[..5].iter().min().unwrap(), heard[..5].iter().max().unwrap());
                    assert!(most - least <= 1, "{heard:?}");
                    assert!(heard[5].abs_diff(end / 6) <= 1, "{heard:?} of {end}");
                }
            }
        }
    }

    #[test]
    fn rare_classes_repeat_evenly_and_frequent_ones_do_not() {
        let labels = skewed(100);
        let drawn = sampler(&labels, 10, None).epoch(1, 0).concat();
        let mut times: HashMap<u32, usize> = HashMap::new();
        drawn.iter().for_each(|example| *times.entry(*example).or_insert(0) += 1);
        let of = |class: usize| {
            let times = times.iter().filter(|(example, _)| labels[**example as usize] == [class]);
            times.map(|(_, times)| *times).collect::<Vec<_>>()
        };
        assert!(of(0).iter().all(|times| *times == 1) && of(0).len() >= 65, "{:?}", of(0));
        for (class, times) in [(2, 3..=4), (3, 8..=9), (4, 22..=23)] {
            assert!(of(class).len() == SIZES[class] && of(class).iter().all(|n| times.contains(n)), "{:?}", of(class));
        }
        // All of the largest class are drawn, in one epoch or another.
        let epochs = (0..20).flat_map(|epoch| sampler(&labels, 10, None).epoch(1, epoch).concat());
        assert_eq!(epochs.collect::<HashSet<_>>().len(), 391);
    }

    #[test]
    fn an_epoch_depends_on_its_seed_and_number_alone() {
        let labels = skewed(10);
        let sampler = sampler(&labels, 10, Some(0.3));
        let epochs: Vec<_> = (0..5).map(|epoch| sampler.epoch(1, epoch)).collect();
        assert_eq!(sampler.epoch(1, 3), epochs[3]);
        assert_ne!(epochs[3], epochs[4]);
        assert_ne!(sampler.epoch(2, 3), epochs[3]);
    }

    #[test]
    fn negatives_have_the_share_that_is_set_even_in_short_epochs() {
        let labels = skewed(100);
        for share in [0.0, 0.05, 0.5, 0.9] {
            let sampler = sampler(&labels, 10, Some(share));
            // Without negatives, an epoch is as long as the segments of all classes.
            assert_eq!(sampler.steps(), if share == 0.0 { 30 } else { 40 });
            let drawn = sampler.epoch(1, 0).concat();
            let expected = share * drawn.len() as f64;
            assert!((heard(&labels, &drawn)[5] as f64 - expected).abs() <= 1.0, "{share}");
        }
        let labels = [vec![0], vec![1], vec![]];
        let short = BalancedSampler::new(&labels, 2, 1, "train.batch", Some(0.1)).unwrap();
        let drawn: Vec<u32> = (0..1000).flat_map(|epoch| short.epoch(1, epoch).concat()).collect();
        let negatives = drawn.iter().filter(|example| **example == 2).count();
        assert!((250..350).contains(&negatives), "{negatives} of 3000");
    }

    #[test]
    fn all_classes_of_an_example_are_counted() {
        // Class 1 is heard with each of class 0, and alone too.
        let mut labels = vec![vec![0, 1]; 30];
        labels.extend(vec![vec![1]; 30]);
        labels.extend(vec![vec![2]; 5]);
        let sampler = sampler(&labels, 5, None);
        let heard = heard(&labels, &sampler.epoch(1, 0).concat());
        // Class 0 brings class 1 along, so nothing is drawn for class 1, and class 2 has the other half of the draws.
        assert!(heard[..3].iter().all(|times| (32..=33).contains(times)), "{heard:?}");
    }

    #[test]
    fn what_an_epoch_repeats_leaves_and_lacks_is_said() {
        let lines = |labels: &[Vec<usize>], negatives: Option<f64>| {
            let classes = classes(5);
            let said = sampler(labels, 10, negatives).left_out("classifier", &classes);
            said.into_iter().map(|line| (line.harmless, line.message)).collect::<Vec<_>>()
        };
        let found = lines(&skewed(100), None);
        let expected = [
            (false, "repeats the training segments of 3 of 5 classes, class 4 most: each of its 3 is drawn 22 times"),
            (true, "training segments with a class, 66 of the 200 of class 0; other epochs take others"),
            (true, "100 of 391 training segments without a class: 67 of the 400 draws of an epoch"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for ((harmless, line), (expected, words)) in found.iter().zip(expected) {
            assert!(*harmless == expected && line.contains(words), "{line}");
        }
        let never = lines(&skewed(100), Some(0.0)).pop().unwrap();
        assert!(never.0 && never.1.ends_with("never drawn, since train.negatives is 0"), "{never:?}");
        let even: Vec<Vec<usize>> = (0..50).map(|example| vec![example % 5]).collect();
        assert_eq!(lines(&even, None), []);
        let absent: Vec<Vec<usize>> = (0..48).map(|example| vec![example % 4]).collect();
        assert_eq!(lines(&absent, None), [], "the dataset names a class without a clip");
    }

    #[test]
    fn what_cannot_be_balanced_is_refused_by_name() {
        let refused = |labels: &[Vec<usize>], batch| {
            BalancedSampler::new(labels, 2, batch, "tagger.batch", None).unwrap_err().to_string()
        };
        assert!(refused(&[vec![0], vec![1]], 0).starts_with("tagger.batch: "));
        let none = refused(&[vec![], vec![]], 10);
        assert!(none.starts_with("train.sampling: no training segment has a class"), "{none}");
    }
}
