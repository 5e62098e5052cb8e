//! Models on disk: safetensors with PyTorch's names and layouts, everything needed to use them in the metadata; and the
//! state of a whole population from which training goes on to the same bits.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use super::Architecture;
use crate::config::{Config, FeatureConfig, Method, ModelConfig, Normalise, validate_model};
use crate::features::Statistics;
use crate::kernels::population::Member;
use crate::{Error, Result, atomic};

/// What a checkpoint says about the model besides its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Class names; output k is class k.
    pub classes: Vec<String>,
    /// How features are made.
    pub features: FeatureConfig,
    /// The layers.
    pub model: ModelConfig,
    /// How it was trained.
    pub method: Method,
    /// What its embeddings are scaled to unit length by, before distances are taken.
    pub normalise: Normalise,
    /// Mean of every band over the training frames.
    pub mean: Vec<f64>,
    /// Deviation of every band over the training frames.
    pub std: Vec<f64>,
    /// Seed the model was drawn from.
    pub seed: u64,
    /// Epoch the parameters are from, counted from 0.
    pub epoch: usize,
}

impl Description {
    /// That of the model drawn from `seed` and trained as `config` says, with the parameters of epoch `epoch`.
    pub fn new(config: &Config, classes: &[String], statistics: &Statistics, seed: u64, epoch: usize) -> Self {
        Self {
            classes: classes.to_vec(),
            features: config.features.clone(),
            model: config.model.clone(),
            method: config.train.method,
            normalise: config.normalise(config.train.method),
            mean: statistics.mean.clone(),
            std: statistics.std.clone(),
            seed,
            epoch,
        }
    }
}

/// Writes one model: a tensor for each of [`Architecture::parameters`], `description` as JSON in the metadata.
///
/// # Errors
/// [`Error::Io`] naming the file; nothing is left under `path` unless it is whole.
pub fn write_model(
    path: &Path,
    architecture: &Architecture,
    parameters: &[f32],
    description: &Description,
) -> Result<()> {
    let tensors = architecture.parameters();
    let views = tensors.iter().map(|p| (p.name.as_str(), p.shape.clone(), &parameters[p.first..p.first + p.len()]));
    let json = serde_json::to_string(description).map_err(|e| Error::io("write", path, e.into()))?;
    write(path, views.collect(), [("weaklabel".to_string(), json)].into())
}

/// Reads one model back: its parameters where [`Architecture::parameters`] has them, and its description.
///
/// # Errors
/// [`Error::Data`] naming what the file lacks; [`Error::Io`].
pub fn read_model(path: &Path) -> Result<(Vec<f32>, Description)> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let (tensors, metadata) = parse(path, &bytes)?;
    let json = metadata.get("weaklabel").ok_or_else(|| {
        Error::data(
            path,
            "not a trained model, which has 'weaklabel' in its metadata: best.safetensors of a run is one",
        )
    })?;
    let description: Description =
        serde_json::from_str(json).map_err(|e| Error::data(path, format!("its metadata cannot be read: {e}")))?;
    validate_model(&description.features, &description.model).map_err(|e| Error::data(path, e.to_string()))?;
    let bands = description.features.bands;
    if description.classes.is_empty() || [&description.mean, &description.std].iter().any(|of| of.len() != bands) {
        return Err(Error::data(path, format!("its metadata lack classes, or the statistics of {bands} bands")));
    }
    let architecture = Architecture::new(&description.model, &description.features, description.classes.len());
    let mut parameters = vec![0.0; architecture.elements()];
    for parameter in architecture.parameters() {
        let values = floats(path, &tensors, &parameter.name, &parameter.shape)?;
        parameters[parameter.first..][..parameter.len()].copy_from_slice(&values);
    }
    Ok((parameters, description))
}

/// Where a population stands between two epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Stage of the training.
    pub stage: String,
    /// Epochs of the stage done.
    pub epoch: usize,
    /// Parameters and moments, `[member, 3, parameter]`.
    pub state: Vec<f32>,
    /// Best parameters, `[member, parameter]`.
    pub best: Vec<f32>,
    /// Progress of each member.
    pub progress: Vec<Member>,
    /// What the run depends on besides its configuration: the data's fingerprint.
    pub fingerprint: String,
}

