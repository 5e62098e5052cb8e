//! Classes and clips of a dataset that a training learns nothing from, or that cannot judge it.

use super::dataset::Dataset;
use crate::base::printable::counted;
use crate::data::clips::{LeftOut, Subset};
use crate::{Error, Result};

impl Dataset {
    /// Checks that some validation clip has a label. Otherwise every validation score is 0, and the first epoch would
    /// count as the best.
    ///
    /// # Errors
    /// [`Error::Config`] naming `train.watch`.
    pub fn need_validation_labels(&self) -> Result<()> {
        let subset = Subset::Validation;
        if (0..self.len(subset)).any(|index| !self.labels(subset, index).is_empty()) {
            return Ok(());
        }
        let reason = format!(
            "{} without a label, so that no epoch scores better than another: label some, or take them out of the data, so \
             that training clips are held back",
            counted(self.len(subset), "validation clip")
        );
        Err(Error::config("train.watch", reason))
    }

    /// Returns the log message about training clips without a class, if there are any. `train.sampling = "paper"` never
    /// draws them.
    pub fn never_drawn(&self) -> Option<LeftOut> {
        let all = self.len(Subset::Train);
        let without = (0..all).filter(|index| self.labels(Subset::Train, *index).is_empty());
        let (n, first) = (without.clone().count(), self.clip_name(Subset::Train, without.min()?));
        Some(LeftOut::warning(format!(
            "{n} of {all} training clips never drawn, {first} first: nothing is annotated in them, and batches take clips by \
             class; train.sampling=balanced draws them too"
        )))
    }

    /// Returns log messages about everything that a command which uses `subsets` ignores: unused files, and classes
    /// without clips in a subset. There is one message for each kind.
    pub fn left_out(&self, subsets: &[Subset]) -> Vec<LeftOut> {
        let mut found = self.unused.clone();
        for subset in subsets {
            let clips = self.clips_by_class(*subset);
            let absent: Vec<usize> = (0..clips.len()).filter(|class| clips[*class] == 0).collect();
            found.extend(self.lonely_classes().filter(|_| *subset == Subset::Train));
            if let Some(first) = absent.first() {
                let fate = match subset {
                    Subset::Train => "no model learns them: add clips of them, or take their labels out",
                    Subset::Validation | Subset::Eval => "left out of the mean scores there",
                };
                let (n, all, first, subset) = (absent.len(), clips.len(), &self.classes()[*first], subset.name());
                found
                    .push(LeftOut::warning(format!("{n} of {all} classes in no {subset} clip, {first} first: {fate}")));
            }
        }
        found
    }

    /// Returns the log message about classes with one training clip, if there are any.
    fn lonely_classes(&self) -> Option<LeftOut> {
        let clips = self.clips_by_class(Subset::Train);
        let lonely: Vec<&str> =
            self.classes().iter().zip(clips).filter(|(_, n)| *n == 1).map(|(class, _)| class.as_str()).collect();
        let (n, all, first) = (lonely.len(), self.classes().len(), lonely.first()?);
        Some(LeftOut::warning(format!(
            "{n} of {all} classes in one training clip alone, {first} first: a model learns that clip by heart; add clips, or \
             leave the class out"
        )))
    }

    /// Returns the log message about classes that are in training clips but in none of the training segments, whose
    /// classes are `heard`, if there are any.
    pub fn missed_classes(&self, heard: impl IntoIterator<Item = usize>) -> Option<LeftOut> {
        let mut missed: Vec<bool> = self.clips_by_class(Subset::Train).into_iter().map(|clips| clips > 0).collect();
        heard.into_iter().for_each(|class| missed[class] = false);
        let missed: Vec<usize> = (0..missed.len()).filter(|class| missed[*class]).collect();
        let (n, all, first) = (missed.len(), self.classes().len(), &self.classes()[*missed.first()?]);
        Some(LeftOut::warning(format!(
            "{n} of {all} classes in no training segment, {first} first: segments hold other parts of their clips, so the class \
             is not learnt; longer segments hold more of it"
        )))
    }

    /// Returns the number of clips of each class in `subset`.
    fn clips_by_class(&self, subset: Subset) -> Vec<usize> {
        let mut clips = vec![0; self.classes().len()];
        let labels = (0..self.len(subset)).flat_map(|index| self.labels(subset, index));
        labels.for_each(|class| clips[*class] += 1);
        clips
    }
}
