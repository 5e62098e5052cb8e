//! Batches of the methods that learn distances: triplets, and supports with queries (SPEC §§4.2, 4.3).

use super::coverage::{in_turn, until_the_smallest, without_class};
use super::deck::{Deck, Turns};
use super::{BalancedSampler, Episodes, Sampler};
use crate::base::counter_rng::{Key, Stream};
use crate::data::scenes::LeftOut;
use crate::{Error, Result};

/// Refuses a single class, since distances are learned between classes. `who` opens the error message and names what
/// needs a second class.
fn several(classes: &[String], who: &str) -> Result<()> {
    if classes.len() > 1 {
        return Ok(());
    }
    let only = classes.first().map_or("none", String::as_str);
    let reason = format!("{who}, and there is only one class, {only}: train with --method classifier");
    Err(Error::config("train.method", reason))
}

/// Triplets (SPEC §4.2): anchors of all classes, then a positive for each anchor, then a negative for each anchor
/// unless negatives are mined.
#[derive(Debug)]
pub struct Triplets {
    anchors: Box<dyn Episodes>,
    /// Examples of each class that has any.
    by_class: Vec<Vec<u32>>,
    /// Position of each example's class in `by_class`.
    class_of: Vec<usize>,
    /// Examples without a class, of which a negative is one with the chance `share`.
    without_class: Vec<u32>,
    share: f64,
    negatives: bool,
}

impl Triplets {
    /// Makes a sampler of `batch` anchors per step, drawn as [`Sampler`] draws. With `negatives`, a negative is drawn
    /// for each anchor.
    ///
    /// # Errors
    /// The errors of [`Sampler::new`]; [`Error::Config`] for a single class, which has no negatives, and for a class
    /// with a single example, which has no positive.
    pub fn new(labels: &[Vec<usize>], classes: &[String], batch: usize, negatives: bool) -> Result<Self> {
        several(classes, "a negative is of another class")?;
        let anchors = Sampler::new(labels, classes, batch, "train.batch")?;
        let by_class = anchors.by_class().to_vec();
        Self::of(Box::new(anchors), &by_class, classes, labels.len(), negatives)
    }

    /// Makes a sampler of `batch` anchors per step, drawn as [`BalancedSampler`] draws. An example without a class is
    /// never an anchor. With `negatives`, a negative is drawn for each anchor, which is an example without a class with
    /// the chance `share`; if that is absent, as often as an example of any one class. Without `negatives`, they are
    /// mined among the anchors and positives of the batch.
    ///
    /// # Errors
    /// The errors of [`BalancedSampler::new`]; [`Error::Config`] where fewer than two classes have examples, for a
    /// class with a single example, and for a batch from which negatives cannot be mined.
    pub fn balanced(
        labels: &[Vec<usize>],
        classes: &[String],
        batch: usize,
        negatives: bool,
        share: Option<f64>,
    ) -> Result<Self> {
        let (anchors, without_class, share) = BalancedSampler::of_classes(labels, classes.len(), batch, share)?;
        several(&with_examples(classes, anchors.by_class()), "a negative is of another class")?;
        // Two anchors in a row are of one class where one round of turns ends with the class that begins the next.
        if !negatives && batch < 3 {
            let reason = format!(
                "negatives are mined in the batch, and only 3 anchors are sure to have two classes, not {batch}"
            );
            return Err(Error::config("train.batch", reason));
        }
        let by_class = anchors.by_class().to_vec();
        let triplets = Self::of(Box::new(anchors), &by_class, classes, labels.len(), negatives)?;
        Ok(Self { without_class, share, ..triplets })
    }

    fn of(
        anchors: Box<dyn Episodes>,
        by_class: &[Vec<u32>],
        classes: &[String],
        examples: usize,
        negatives: bool,
    ) -> Result<Self> {
        if let Some(class) = by_class.iter().position(|examples| examples.len() == 1) {
            let reason = format!(
                "a positive is another example of its class, and {} has only one: add clips of it, leave the class out, or \
                 train with --method classifier",
                classes[class]
            );
            return Err(Error::config("train.method", reason));
        }
        let by_class: Vec<Vec<u32>> = by_class.iter().filter(|examples| !examples.is_empty()).cloned().collect();
        let mut class_of = vec![0; examples];
        for (class, examples) in by_class.iter().enumerate() {
            examples.iter().for_each(|example| class_of[*example as usize] = class);
        }
        Ok(Self { anchors, by_class, class_of, without_class: Vec::new(), share: 0.0, negatives })
    }

