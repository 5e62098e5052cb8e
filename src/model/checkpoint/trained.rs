//! Trained models as files.

use std::path::Path;

use super::Description;
use super::tensor_file::{CHECKSUM, TensorFile, to_bytes};
use crate::base::{atomic, regular_file};
use crate::model::Architecture;
use crate::{Error, Result};

/// Key of the description in the metadata.
const DESCRIPTION: &str = "weaklabel";

/// Writes one model: a tensor for each of [`Architecture::parameters`], and `description` as JSON in the metadata.
///
/// # Errors
/// [`Error::Io`] naming the file. No incomplete file is left under `path`.
pub fn write_model(
    path: &Path,
    architecture: &Architecture,
    parameters: &[f32],
    description: &Description,
) -> Result<()> {
    let tensors = architecture.parameters();
    let views = tensors.iter().map(|p| (p.name.as_str(), p.shape.clone(), &parameters[p.first..p.first + p.len()]));
    let json = serde_json::to_string(description).map_err(|e| Error::io("write", path, e.into()))?;
    atomic::write_bytes(path, &to_bytes(path, views.collect(), [(DESCRIPTION.to_string(), json)].into())?)
}

/// Reads one model: its parameters in the layout of [`Architecture::parameters`], and its description.
///
/// # Errors
/// The errors of [`model_from_bytes`]; [`Error::Io`].
pub fn read_model(path: &Path) -> Result<(Vec<f32>, Description)> {
    let bytes = regular_file::read(path).map_err(|e| Error::io("read", path, e))?;
    model_from_bytes(path, &bytes)
}