impl Standing {
    /// The standing of the members `members`, which is what they would have alone.
    pub fn of(&self, members: Range<usize>) -> Self {
        let parameters = self.best.len() / self.progress.len();
        let part = |values: &[f32], each: usize| values[members.start * each..members.end * each].to_vec();
        Self {
            stage: self.stage.clone(),
            epoch: self.epoch,
            state: part(&self.state, 3 * parameters),
            best: part(&self.best, parameters),
            progress: self.progress[members.clone()].to_vec(),
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// The members of `parts`, of the same architecture and at the same epoch, as one population; panics without any.
    pub fn join(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut joined = parts.next().expect("a population has a member");
        for part in parts {
            assert_eq!((&part.stage, part.epoch), (&joined.stage, joined.epoch), "standings of different epochs");
            joined.state.extend(part.state);
            joined.best.extend(part.best);
            joined.progress.extend(part.progress);
        }
        joined
    }

    /// The standing as a safetensors file in memory; `origin` stands for it in errors.
    ///
    /// # Errors
    /// [`Error::Data`] for a standing of no member.
    pub fn to_bytes(&self, origin: &Path) -> Result<Vec<u8>> {
        let members = self.progress.len();
        let parameters = self.best.len() / members.max(1);
        let progress: &[f32] = bytemuck::cast_slice(&self.progress);
        let views = vec![
            ("state", vec![members, 3, parameters], self.state.as_slice()),
            ("best", vec![members, parameters], self.best.as_slice()),
            // Records of bits, stored under a type of their size.
            ("progress", vec![members, progress.len() / members.max(1)], progress),
        ];
        let epoch = self.epoch.to_string();
        let metadata = [("stage", self.stage.clone()), ("epoch", epoch), ("data", self.fingerprint.clone())];
        to_bytes(origin, views, metadata.map(|(key, value)| (key.to_string(), value)).into())
    }

    /// The standing in `bytes`, of `members` models with `parameters` parameters each.
    ///
    /// # Errors
    /// [`Error::Data`] naming `origin` when it is not such a standing.
    pub fn from_bytes(origin: &Path, bytes: &[u8], members: usize, parameters: usize) -> Result<Self> {
        let (tensors, metadata) = parse(origin, bytes)?;
        let epoch = entry(origin, &metadata, "epoch")?;
        let fields = size_of::<Member>() / size_of::<f32>();
        let progress = floats(origin, &tensors, "progress", &[members, fields])?;
        Ok(Self {
            stage: entry(origin, &metadata, "stage")?.to_string(),
            epoch: epoch.parse().map_err(|_| Error::data(origin, format!("its epoch '{epoch}' is not a number")))?,
            state: floats(origin, &tensors, "state", &[members, 3, parameters])?,
            best: floats(origin, &tensors, "best", &[members, parameters])?,
            progress: bytemuck::pod_collect_to_vec(&progress),
            fingerprint: entry(origin, &metadata, "data")?.to_string(),
        })
    }
}

/// Writes the standing of a population.
///
/// # Errors
/// As [`write_model`].
pub fn write_standing(path: &Path, standing: &Standing) -> Result<()> {
    atomic::write_bytes(path, &standing.to_bytes(path)?)
}

/// Reads the standing of a population of `members` models with `parameters` parameters each.
///
/// # Errors
/// [`Error::Data`] when the file is not such a standing; [`Error::Io`].
pub fn read_standing(path: &Path, members: usize, parameters: usize) -> Result<Standing> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    Standing::from_bytes(path, &bytes, members, parameters)
}

fn write(path: &Path, tensors: Vec<(&str, Vec<usize>, &[f32])>, metadata: HashMap<String, String>) -> Result<()> {
    atomic::write_bytes(path, &to_bytes(path, tensors, metadata)?)
}

fn to_bytes(
    path: &Path,
    tensors: Vec<(&str, Vec<usize>, &[f32])>,
    mut metadata: HashMap<String, String>,
) -> Result<Vec<u8>> {
    metadata.insert("format".into(), "pt".into());
    let bad = |e: safetensors::SafeTensorError| Error::data(path, format!("cannot be put together: {e}"));
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, values) in tensors {
        views.push((name, TensorView::new(Dtype::F32, shape, bytemuck::cast_slice(values)).map_err(bad)?));
    }
    let mut bytes = serialize(views, Some(metadata)).map_err(bad)?;
    sort_metadata(&mut bytes).map_err(|e| Error::data(path, format!("cannot be put together: {e}")))?;
    Ok(bytes)
}