    /// Draws the negative of an anchor of `class`.
    fn negative(&self, class: usize, draw: &mut Stream) -> u32 {
        match self.share > 0.0 && draw.chance(self.share) {
            true => *draw.choose(&self.without_class),
            false => of_another_class(&self.by_class, class, draw),
        }
    }
}

/// Returns the names of the classes that have examples.
fn with_examples(classes: &[String], by_class: &[Vec<u32>]) -> Vec<String> {
    let present = classes.iter().zip(by_class).filter(|(_, examples)| !examples.is_empty());
    present.map(|(class, _)| class.clone()).collect()
}

impl Episodes for Triplets {
    fn steps(&self) -> usize {
        self.anchors.steps()
    }

    fn batch_size(&self) -> usize {
        self.anchors.batch_size() * if self.negatives { 3 } else { 2 }
    }

    fn left_out(&self, stage: &str, classes: &[String]) -> Vec<LeftOut> {
        let fate = match self.share > 0.0 && self.negatives {
            true => format!(
                "the {stage} stage draws them as negatives only, for {:.0} % of its anchors",
                100.0 * self.share
            ),
            false => format!("the {stage} stage never draws them"),
        };
        let said = without_class(self.without_class.len(), self.class_of.len(), &fate);
        self.anchors.left_out(stage, classes).into_iter().chain(said).collect()
    }

    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>> {
        let mut draw = Key::new(seed).named("triplets").child(epoch as u64).stream();
        let mut step = |anchors: Vec<u32>| {
            let class_of = |anchor: &u32| self.class_of[*anchor as usize];
            let positives: Vec<u32> =
                anchors.iter().map(|anchor| other(&self.by_class[class_of(anchor)], *anchor, &mut draw)).collect();
            let negatives: Vec<u32> = match self.negatives {
                true => anchors.iter().map(|anchor| self.negative(class_of(anchor), &mut draw)).collect(),
                false => Vec::new(),
            };
            [anchors, positives, negatives].concat()
        };
        self.anchors.epoch(seed, epoch).into_iter().map(&mut step).collect()
    }
}

/// Draws one of `examples` other than `example`, uniformly.
fn other(examples: &[u32], example: u32, draw: &mut Stream) -> u32 {
    let found = examples[draw.below(examples.len() - 1)];
    if found == example { examples[examples.len() - 1] } else { found }
}

/// Draws an example of a class other than `class`: first the class, then one of its examples, each uniformly.
fn of_another_class(by_class: &[Vec<u32>], class: usize, draw: &mut Stream) -> u32 {
    let found = draw.below(by_class.len() - 1);
    let examples = &by_class[if found == class { by_class.len() - 1 } else { found }];
    examples[draw.below(examples.len())]
}

/// Prototypical episodes (SPEC §4.3): the supports of some or all classes, class by class, then the queries in the same
/// order.
#[derive(Debug)]
pub struct PrototypeEpisodes {
    by_class: Vec<Vec<u32>>,
    way: usize,
    support: usize,
    query: usize,
}

impl PrototypeEpisodes {
    /// Makes a sampler of episodes of `way` classes, with `support` supports for each class and `queries` queries in
    /// all.
    ///
    /// # Errors
    /// [`Error::Config`] when there are fewer than `way` classes or only one, when `queries` is not a multiple of
    /// `way`, or when a class has too few examples.
    pub fn new(labels: &[Vec<usize>], classes: &[String], way: usize, support: usize, queries: usize) -> Result<Self> {
        several(classes, "a query is compared with the prototypes of other classes")?;
        if way > classes.len() {
            let reason = format!("there are {} classes, not {way}", classes.len());
            return Err(Error::config("prototypes.way", reason));
        }
        let query = queries_of_a_class(queries, way)?;
        let by_class = Sampler::share_out(labels, classes.len());
        enough(&by_class, classes, support, query)?;
        Ok(Self { by_class, way, support, query })
    }