/// Parses the model in `bytes`: its parameters in the layout of [`Architecture::parameters`], and its description.
/// `origin` is the file that errors name. A file without a checksum, which an earlier version or another program wrote,
/// is accepted with a warning.
///
/// # Errors
/// [`Error::Data`] when the bytes are damaged, or naming what is missing or invalid: tensors whose shapes differ from
/// the metadata, numbers that are not finite, or features that this program cannot compute. These checks come before
/// anything larger than `bytes` is allocated.
pub fn model_from_bytes(origin: &Path, bytes: &[u8]) -> Result<(Vec<f32>, Description)> {
    let file = TensorFile::parse(origin, bytes)?;
    let json = file.find(DESCRIPTION).ok_or_else(|| {
        Error::data(
            origin,
            format!("not a trained model, which has '{DESCRIPTION}' in its metadata: best.safetensors of a run is one"),
        )
    })?;
    let description: Description =
        serde_json::from_str(json).map_err(|e| Error::data(origin, format!("its metadata cannot be read: {e}")))?;
    description.check(origin)?;
    let architecture = Architecture::new(&description.model, &description.features, description.classes.len());
    let room = bytes.len() / size_of::<f32>();
    if architecture.size() > room as u64 {
        let reason = format!(
            "its metadata are of a model of {} parameters ({} is too large), and it has room for {room}",
            architecture.size(),
            architecture.widest_key(),
        );
        return Err(Error::data(origin, reason));
    }
    let tensors = architecture.parameters();
    for parameter in &tensors {
        file.expect(&parameter.name, &parameter.shape)?;
    }
    if let Some(other) = file.names().find(|name| tensors.iter().all(|parameter| parameter.name != *name)) {
        return Err(Error::data(origin, format!("holds a tensor '{other}', which its metadata have no layer for")));
    }
    let mut parameters = vec![0.0; architecture.elements()];
    for parameter in tensors {
        let values = file.floats(&parameter.name, &parameter.shape)?;
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let reason = format!("'{}' holds {}, no number to compute with", parameter.name, values[index]);
            return Err(Error::data(origin, reason));
        }
        parameters[parameter.first..][..parameter.len()].copy_from_slice(&values);
    }
    if !file.has_checksum() {
        tracing::warn!(
            "{}: there is no '{CHECKSUM}' in its metadata (an earlier version or another program wrote it), so damage to it \
             would not be noticed",
            origin.display()
        );
    }
    Ok((parameters, description))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;

    use super::*;
    use crate::config::{FeatureConfig, ModelConfig};
    use crate::model::checkpoint::description::tests::description;
    use crate::model::checkpoint::read_training_state;
    use crate::model::initial_parameters;

    /// Returns a model with few parameters.
    fn small() -> (Architecture, Description) {
        let mut description = description();
        description.features = FeatureConfig { bands: 4, ..FeatureConfig::default() };
        description.model = ModelConfig {
            chunk_frames: 2,
            filters: vec![2],
            pools: vec![[2, 4]],
            hidden: vec![],
            ..ModelConfig::default()
        };
        (description.mean, description.std) = (vec![0.5; 4], vec![0.25; 4]);
        let architecture = Architecture::new(&description.model, &description.features, description.classes.len());
        (architecture, description)
    }

    fn written(architecture: &Architecture, parameters: &[f32], description: &Description) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.safetensors");
        write_model(&path, architecture, parameters, description).unwrap();
        std::fs::read(path).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<(Vec<f32>, Description), String> {
        model_from_bytes(Path::new("best"), bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_comes_back_as_it_was() {
        let architecture = Architecture::new(&ModelConfig::default(), &FeatureConfig::default(), 3);
        let parameters = initial_parameters(&architecture, 7);
        let bytes = written(&architecture, &parameters, &description());
        assert_eq!(read(&bytes).unwrap(), (parameters, description()));
    }

    #[test]
    fn a_model_with_a_flipped_bit_is_refused_or_is_the_same() {
        let (architecture, description) = small();
        let parameters = initial_parameters(&architecture, 7);
        let bytes = written(&architecture, &parameters, &description);
        let mut accepted = 0;
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            if let Ok(model) = read(&damaged) {
                assert_eq!(model, (parameters.clone(), description.clone()), "byte {at}");
                accepted += 1;
            }
        }
        // Only a flip in one of the letters of the checksum's key is accepted.
        assert!(accepted <= CHECKSUM.len(), "{accepted} damaged files were taken");
    }

    #[test]
    fn a_model_without_a_checksum_is_taken() {
        let (architecture, description) = small();
        let parameters = initial_parameters(&architecture, 7);
        let bytes = written(&architecture, &parameters, &description);
        // Another program leaves the key out; here it is renamed.
        let text = format!("\"{CHECKSUM}\"");
        let at = bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
        let mut without = bytes.clone();
        without[at + 1] = b'x';
        assert_eq!(read(&without).unwrap(), (parameters, description));
    }

    #[test]
    fn parameters_that_are_not_finite_are_refused() {
        let (architecture, description) = small();
        for value in [f32::NAN, f32::NEG_INFINITY] {
            let mut parameters = initial_parameters(&architecture, 7);
            parameters[architecture.parameters()[1].first] = value;
            let message = read(&written(&architecture, &parameters, &description)).unwrap_err();
            assert!(message.contains("'cnn.conv0.bias' holds") && message.contains(&value.to_string()), "{message}");
        }
    }

    #[test]
    fn tensors_and_metadata_that_do_not_fit_are_refused_before_anything_is_allocated() {
        let (architecture, description) = small();
        let parameters = initial_parameters(&architecture, 7);
        let refusal = |change: fn(&mut Description)| {
            let mut changed = description.clone();
            change(&mut changed);
            read(&written(&architecture, &parameters, &changed)).unwrap_err()
        };
        // 2^32 weights in the first layer of G alone.
        let message = refusal(|d| (d.model.filters, d.model.hidden) = (vec![65_536], vec![65_536]));
        assert!(message.contains("model.hidden is too large") && message.contains("has room for"), "{message}");
        let message = refusal(|d| (d.model.filters, d.model.pools) = (vec![65_536; 10], vec![[1, 1]; 10]));
        assert!(message.contains("model.filters is too large"), "{message}");
        let message = refusal(|d| {
            d.classes.truncate(2);
            d.thresholds = None;
        });
        assert!(message.contains("'fc.linear0.weight' is F32 [3, 2], expected F32 [2, 2]"), "{message}");
        let message = refusal(|d| d.model.kernel = 1);
        assert!(message.contains("'cnn.conv0.weight'"), "{message}");
        let (other, _) = small();
        let more = Architecture { hidden: vec![3], ..other };
        let values = initial_parameters(&more, 7);
        let message = read(&written(&more, &values, &description)).unwrap_err();
        assert!(message.contains("fc.linear"), "{message}");
    }

    #[test]
    fn thresholds_are_of_every_class_between_0_and_1_or_absent() {
        let (architecture, description) = small();
        let parameters = initial_parameters(&architecture, 7);
        let with = |thresholds: Option<Vec<f64>>| {
            let changed = Description { thresholds, ..description.clone() };
            read(&written(&architecture, &parameters, &changed))
        };
        let (_, back) = with(Some(vec![0.0, 0.25, 1.0])).unwrap();
        assert_eq!(back.thresholds, Some(vec![0.0, 0.25, 1.0]));
        assert_eq!(with(None).unwrap().1.thresholds, None);
        for (thresholds, words) in [
            (vec![0.5; 2], "2 'thresholds' for 3 classes"),
            (vec![0.5, 1.5, 0.5], "class 1 is 1.5, not between 0 and 1"),
            (vec![-0.1, 0.5, 0.5], "class 0 is -0.1"),
            // JSON has no NaN.
            (vec![f64::NAN, 0.5, 0.5], "cannot be read"),
        ] {
            let message = with(Some(thresholds)).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("best.safetensors");
        std::fs::write(&path, b"not a checkpoint at all").unwrap();
        let error = read_model(&path).unwrap_err();
        assert!(error.to_string().contains("best.safetensors") && error.exit_code() == 3, "{error}");
        let bytes = to_bytes(&path, vec![("x", vec![2], &[1.0, 2.0])], HashMap::new()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        assert!(read_model(&path).unwrap_err().to_string().contains("'weaklabel'"));
        assert!(read_training_state(&path).unwrap_err().to_string().contains("'stage'"));
    }
}