/// Puts the metadata of a safetensors file in the order of their keys. The crate writes them in that of a hash map, which is
/// another one in every process, and the same model must be the same file.
fn sort_metadata(bytes: &mut [u8]) -> serde_json::Result<()> {
    let Some((length, rest)) = bytes.split_first_chunk_mut() else { return Ok(()) };
    let header = &mut rest[..u64::from_le_bytes(*length) as usize];
    let mut parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(header)?;
    if let Some(metadata) = parsed.get_mut("__metadata__").and_then(serde_json::Value::as_object_mut) {
        metadata.sort_keys();
    }
    // As long as before, and behind it the same blanks.
    let sorted = serde_json::to_vec(&parsed)?;
    header[..sorted.len()].copy_from_slice(&sorted);
    Ok(())
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<(SafeTensors<'a>, HashMap<String, String>)> {
    let bad = |e: safetensors::SafeTensorError| Error::data(path, format!("not a safetensors file: {e}"));
    let tensors = SafeTensors::deserialize(bytes).map_err(bad)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(bad)?;
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}

fn entry<'a>(path: &Path, metadata: &'a HashMap<String, String>, key: &str) -> Result<&'a str> {
    metadata.get(key).map(String::as_str).ok_or_else(|| Error::data(path, format!("its metadata lack '{key}'")))
}

fn floats(path: &Path, tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let tensor = tensors.tensor(name).map_err(|_| Error::data(path, format!("holds no tensor '{name}'")))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        let found = format!("'{name}' is {:?} {:?}, expected F32 {shape:?}", tensor.dtype(), tensor.shape());
        return Err(Error::data(path, found));
    }
    Ok(bytemuck::pod_collect_to_vec(tensor.data()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::initial_parameters;

    fn description() -> Description {
        Description {
            classes: vec!["a".into(), "b".into(), "c".into()],
            features: FeatureConfig::default(),
            model: ModelConfig::default(),
            method: Method::Triplets,
            normalise: Normalise::Segment,
            mean: vec![0.1; 64],
            std: vec![1.0 / 3.0; 64],
            seed: 7,
            epoch: 12,
        }
    }

    #[test]
    fn a_model_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.safetensors");
        let architecture = Architecture::new(&ModelConfig::default(), &FeatureConfig::default(), 3);
        let parameters = initial_parameters(&architecture, 7);
        write_model(&path, &architecture, &parameters, &description()).unwrap();
        assert_eq!(read_model(&path).unwrap(), (parameters, description()));
    }

    #[test]
    fn a_standing_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        let progress =
            vec![Member { dropout_key: [u32::MAX, 0x7fc0_0001], best_score: 1.5, ..Member::new(1) }, Member::new(2)];
        let standing = Standing {
            stage: "tagger".into(),
            epoch: 3,
            state: vec![0.5; 24],
            best: vec![-1.0; 8],
            progress,
            fingerprint: "ab12".into(),
        };
        write_standing(&path, &standing).unwrap();
        let back = read_standing(&path, 2, 4).unwrap();
        assert_eq!(bytemuck::cast_slice::<_, u8>(&back.progress), bytemuck::cast_slice::<_, u8>(&standing.progress));
        assert_eq!(
            (back.stage, back.epoch, back.state, back.best, back.fingerprint),
            ("tagger".into(), 3, standing.state, standing.best, "ab12".into())
        );
    }

    #[test]
    fn a_population_comes_apart_into_its_members_and_together_again() {
        let floats = |n: usize| (0..n).map(|value| value as f32).collect::<Vec<_>>();
        let whole = Standing {
            stage: "classifier".into(),
            epoch: 9,
            state: floats(3 * 3 * 5),
            best: floats(3 * 5),
            progress: (1..=3).map(Member::new).collect(),
            fingerprint: "ab".into(),
        };
        let (two, one) = (whole.of(0..2), whole.of(2..3));
        assert_eq!((two.progress.len(), one.state[0], one.best[0]), (2, 30.0, 10.0));
        assert_eq!(Standing::join(vec![two, one]), whole);
    }

    #[test]
    fn the_same_model_is_the_same_file() {
        let metadata = || (0..20).map(|n| (format!("key {n}"), format!("\u{e9}\"\\\n{n}"))).collect::<HashMap<_, _>>();
        let file = || to_bytes(Path::new("x"), vec![("x", vec![2], &[1.0, 2.0])], metadata()).unwrap();
        assert_eq!(file(), file());
        let bytes = file();
        let (tensors, read) = parse(Path::new("x"), &bytes).unwrap();
        assert_eq!(floats(Path::new("x"), &tensors, "x", &[2]).unwrap(), [1.0, 2.0]);
        assert_eq!((read.len(), &read["key 7"]), (21, &metadata()["key 7"]));
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.safetensors");
        std::fs::write(&path, b"not a checkpoint at all").unwrap();
        let error = read_model(&path).unwrap_err();
        assert!(error.to_string().contains("best.safetensors") && error.exit_code() == 3, "{error}");
        write(&path, vec![("x", vec![2], &[1.0, 2.0])], HashMap::new()).unwrap();
        assert!(read_model(&path).unwrap_err().to_string().contains("'weaklabel'"));
        assert!(read_standing(&path, 1, 1).unwrap_err().to_string().contains("'epoch'"));
    }
}