    /// Returns how often an epoch passes over all classes, which the smallest class limits.
    fn rounds(&self) -> usize {
        let smallest = self.by_class.iter().map(Vec::len).min().unwrap_or(0);
        smallest / (self.support + self.query)
    }
}

/// Returns the number of queries of a class in an episode of `queries` queries and `way` classes.
fn queries_of_a_class(queries: usize, way: usize) -> Result<usize> {
    if !queries.is_multiple_of(way) {
        let reason = format!("{queries} queries cannot be shared evenly by {way} classes: use a multiple of {way}");
        return Err(Error::config("train.batch", reason));
    }
    Ok(queries / way)
}

/// Refuses a class with too few examples for an episode.
fn enough(by_class: &[Vec<u32>], classes: &[String], support: usize, query: usize) -> Result<()> {
    let few = |examples: &Vec<u32>| examples.len() < support + query;
    let Some(class) = by_class.iter().position(few) else { return Ok(()) };
    let found = by_class[class].len();
    let reason = format!(
        "class {} has {found} training examples, a step takes {support} supports and {query} queries of a class",
        classes[class]
    );
    Err(Error::config("prototypes.support", reason))
}

impl Episodes for PrototypeEpisodes {
    fn steps(&self) -> usize {
        self.rounds() * (self.by_class.len() / self.way)
    }

    fn batch_size(&self) -> usize {
        self.way * (self.support + self.query)
    }

    fn left_out(&self, stage: &str, classes: &[String]) -> Vec<LeftOut> {
        let taken = self.steps() * self.batch_size();
        until_the_smallest(stage, classes, &self.by_class, taken).into_iter().collect()
    }

    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>> {
        let key = Key::new(seed).named("episodes").child(epoch as u64);
        let shuffled = |(class, examples): (usize, &Vec<u32>)| {
            let mut examples = examples.clone();
            key.child(class as u64).stream().shuffle(&mut examples);
            examples
        };
        let shuffled: Vec<Vec<u32>> = self.by_class.iter().enumerate().map(shuffled).collect();
        let mut steps = Vec::with_capacity(self.steps());
        for round in 0..self.rounds() {
            let mut classes: Vec<usize> = (0..self.by_class.len()).collect();
            // If every step has all classes, their order does not change the loss, so they are not shuffled.
            if self.way < classes.len() {
                key.named("classes").child(round as u64).stream().shuffle(&mut classes);
            }
            let of_class = |class: &usize| &shuffled[*class][round * (self.support + self.query)..];
            steps.extend(classes.chunks_exact(self.way).map(|classes| {
                let supports = classes.iter().flat_map(|class| &of_class(class)[..self.support]);
                let queries = classes.iter().flat_map(|class| &of_class(class)[self.support..][..self.query]);
                supports.chain(queries).copied().collect()
            }));
        }
        steps
    }
}

/// Prototypical episodes like [`PrototypeEpisodes`], in which the classes take turns. The examples of rare classes
/// repeat, and an epoch is as long as the data.
#[derive(Debug)]
pub struct BalancedEpisodes {
    /// Number of all examples, with a class or without.
    examples: usize,
    by_class: Vec<Vec<u32>>,
    way: usize,
    support: usize,
    query: usize,
}

impl BalancedEpisodes {
    /// Makes a sampler of episodes of `way` classes, with `support` supports for each class and `queries` queries in
    /// all. Examples without a class and classes without an example are never drawn.
    ///
    /// # Errors
    /// [`Error::Config`] when fewer than `way` classes have examples or only one, when `queries` is not a multiple of
    /// `way`, or when a class has too few examples.
    pub fn new(labels: &[Vec<usize>], classes: &[String], way: usize, support: usize, queries: usize) -> Result<Self> {
        let by_class = Sampler::share_out(labels, classes.len());
        let present = with_examples(classes, &by_class);
        several(&present, "a query is compared with the prototypes of other classes")?;
        if way > present.len() {
            let (n, all) = (present.len(), classes.len());
            let reason = format!("{n} of {all} classes have training segments, not {way}: set prototypes.way={n}");
            return Err(Error::config("prototypes.way", reason));
        }
        let query = queries_of_a_class(queries, way)?;
        let sizes: Vec<Vec<u32>> = by_class.iter().filter(|examples| !examples.is_empty()).cloned().collect();
        enough(&sizes, &present, support, query)?;
        Ok(Self { examples: labels.len(), by_class, way, support, query })
    }

