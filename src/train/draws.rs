//! The steps of a training run and the segments that its epochs leave out, computed from the labels of the segments
//! alone.

use super::StageName;
use crate::Result;
use crate::config::Config;
use crate::data::scenes::LeftOut;
use crate::evaluate::SegmentLabels;

/// The steps of a training run, by stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draws {
    /// Stages in order, each with its number of steps if it runs to its last epoch.
    pub stages: Vec<(StageName, u64)>,
    /// Number of examples in a step of the first stage.
    pub batch_size: usize,
    /// Log messages about segments that epochs leave out or repeat, and about settings of `train.sampling` without
    /// effect, each once. A message is harmless where that is as it should be.
    pub left_out: Vec<LeftOut>,
}

impl Draws {
    /// Computes the steps of a training run of `config` on segments with these labels. All stages are checked, so that
    /// a later stage whose batches cannot be balanced is refused before the training starts and not hours later.
    ///
    /// # Errors
    /// [`crate::Error::Config`] when batches cannot be balanced, or the method does not fit the number of classes.
    pub fn new(config: &Config, labels: &[SegmentLabels], classes: &[String]) -> Result<Self> {
        let (mut stages, mut batch_sizes, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for stage in config.stages() {
            let episodes = stage.episodes(config, labels, classes)?;
            stages.push((*stage, (episodes.steps() * stage.epochs(config)) as u64));
            batch_sizes.push(episodes.batch_size());
            for line in episodes.left_out(stage.name(), classes) {
                if !left_out.contains(&line) {
                    left_out.push(line);
                }
            }
        }
        if let Some(share) = config.train.negatives.filter(|share| *share > 0.0)
            && labels.iter().all(|labels| !labels.classes.is_empty())
        {
            let message = format!("train.negatives={share} has no effect: every training segment has a class");
            left_out.push(LeftOut::warning(message));
        }
        Ok(Self { stages, batch_size: batch_sizes[0], left_out })
    }

    /// Returns the number of steps of all stages together, if no stage stops before its last epoch.
    pub fn steps(&self) -> u64 {
        self.stages.iter().map(|(_, steps)| steps).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BatchSampling, Method};

    /// Returns `sizes[class]` segments of each of the classes 0 to 2.
    fn labels(sizes: [usize; 3]) -> Vec<SegmentLabels> {
        (0..3).flat_map(|class| vec![SegmentLabels::one(class, 1.0); sizes[class]]).collect()
    }

    #[test]
    fn the_smallest_class_is_named_where_segments_are_left() {
        let classes = ["Cat", "Dog", "Tap"].map(String::from);
        let mut config = Config::default();
        (config.train.batch, config.tagger.batch, config.train.epochs, config.tagger.epochs) = (6, 3, Some(7), 5);
        let said = |config: &Config, sizes| {
            let draws = Draws::new(config, &labels(sizes), &classes).unwrap();
            let lines = draws.left_out.iter().map(|line| (line.harmless, line.message.clone()));
            (draws.steps(), lines.collect::<Vec<_>>())
        };
        assert_eq!(said(&config, [4, 4, 4]), (2 * 7, Vec::new()));
        let (steps, lines) = said(&config, [40, 5, 9]);
        assert_eq!((steps, lines.len()), (2 * 7, 1));
        let (harmless, line) = &lines[0];
        assert!(
            !harmless
                && line.starts_with("an epoch of the classifier stage takes 12 of 54 ")
                && line.ends_with("Dog has 5")
        );
        config.train.method = Method::Triplets;
        let (steps, lines) = said(&config, [4, 4, 5]);
        assert_eq!(steps, 2 * 7 + 4 * 5);
        let of = |(harmless, line): &(bool, String)| *harmless && line.contains(" takes 12 of 13 training segments");
        assert!(lines.len() == 2 && lines.iter().all(of) && lines[1].1.contains("tagger"), "{lines:?}");
    }

    #[test]
    fn a_later_stage_that_cannot_be_balanced_is_refused() {
        let classes = ["Cat", "Dog", "Tap"].map(String::from);
        let mut config = Config::default();
        (config.train.method, config.train.batch, config.tagger.batch) = (Method::Triplets, 6, 30);
        let refused = Draws::new(&config, &labels([4, 4, 4]), &classes).unwrap_err().to_string();
        assert!(refused.starts_with("tagger.batch: class Cat has 4"), "{refused}");
    }

    #[test]
    fn samplings_need_no_multiple_and_name_what_does_not_fit() {
        let classes = ["Cat", "Dog", "Tap"].map(String::from);
        let mut config = Config::default();
        let refused = |config: &Config| Draws::new(config, &labels([9, 9, 9]), &classes).unwrap_err().to_string();
        let paper = refused(&config);
        assert!(paper.starts_with("train.batch: 10 ") && paper.contains("train.sampling=balanced"), "{paper}");
        config.train.negatives = Some(0.1);
        assert!(refused(&config).starts_with("train.negatives: "), "{}", refused(&config));

        config.train.sampling = BatchSampling::Balanced;
        config.train.epochs = Some(4);
        let draws = |config: &Config| Draws::new(config, &labels([9, 9, 9]), &classes).unwrap();
        assert_eq!((draws(&config).steps(), draws(&config).batch_size), (3 * 4, 10));
        let said = draws(&config).left_out.pop().unwrap();
        assert!(!said.harmless && said.message.starts_with("train.negatives=0.1 has no effect"), "{said:?}");
        config.train.method = Method::Triplets;
        assert_eq!(draws(&config).stages[1], (StageName::Tagger, 2 * 200));

        (config.train.sampling, config.train.negatives) = (BatchSampling::Natural, None);
        let natural = refused(&config);
        assert!(natural.starts_with("train.sampling: natural ") && natural.contains("triplets"), "{natural}");
        config.train.method = Method::Classifier;
        assert_eq!(draws(&config).steps(), 3 * 4);
    }
}
