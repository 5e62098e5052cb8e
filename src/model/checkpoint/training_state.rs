//! Training state of a population between two epochs, as a file or as bytes for a store.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::Provenance;
use super::tensor_file::{TensorFile, to_bytes};
use crate::base::{atomic, regular_file};
use crate::config::{Keys, StageName};
use crate::kernels::population::Member;
use crate::kernels::score::Stopping;
use crate::{Error, Result};

/// Number of fields of a [`Member`], each of which is stored as one single-precision number with the field's bits.
const FIELDS: usize = size_of::<Member>() / size_of::<f32>();

/// Key of the metadata for [`TrainingState::metrics`].
const METRICS: &str = "metrics";

/// The state of a population between two epochs: everything from which its training resumes.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingState {
    /// Stage of the training.
    pub stage: StageName,
    /// Finished epochs of the stage.
    pub epoch: usize,
    /// Parameters, first moments and second moments, `[member, 3, parameter]`.
    pub state: Vec<f32>,
    /// Parameters of the best epoch, `[member, parameter]`.
    pub best: Vec<f32>,
    /// Progress, `[member]`.
    pub progress: Vec<Member>,
    /// Configuration and data on which the state depends.
    pub provenance: Provenance,
    /// Length and checksum of the metrics file up to this state, if one is kept beside it.
    pub metrics: Option<String>,
}

impl TrainingState {
    /// Returns the number of elements of one member's parameters.
    pub fn elements(&self) -> usize {
        self.best.len() / self.progress.len().max(1)
    }

    /// Returns the progress with which the training continues until `stopping` ends it, and the number of finished
    /// epochs. Members that stopped in the last epoch train on if `stopping` would not have stopped them: it allows
    /// more epochs or more patience than before. Members that stopped earlier cannot catch up with the others.
    pub fn continued(&self, stopping: &Stopping) -> (Vec<Member>, usize) {
        let last = self.progress.iter().map(|member| member.epochs).max().unwrap_or(0);
        let trains_on = |member: &Member| member.epochs == last && last > 0 && stopping.continues(member);
        let alive = |member: &Member| u32::from(member.alive == 1 || trains_on(member));
        let progress: Vec<Member> = self.progress.iter().map(|m| Member { alive: alive(m), ..*m }).collect();
        // The epoch after the one in which all members stopped may have been queued; it changed nothing.
        let epoch = if progress == self.progress { self.epoch } else { last as usize };
        (progress, epoch)
    }

    /// Extracts the training state of the members `members`, which equals the state that they would have if trained
    /// alone.
    pub fn of(&self, members: Range<usize>) -> Self {
        let elements = self.elements();
        let part = |values: &[f32], each: usize| values[members.start * each..members.end * each].to_vec();
        let Provenance { keys, data } = &self.provenance;
        Self {
            stage: self.stage,
            epoch: self.epoch,
            state: part(&self.state, 3 * elements),
            best: part(&self.best, elements),
            progress: self.progress[members.clone()].to_vec(),
            provenance: Provenance { keys: keys[members].to_vec(), data: data.clone() },
            metrics: None,
        }
    }

    /// Joins the members of `parts` to one population. `origin` is the name used in errors. Panics if `parts` is empty.
    ///
    /// # Errors
    /// [`Error::Data`] when the parts differ in data, architecture, stage or epoch.
    pub fn join(origin: &Path, parts: Vec<Self>) -> Result<Self> {
        let mut parts = parts.into_iter();
        let mut joined = parts.next().expect("a population has a member");
        for part in parts {
            let shared = |of: &Self| (of.stage, of.epoch, of.elements(), of.provenance.data.clone());
            if shared(&part) != shared(&joined) {
                return Err(Error::data(origin, "they are of different epochs, models or data"));
            }
            joined.state.extend(part.state);
            joined.best.extend(part.best);
            joined.progress.extend(part.progress);
            joined.provenance.keys.extend(part.provenance.keys);
        }
        Ok(joined)
    }