    /// Returns the number of examples that may be drawn.
    fn with_class(&self) -> usize {
        self.by_class.iter().map(Vec::len).sum()
    }

    /// Draws the episodes of an epoch, each as its classes with their examples, supports first.
    fn draw(&self, seed: u64, epoch: usize) -> Vec<Vec<(usize, Vec<u32>)>> {
        let key = Key::new(seed).named("balanced episodes").child(epoch as u64);
        let deck = |(class, examples): (usize, &Vec<u32>)| Deck::new(examples, key.named("class").child(class as u64));
        let mut decks: Vec<Deck> = self.by_class.iter().enumerate().map(deck).collect();
        let mut turns = Turns::new(&self.by_class, key.named("turns"));
        let mut episode = |_| {
            let classes = turns.next_classes(self.way);
            classes.iter().for_each(|class| turns.hear(*class));
            classes.into_iter().map(|class| (class, decks[class].deal(self.support + self.query).to_vec())).collect()
        };
        (0..self.steps()).map(&mut episode).collect()
    }
}

impl Episodes for BalancedEpisodes {
    fn steps(&self) -> usize {
        self.with_class().div_ceil(self.batch_size())
    }

    fn batch_size(&self) -> usize {
        self.way * (self.support + self.query)
    }

    fn left_out(&self, stage: &str, classes: &[String]) -> Vec<LeftOut> {
        let mut drawn = vec![Vec::new(); classes.len()];
        self.draw(1, 0).into_iter().flatten().for_each(|(class, examples)| drawn[class].extend(examples));
        let mut found = in_turn(stage, classes, &self.by_class, &drawn);
        let fate = format!("the {stage} stage never draws them");
        found.extend(without_class(self.examples - self.with_class(), self.examples, &fate));
        found
    }

