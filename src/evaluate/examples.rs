//! A subset's segments of one length: features and targets on the GPU, labels on the host.

use std::sync::Mutex;

use crate::config::Config;
use crate::features::{ExampleStore, extract};
use crate::gpu::{Gpu, Recording, Tensor};
use crate::kernels::gather::Gather;
use crate::scenes::{Dataset, Subset};
use crate::{Error, Result};

/// Segments of one length on the GPU.
pub struct Examples {
    /// Log-mel features.
    pub store: ExampleStore,
    /// 0 or 1, `[example, class]`.
    pub targets: Tensor<f32>,
    /// Classes present in each example, ascending.
    pub labels: Vec<Vec<usize>>,
}

impl Examples {
    /// Examples from features that are on the GPU already.
    ///
    /// # Errors
    /// What making tensors may report.
    pub fn new(gpu: &Gpu, store: ExampleStore, labels: Vec<Vec<usize>>, classes: usize) -> Result<Self> {
        assert_eq!(store.len(), labels.len(), "one set of labels for each example");
        let mut targets = vec![0.0; labels.len() * classes];
        for (example, labels) in labels.iter().enumerate() {
            labels.iter().for_each(|label| targets[example * classes + label] = 1.0);
        }
        Ok(Self { store, targets: gpu.tensor_from("targets", &[labels.len(), classes], &targets)?, labels })
    }

    /// The log-mel features of one subset, cut to segments of `seconds`, not standardised yet.
    ///
    /// # Errors
    /// [`Error::Data`] when the subset is empty; what mixing, decoding and the device may report.
    pub fn load(
        gpu: &Gpu,
        config: &Config,
        dataset: &Dataset,
        subset: Subset,
        seconds: f64,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self> {
        let mut lengths = load_lengths(gpu, config, dataset, subset, &[seconds], progress)?;
        Ok(lengths.swap_remove(0))
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Pushes the copies of a batch's examples, one kernel for each shard of the store.
    pub fn push_gather(&self, recording: &mut Recording, batches: &Tensor<u32>, input: &Tensor<f32>) {
        for shard in self.store.shards() {
            recording.push(Gather {
                shard: shard.tensor.clone(),
                first: shard.first,
                count: shard.count,
                batches: batches.clone(),
                input: input.clone(),
            });
        }
    }
}

/// The same clips as segments of several lengths; each clip is mixed once. `progress` is called with the clips done.
///
/// # Errors
/// As [`Examples::load`].
pub fn load_lengths(
    gpu: &Gpu,
    config: &Config,
    dataset: &Dataset,
    subset: Subset,
    seconds: &[f64],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Examples>> {
    let count = dataset.len(subset);
    if count == 0 {
        return Err(Error::Config {
            origin: format!("data.{}", subset.name()),
            reason: format!("the dataset has no {} clips", subset.name()),
        });
    }
    // The longest segments are extracted while clips are mixed; the shorter ones wait on the host, a tenth of its size.
    let longest = (0..seconds.len()).max_by(|a, b| seconds[*a].total_cmp(&seconds[*b])).unwrap_or(0);
    let waiting: Vec<Mutex<Vec<Vec<f32>>>> = (0..count).map(|_| Mutex::default()).collect();
    let hold = |index: usize| waiting[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mix = |index: usize| {
        let mut segments = dataset.segments(subset, index, seconds)?;
        let chosen = std::mem::take(&mut segments[longest]);
        *hold(index) = segments;
        Ok(chosen)
    };
    let labels: Vec<Vec<usize>> = (0..count).map(|index| dataset.labels(subset, index).to_vec()).collect();
    let frames = |length: usize| config.features.frames(seconds[length]);
    let first = extract(gpu, &config.features, count, frames(longest), &mix, progress)?;
    let mut stores = vec![(longest, first)];
    for length in (0..seconds.len()).filter(|length| *length != longest) {
        let take = |index: usize| Ok(std::mem::take(&mut hold(index)[length]));
        stores.push((length, extract(gpu, &config.features, count, frames(length), &take, &|_| {})?));
    }
    stores.sort_by_key(|(length, _)| *length);
    let classes = dataset.classes().len();
    stores.into_iter().map(|(_, store)| Examples::new(gpu, store, labels.clone(), classes)).collect()
}