    /// Serialises the training state to a safetensors file in memory. `origin` is the file that errors name.
    ///
    /// # Errors
    /// [`Error::Data`] for a training state without members.
    pub fn to_bytes(&self, origin: &Path) -> Result<Vec<u8>> {
        let (members, elements) = (self.progress.len(), self.elements());
        let views = vec![
            ("state", vec![members, 3, elements], self.state.as_slice()),
            ("best", vec![members, elements], self.best.as_slice()),
            // The fields are bits, stored as single-precision numbers of the same size.
            ("progress", vec![members, FIELDS], bytemuck::cast_slice(&self.progress)),
        ];
        let mut metadata: HashMap<String, String> = [
            ("stage", self.stage.name().to_owned()),
            ("epoch", self.epoch.to_string()),
            ("data", self.provenance.data.clone()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        metadata.extend(self.metrics.clone().map(|metrics| (METRICS.to_owned(), metrics)));
        for (member, keys) in self.provenance.keys.iter().enumerate() {
            let json = serde_json::to_string(keys).map_err(|e| Error::data(origin, e.to_string()))?;
            metadata.insert(keys_of(member), json);
        }
        to_bytes(origin, views, metadata)
    }

    /// Parses the training state in `bytes`. `origin` is the file that errors name.
    ///
    /// # Errors
    /// [`Error::Data`] when the bytes are damaged, are not a training state, or were written by an earlier version,
    /// which did not store the provenance.
    pub fn from_bytes(origin: &Path, bytes: &[u8]) -> Result<Self> {
        let file = TensorFile::parse(origin, bytes)?;
        let bad = |reason: String| Error::data(origin, reason);
        let (stage, epoch) = (file.entry("stage")?, file.entry("epoch")?);
        if !file.has_checksum() || file.find(&keys_of(0)).is_none() {
            let reason = "an earlier version of this program wrote it and did not keep what its training depends on: go on \
                          with that version, or remove the file to begin the training anew";
            return Err(bad(reason.into()));
        }
        let known = StageName::ALL.into_iter().find(|known| known.name() == stage);
        let stage = known.ok_or_else(|| bad(format!("its stage '{stage}' is none of a training")))?;
        let epoch = epoch.parse().map_err(|_| bad(format!("its epoch '{epoch}' is not a number")))?;
        let [members, elements] = file.shape("best")?[..] else {
            return Err(bad("'best' has not two axes, member and parameter".into()));
        };
        if members == 0 || elements == 0 {
            return Err(bad(format!("it is of {members} models with {elements} parameters")));
        }
        let progress = file.floats("progress", &[members, FIELDS])?;
        let training_state = Self {
            stage,
            epoch,
            state: file.floats("state", &[members, 3, elements])?,
            best: file.floats("best", &[members, elements])?,
            progress: bytemuck::pod_collect_to_vec(&progress),
            provenance: Provenance {
                keys: (0..members)
                    .map(|member| {
                        let name = keys_of(member);
                        serde_json::from_str(file.entry(&name)?)
                            .map_err(|e| bad(format!("'{name}' of its metadata cannot be read: {e}")))
                    })
                    .collect::<Result<Vec<Keys>>>()?,
                data: file.entry("data")?.to_owned(),
            },
            metrics: file.find(METRICS).map(str::to_owned),
        };
        training_state.check().map_err(bad)?;
        Ok(training_state)
    }

    /// Checks that training can resume from this state. The error says what is invalid.
    fn check(&self) -> Result<(), String> {
        let elements = self.elements();
        for (member, progress) in self.progress.iter().enumerate() {
            let own = &self.state[member * 3 * elements..][..elements];
            if own.iter().chain(&self.best[member * elements..][..elements]).any(|value| !value.is_finite()) {
                return Err(format!("parameters of model {member} are not finite"));
            }
            let Member { alive, improved, best_epoch, best_score, score, epochs, dropout_key } = *progress;
            let counts = alive <= 1 && improved <= 1 && epochs as usize <= self.epoch && best_epoch <= epochs;
            if !counts || !best_score.is_finite() || !score.is_finite() {
                return Err(format!(
                    "the progress of model {member} cannot be: {progress:?} after {} epochs",
                    self.epoch
                ));
            }
            let seed = self.provenance.keys[member].get("train.seeds").and_then(serde_json::Value::as_u64);
            if seed.is_none_or(|seed| Member::new(seed).dropout_key != dropout_key) {
                return Err(format!("model {member} was not drawn from the seed that its metadata give"));
            }
        }
        Ok(())
    }
}

/// Returns the metadata key under which the configuration keys of member `member` are stored.
fn keys_of(member: usize) -> String {
    format!("member.{member}")
}

/// Writes the training state of a population.
///
/// # Errors
/// The errors of [`TrainingState::to_bytes`]; [`Error::Io`] naming the file. No incomplete file is left under `path`.
pub fn write_training_state(path: &Path, training_state: &TrainingState) -> Result<()> {
    atomic::write_bytes(path, &training_state.to_bytes(path)?)
}

/// Reads the training state of a population.
///
/// # Errors
/// The errors of [`TrainingState::from_bytes`]; [`Error::Io`].
pub fn read_training_state(path: &Path) -> Result<TrainingState> {
    let bytes = regular_file::read(path).map_err(|e| Error::io("read", path, e))?;
    TrainingState::from_bytes(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Returns the training state of models with five parameters after nine epochs.
    fn training_state(seeds: &[u64]) -> TrainingState {
        let floats = |n: usize| (0..n).map(|value| value as f32).collect::<Vec<_>>();
        let mut config = Config::default();
        config.train.seeds = seeds.into();
        let member = |seed: &u64| Member { best_score: 1.5, best_epoch: 2, epochs: 9, ..Member::new(*seed) };
        TrainingState {
            stage: StageName::Classifier,
            epoch: 9,
            state: floats(seeds.len() * 3 * 5),
            best: floats(seeds.len() * 5),
            progress: seeds.iter().map(member).collect(),
            provenance: Provenance::new(&[config], "ab"),
            metrics: Some("12 ab".into()),
        }
    }

    fn read(bytes: &[u8]) -> Result<TrainingState, String> {
        TrainingState::from_bytes(Path::new("last"), bytes).map_err(|error| error.to_string())
    }

    fn bytes(training_state: &TrainingState) -> Vec<u8> {
        training_state.to_bytes(Path::new("last")).unwrap()
    }

    #[test]
    fn a_training_state_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        // The dropout key, read as a float, may be a NaN with any bits.
        let training_state = training_state(&[1, 20]);
        write_training_state(&path, &training_state).unwrap();
        let back = read_training_state(&path).unwrap();
        assert_eq!(
            bytemuck::cast_slice::<_, u8>(&back.progress),
            bytemuck::cast_slice::<_, u8>(&training_state.progress)
        );
        assert_eq!(back, training_state);
    }

    #[test]
    fn members_that_came_to_their_last_epoch_train_on_with_more_of_them() {
        let mut state = training_state(&[1, 2, 3]);
        state.progress.iter_mut().for_each(|member| member.alive = 0);
        // The second member stopped earlier, and one more epoch was queued when all had stopped.
        (state.progress[1].epochs, state.epoch) = (6, 10);
        let alive = |epochs, patience| {
            let (progress, epoch) = state.continued(&Stopping { epochs, min_epochs: 0, patience });
            (progress.iter().map(|member| member.alive).collect::<Vec<_>>(), epoch)
        };
        assert_eq!(alive(9, 30), (vec![0, 0, 0], 10));
        assert_eq!(alive(12, 30), (vec![1, 0, 1], 9));
        assert_eq!(alive(12, 5), (vec![0, 0, 0], 10), "out of patience: the best epoch was 2");
        assert_eq!(alive(12, 6), (vec![1, 0, 1], 9));
    }

    #[test]
    fn a_population_comes_apart_into_its_members_and_together_again() {
        let whole = training_state(&[1, 2, 3]);
        let (two, one) = (whole.of(0..2), whole.of(2..3));
        assert_eq!((two.progress.len(), one.state[0], one.best[0]), (2, 30.0, 10.0));
        assert_eq!(one.provenance.keys, whole.provenance.keys[2..]);
        let origin = Path::new("trials");
        assert_eq!(
            TrainingState::join(origin, vec![two.clone(), one.clone()]).unwrap(),
            TrainingState { metrics: None, ..whole }
        );
        let later = TrainingState { epoch: 10, ..one };
        let message = TrainingState::join(origin, vec![two, later]).unwrap_err().to_string();
        assert!(message.starts_with("trials: ") && message.contains("different epochs"), "{message}");
    }

    #[test]
    fn a_training_state_with_a_flipped_bit_is_refused() {
        let bytes = bytes(&training_state(&[1, 2]));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(read(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_no_training_can_go_on_from_is_refused_by_name() {
        type Change = fn(&mut TrainingState);
        let refusal = |change: Change| {
            let mut changed = training_state(&[1, 2]);
            change(&mut changed);
            read(&bytes(&changed)).unwrap_err()
        };
        let cases: [(Change, &str); 6] = [
            (|s| s.state[15] = f32::NAN, "parameters of model 1 are not finite"),
            (|s| s.best[0] = f32::INFINITY, "parameters of model 0 are not finite"),
            (|s| s.progress[1].alive = 2, "progress of model 1 cannot be"),
            (|s| s.progress[0].epochs = 10, "progress of model 0 cannot be"),
            (|s| s.progress[0].best_score = f32::NAN, "progress of model 0 cannot be"),
            (|s| s.progress.swap(0, 1), "model 0 was not drawn from the seed"),
        ];
        for (change, words) in cases {
            let message = refusal(change);
            assert!(message.starts_with("last: ") && message.contains(words), "{message}");
        }
        // Moments may overflow without harm to the weights.
        let mut overflown = training_state(&[1]);
        overflown.state[14] = f32::INFINITY;
        assert_eq!(read(&bytes(&overflown)).unwrap(), overflown);
    }

    #[test]
    fn a_training_state_of_another_version_is_refused_with_what_is_wrong() {
        let training_state = training_state(&[1]);
        let refusal = |metadata: &[(&str, &str)]| {
            let views = vec![
                ("state", vec![1, 3, 5], training_state.state.as_slice()),
                ("best", vec![1, 5], training_state.best.as_slice()),
                ("progress", vec![1, FIELDS], bytemuck::cast_slice(&training_state.progress)),
            ];
            let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            read(&to_bytes(Path::new("last"), views, metadata.collect()).unwrap()).unwrap_err()
        };
        let message = refusal(&[("stage", "classifier"), ("epoch", "9"), ("data", "ab")]);
        assert!(message.contains("earlier version") && message.contains("remove the file"), "{message}");
        let message = refusal(&[("stage", "dance"), ("epoch", "9"), ("data", "ab"), ("member.0", "{}")]);
        assert!(message.contains("its stage 'dance'"), "{message}");
    }
}