    fn epoch(&self, seed: u64, epoch: usize) -> Vec<Vec<u32>> {
        let slots = |episode: Vec<(usize, Vec<u32>)>| {
            let supports = episode.iter().flat_map(|(_, examples)| &examples[..self.support]);
            let queries = episode.iter().flat_map(|(_, examples)| &examples[self.support..]);
            supports.chain(queries).copied().collect()
        };
        self.draw(seed, epoch).into_iter().map(slots).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("class {i}")).collect()
    }

    /// Labels of `examples` examples, where example i has class i mod `n`.
    fn labels(examples: usize, n: usize) -> Vec<Vec<usize>> {
        (0..examples).map(|i| vec![i % n]).collect()
    }

    #[test]
    fn positives_share_the_anchor_s_class_and_negatives_do_not() {
        let triplets = Triplets::new(&labels(40, 4), &classes(4), 8, true).unwrap();
        assert_eq!((triplets.steps(), triplets.batch_size()), (5, 24));
        let mut negative_classes = std::collections::HashSet::new();
        for step in (0..20).flat_map(|epoch| triplets.epoch(1, epoch)) {
            for k in 0..8 {
                let (anchor, positive, negative) = (step[k], step[8 + k], step[16 + k]);
                assert_eq!(anchor % 4, k as u32 / 2);
                assert!(positive != anchor && positive % 4 == anchor % 4);
                assert_ne!(negative % 4, anchor % 4);
                negative_classes.insert((anchor % 4, negative % 4));
            }
        }
        assert_eq!(negative_classes.len(), 12, "every pair of classes occurs");
        assert_eq!(triplets.epoch(3, 2), triplets.epoch(3, 2));
        assert_ne!(triplets.epoch(3, 2), triplets.epoch(3, 3));
        let mined = Triplets::new(&labels(40, 4), &classes(4), 8, false).unwrap();
        assert_eq!(mined.batch_size(), 16);
        assert_eq!(mined.epoch(1, 0)[0].len(), 16);
    }

    #[test]
    fn every_other_example_is_a_positive_with_the_same_chance() {
        let examples = [3, 5, 7, 9];
        let mut draw = Key::new(1).stream();
        let mut counts = std::collections::HashMap::new();
        (0..3000).for_each(|_| *counts.entry(other(&examples, 5, &mut draw)).or_insert(0) += 1);
        assert!(!counts.contains_key(&5));
        assert!(counts.len() == 3 && counts.values().all(|n| (900..1100).contains(n)), "{counts:?}");
    }

    #[test]
    fn episodes_take_no_example_twice_and_keep_supports_before_queries() {
        let episodes = PrototypeEpisodes::new(&labels(60, 5), &classes(5), 5, 3, 10).unwrap();
        assert_eq!((episodes.steps(), episodes.batch_size()), (2, 25));
        let mut seen = std::collections::HashSet::new();
        for step in episodes.epoch(1, 0) {
            for (slot, example) in step.iter().enumerate() {
                let class = if slot < 15 { slot / 3 } else { (slot - 15) / 2 };
                assert_eq!(*example as usize % 5, class);
                assert!(seen.insert(*example));
            }
        }
    }

    #[test]
    fn fewer_ways_than_classes_draw_the_classes_too() {
        let episodes = PrototypeEpisodes::new(&labels(70, 7), &classes(7), 3, 1, 3).unwrap();
        assert_eq!(episodes.steps(), 5 * 2);
        let mut groups = std::collections::HashSet::new();
        for step in episodes.epoch(1, 0) {
            let of = |slots: &[u32]| slots.iter().map(|e| e % 7).collect::<Vec<_>>();
            assert_eq!(of(&step[..3]), of(&step[3..]));
            groups.insert(of(&step[..3]));
        }
        assert!(groups.len() > 5, "{groups:?}");
    }

    /// Labels of a skewed dataset of one class with 200 segments and others with 60, 20, 8 and 3, and of 100 segments
    /// without a class.
    fn skewed() -> Vec<Vec<usize>> {
        let of_class = |(class, size): (usize, usize)| vec![vec![class]; size];
        let with_class = [200, 60, 20, 8, 3].into_iter().enumerate().flat_map(of_class);
        with_class.chain(vec![Vec::new(); 100]).collect()
    }

    #[test]
    fn balanced_anchors_are_of_all_classes_and_negatives_also_of_none() {
        let labels = skewed();
        let triplets = Triplets::balanced(&labels, &classes(5), 7, true, Some(0.25)).unwrap();
        assert_eq!((triplets.steps(), triplets.batch_size()), (291_usize.div_ceil(7), 21));
        let (mut anchors, mut without) = ([0; 5], 0);
        for step in triplets.epoch(1, 0) {
            for k in 0..7 {
                let [anchor, positive, negative] = [step[k], step[7 + k], step[14 + k]].map(|id| &labels[id as usize]);
                assert!(step[k] != step[7 + k] && anchor == positive && anchor != negative);
                anchors[anchor[0]] += 1;
                without += usize::from(negative.is_empty());
            }
        }
        assert!(anchors.iter().all(|n| (58..=59).contains(n)), "{anchors:?}");
        assert!((50..100).contains(&without), "{without} of 294");
        assert_eq!(triplets.epoch(1, 4), triplets.epoch(1, 4));
        assert_ne!(triplets.epoch(1, 4), triplets.epoch(1, 5));
        let said = triplets.left_out("triplets", &classes(5));
        assert!(said[2].message.ends_with("draws them as negatives only, for 25 % of its anchors"), "{said:?}");
        let mined = Triplets::balanced(&labels, &classes(5), 7, false, None).unwrap();
        assert!(mined.epoch(1, 0).concat().iter().all(|id| !labels[*id as usize].is_empty()));
        let last = mined.left_out("triplets", &classes(5)).pop().unwrap();
        assert!(last.harmless && last.message.ends_with("the triplets stage never draws them"), "{last:?}");
    }

    #[test]
    fn balanced_episodes_repeat_rare_classes_and_no_example_within_an_episode() {
        let labels = skewed();
        for way in [5, 2] {
            let episodes = BalancedEpisodes::new(&labels, &classes(5), way, 1, 2 * way).unwrap();
            assert_eq!((episodes.steps(), episodes.batch_size()), (291_usize.div_ceil(3 * way), 3 * way));
            let mut drawn = [0; 5];
            for step in episodes.epoch(1, 0) {
                assert_eq!(step.iter().collect::<std::collections::HashSet<_>>().len(), step.len());
                let class = |slot: usize| labels[step[slot] as usize][0];
                let supports: Vec<usize> = (0..way).map(class).collect();
                assert!((0..2 * way).all(|query| class(way + query) == supports[query / 2]));
                supports.iter().for_each(|class| drawn[*class] += 1);
            }
            let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
            assert!(most - least <= 1, "{way} ways: {drawn:?}");
            assert_eq!(episodes.epoch(2, 1), episodes.epoch(2, 1));
            assert_ne!(episodes.epoch(2, 1), episodes.epoch(2, 2));
        }
        let said = BalancedEpisodes::new(&labels, &classes(5), 5, 1, 5).unwrap().left_out("prototypes", &classes(5));
        assert!(said[0].message.contains("class 4 most: each of its 3 is drawn 20 times"), "{said:?}");
        assert!(said.last().unwrap().message.starts_with("100 of 391 "), "{said:?}");
    }

    #[test]
    fn what_cannot_be_drawn_in_turn_is_refused_by_name() {
        let refused = |error: Error| error.to_string();
        let lonely = [vec![0], vec![0], vec![1], vec![]];
        let message = refused(Triplets::balanced(&lonely, &classes(3), 4, true, None).unwrap_err());
        assert!(message.contains("class 1 has only one: add clips of it"), "{message}");
        let message = refused(Triplets::balanced(&[vec![0], vec![0]], &classes(3), 4, true, None).unwrap_err());
        assert!(message.contains("there is only one class, class 0"), "{message}");
        let message = refused(Triplets::balanced(&labels(9, 3), &classes(3), 2, false, None).unwrap_err());
        assert!(message.starts_with("train.batch: negatives are mined"), "{message}");
        let message = refused(BalancedEpisodes::new(&labels(9, 3), &classes(4), 4, 1, 4).unwrap_err());
        assert!(message.ends_with("set prototypes.way=3"), "{message}");
        let message = refused(BalancedEpisodes::new(&labels(9, 3), &classes(3), 3, 2, 6).unwrap_err());
        assert!(message.starts_with("prototypes.support: class class 0 has 3"), "{message}");
        // A class without an example stands back.
        assert!(BalancedEpisodes::new(&labels(9, 3), &classes(4), 3, 1, 3).is_ok());
        assert!(Triplets::balanced(&labels(9, 3), &classes(4), 5, true, None).is_ok());
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_by_name() {
        let message = |error: Error| error.to_string();
        let lonely = [vec![0], vec![0], vec![1]];
        let refused = message(Triplets::new(&lonely, &classes(2), 2, true).unwrap_err());
        assert!(refused.contains("class 1") && refused.contains("only one"), "{refused}");
        let refused = message(PrototypeEpisodes::new(&labels(9, 3), &classes(3), 4, 1, 4).unwrap_err());
        assert!(refused.contains("prototypes.way") && refused.contains("3 classes"), "{refused}");
        let refused = message(PrototypeEpisodes::new(&labels(9, 3), &classes(3), 3, 1, 4).unwrap_err());
        assert!(refused.contains("train.batch") && refused.contains("multiple of 3"), "{refused}");
        let refused = message(PrototypeEpisodes::new(&labels(9, 3), &classes(3), 3, 2, 6).unwrap_err());
        assert!(refused.contains("prototypes.support") && refused.contains("3 training examples"), "{refused}");
        let one = [
            Triplets::new(&labels(9, 1), &classes(1), 3, true).map(drop),
            PrototypeEpisodes::new(&labels(9, 1), &classes(1), 1, 1, 3).map(drop),
        ];
        for refused in one.map(|refused| message(refused.unwrap_err())) {
            assert!(refused.starts_with("train.method: ") && refused.contains("only one class, class 0"), "{refused}");
        }
    }
}
