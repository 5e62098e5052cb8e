//! Validation of the value of every key. An error names the key, the allowed values and the value found.

use std::collections::HashSet;
use std::fmt::Debug;
use std::path::Path;

use super::quoted::quoted;
use super::{
    Config, Crop, DataConfig, EvaluateConfig, FeatureConfig, Method, ModelConfig, OptimiserConfig, PrototypeConfig,
    SceneConfig, SearchConfig, StudyConfig, TableConfig, TaggerConfig, TrainConfig, TripletConfig,
};
use crate::base::printable::counted;
use crate::{Error, Result};

/// Largest number of clips in a subset, which generation counts in 32 bits.
const MAX_CLIPS: usize = 10_000_000;
/// Longest clip and segment, in seconds.
const MAX_SECONDS: f64 = 3600.0;
/// Number of frames from which a random crop cannot choose its start any more: the kernel draws 16 bits.
const MOST_CROPPED_FRAMES: usize = 1 << 16;
/// Largest number of events in a clip.
const MAX_EVENTS: usize = 100;
/// Sample rates that audio files may have.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;
/// Largest number of seeds of a training, or of a cell of a study.
const MAX_SEEDS: usize = 1024;
/// Largest number of values in a list of distinct values, and of cells with their own settings.
const MAX_VALUES: usize = 100;
/// Largest number of epochs of any training.
const MAX_EPOCHS: usize = 1_000_000;
/// Largest number of trials of a search, all of which are drawn and checked before any is trained.
const MAX_TRIALS: usize = 10_000;
/// Widest layer of a network.
const MAX_WIDTH: usize = 65_536;
/// Largest number of hidden layers of the classifier.
const MAX_HIDDEN: usize = 4;
/// Largest number of layers of a network, convolutional and linear, which dropout's counter distinguishes by four bits.
const MAX_LAYERS: usize = 16;

/// Checks every value of `config`, alone and in combination with others.
///
/// # Errors
/// [`Error::Config`] whose origin is the invalid key.
pub fn validate(config: &Config) -> Result<()> {
    data(&config.data)?;
    scene(&config.scene)?;
    features(&config.features)?;
    model(&config.model, &config.features)?;
    train(&config.train)?;
    triplets(&config.triplets)?;
    prototypes(&config.prototypes, &config.train)?;
    tagger(&config.tagger)?;
    optimiser(&config.optimiser)?;
    evaluate(&config.evaluate)?;
    study(&config.study)?;
    search(&config.search)?;
    segment("train.seconds", config.train.seconds, config)?;
    crop(config)?;
    config.evaluate.seconds.iter().try_for_each(|&s| segment("evaluate.seconds", s, config))
}

/// Checks the configuration stored in a trained model: features and layers.
///
/// # Errors
/// The errors of [`validate`].
pub fn validate_model(of_features: &FeatureConfig, of_layers: &ModelConfig) -> Result<()> {
    features(of_features)?;
    model(of_layers, of_features)
}

fn require(holds: bool, key: &str, allowed: &str, found: impl Debug) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::config(key, format!("must be {allowed}, not {}", quoted(&format!("{found:?}")))))
    }
}

fn count(key: &str, value: usize, most: usize) -> Result<()> {
    require((1..=most).contains(&value), key, &format!("between 1 and {most}"), value)
}

fn data(c: &DataConfig) -> Result<()> {
    let paths = [
        ("data.dataset", "a folder or a table", &c.dataset),
        ("data.soundbank", "a folder", &c.soundbank),
        ("data.cooccurrence", "a file", &c.cooccurrence),
    ];
    for (key, kind, path) in paths {
        if let Some(path) = path {
            require(path != Path::new(""), key, kind, "")?;
            require(path.to_str().is_some(), key, "a path in UTF-8", path)?;
        }
    }
    count("data.train", c.train, MAX_CLIPS)?;
    count("data.validation", c.validation, MAX_CLIPS)?;
    count("data.eval", c.eval, MAX_CLIPS)?;
    c.fold.map_or(Ok(()), |fold| require(i64::try_from(fold).is_ok(), "data.fold", "the number of a fold", fold))?;
    table(&c.table)?;
    seed("data.seed", c.seed)
}

fn table(c: &TableConfig) -> Result<()> {
    for (key, name) in [("data.table.file", &c.file), ("data.table.labels", &c.labels)] {
        let named = name.as_deref().is_none_or(|name| !name.trim().is_empty());
        require(named, key, "the name of a column", name.as_deref().unwrap_or_default())?;
    }
    let delimiter = c.delimiter.as_deref().unwrap_or("\t");
    let is_one = delimiter.len() == 1 && !["\"", "\r", "\n"].contains(&delimiter);
    require(is_one, "data.table.delimiter", "one ASCII character other than a quote", delimiter)?;
    let columns = [
        ("data.table.onset", &c.onset),
        ("data.table.offset", &c.offset),
        ("data.table.separator", &c.separator),
        ("data.table.split", &c.split),
        ("data.table.fold", &c.fold),
        ("data.table.group", &c.group),
    ];
    for (key, name) in columns {
        let one_line = !name.as_deref().is_some_and(|name| name.contains(['\r', '\n']));
        require(one_line, key, "text of one line", name.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

/// Checks that a seed fits into a TOML integer, which has 63 bits. A larger seed could not be read back from the run's
/// configuration.
fn seed(key: &str, value: u64) -> Result<()> {
    require(i64::try_from(value).is_ok(), key, "at most 2^63 - 1", value)
}

fn scene(c: &SceneConfig) -> Result<()> {
    require(c.clip_s > 0.0 && c.clip_s <= MAX_SECONDS, "scene.clip_s", "above 0 and at most 3600 seconds", c.clip_s)?;
    require(RATES.contains(&c.rate), "scene.rate", "between 1000 and 768000 Hz", c.rate)?;
    let [least, most] = c.events;
    require(
        1 <= least && least <= most && most <= MAX_EVENTS,
        "scene.events",
        &format!("[least, most] between 1 and {MAX_EVENTS}"),
        c.events,
    )?;
    let [low, high] = c.snr_db;
    require(
        -100.0 <= low && low <= high && high <= 100.0,
        "scene.snr_db",
        "[low, high] within -100 to 100 dB",
        c.snr_db,
    )?;
    let lufs = -120.0..=0.0;
    require(lufs.contains(&c.background_lufs), "scene.background_lufs", "between -120 and 0 LUFS", c.background_lufs)?;
    require(
        lufs.contains(&c.loudness_floor_lufs),
        "scene.loudness_floor_lufs",
        "between -120 and 0 LUFS",
        c.loudness_floor_lufs,
    )?;
    // BS.1770 is undefined for signals shorter than one gating block.
    require(
        (0.4..=MAX_SECONDS).contains(&c.loudness_min_s),
        "scene.loudness_min_s",
        "at least 0.4 seconds, one gating block of BS.1770",
        c.loudness_min_s,
    )?;
    require(
        (0.0..=c.clip_s / 2.0).contains(&c.fade_s),
        "scene.fade_s",
        "between 0 and half of scene.clip_s",
        c.fade_s,
    )?;
    require(
        (0.0..=c.clip_s).contains(&c.onset_margin_s),
        "scene.onset_margin_s",
        "between 0 and scene.clip_s",
        c.onset_margin_s,
    )?;
    require(
        c.short_event_s > 0.0 && c.short_event_s <= c.clip_s,
        "scene.short_event_s",
        "above 0 and at most scene.clip_s",
        c.short_event_s,
    )?;
    require(c.peak > 0.0 && c.peak <= 1.0, "scene.peak", "above 0 and at most 1", c.peak)?;
    require(c.holdout > 0.0 && c.holdout < 1.0, "scene.holdout", "above 0 and below 1", c.holdout)
}

fn features(c: &FeatureConfig) -> Result<()> {
    require(RATES.contains(&c.rate), "features.rate", "between 1000 and 768000 Hz", c.rate)?;
    require(
        c.fft.is_power_of_two() && (32..=4096).contains(&c.fft),
        "features.fft",
        "a power of two between 32 and 4096",
        c.fft,
    )?;
    require(
        (2..=c.fft).contains(&c.window),
        "features.window",
        &format!("between 2 and features.fft ({})", c.fft),
        c.window,
    )?;
    require((1..=c.fft).contains(&c.hop), "features.hop", &format!("between 1 and features.fft ({})", c.fft), c.hop)?;
    require(
        (1..=c.fft / 2).contains(&c.bands),
        "features.bands",
        &format!("between 1 and half of features.fft ({})", c.fft / 2),
        c.bands,
    )?;
    let nyquist = f64::from(c.rate) / 2.0;
    require(
        c.high_hz > 0.0 && c.high_hz <= nyquist,
        "features.high_hz",
        &format!("above 0 and at most half of features.rate ({nyquist} Hz)"),
        c.high_hz,
    )?;
    require(
        c.low_hz >= 0.0 && c.low_hz < c.high_hz,
        "features.low_hz",
        &format!("at least 0 and below features.high_hz ({} Hz)", c.high_hz),
        c.low_hz,
    )?;
    positive("features.log_offset", c.log_offset)?;
    positive("features.epsilon", c.epsilon)
}

/// Checks that a value is above 0 and finite, also after rounding to the single precision of the GPU.
fn positive(key: &str, value: f64) -> Result<()> {
    let single = value as f32;
    require(single >= f32::MIN_POSITIVE && single.is_finite(), key, "between 1.2e-38 and 3.4e38", value)
}

fn model(c: &ModelConfig, features: &FeatureConfig) -> Result<()> {
    count("model.chunk_frames", c.chunk_frames, MAX_WIDTH)?;
    require(!c.filters.is_empty(), "model.filters", "one number of channels per convolution", &c.filters)?;
    require(
        c.filters.iter().all(|n| (1..=MAX_WIDTH).contains(n)),
        "model.filters",
        &format!("between 1 and {MAX_WIDTH} each"),
        &c.filters,
    )?;
    require(c.hidden.len() <= MAX_HIDDEN, "model.hidden", &format!("at most {MAX_HIDDEN} hidden layers"), &c.hidden)?;
    require(
        c.hidden.iter().all(|n| (1..=MAX_WIDTH).contains(n)),
        "model.hidden",
        &format!("between 1 and {MAX_WIDTH} each"),
        &c.hidden,
    )?;
    let most = MAX_LAYERS - 1 - c.hidden.len();
    require(
        c.filters.len() <= most,
        "model.filters",
        &format!(
            "at most {most} convolutions beside model.hidden = {:?} and the last layer: {MAX_LAYERS} in all",
            c.hidden
        ),
        c.filters.len(),
    )?;
    // The kernels load features in groups of four values.
    require(
        (c.chunk_frames * features.bands).is_multiple_of(4),
        "model.chunk_frames",
        "such that it and features.bands have a product divisible by 4",
        c.chunk_frames,
    )?;
    require(c.kernel % 2 == 1 && c.kernel <= 31, "model.kernel", "odd and between 1 and 31", c.kernel)?;
    require(
        c.pools.len() == c.filters.len(),
        "model.pools",
        &format!("one [time, mel] pair for each of the {} model.filters", c.filters.len()),
        &c.pools,
    )?;
    pools(c, features.bands)?;
    require((0.0..=1.0).contains(&c.slope), "model.slope", "between 0 and 1", c.slope)?;
    require((0.0..1.0).contains(&c.dropout), "model.dropout", "at least 0 and below 1", c.dropout)
}

/// Checks that pools divide their inputs without a remainder. Otherwise the last frames or bands would be dropped
/// silently.
fn pools(c: &ModelConfig, bands: usize) -> Result<()> {
    let (mut frames, mut mels) = (c.chunk_frames, bands);
    for (layer, &[time, mel]) in c.pools.iter().enumerate() {
        let fits = time > 0 && mel > 0 && frames.is_multiple_of(time) && mels.is_multiple_of(mel);
        if !fits {
            let reason = format!(
                "the {time}×{mel} pool of conv{layer} does not divide its {frames}×{mels} (time × mel) input, which \
                 comes from model.chunk_frames = {} and features.bands = {bands}",
                c.chunk_frames
            );
            return Err(Error::config("model.pools", reason));
        }
        // The backward pass stores the pool argmax, a position in its window, in eight bits.
        require(time * mel <= 256, "model.pools", "windows of at most 256 positions", [time, mel])?;
        (frames, mels) = (frames / time, mels / mel);
    }
    Ok(())
}

fn train(c: &TrainConfig) -> Result<()> {
    c.epochs.map_or(Ok(()), |epochs| count("train.epochs", epochs, MAX_EPOCHS))?;
    count("train.batch", c.batch, MAX_WIDTH)?;
    let share = |share| require((0.0..1.0).contains(&share), "train.negatives", "at least 0 and below 1", share);
    c.negatives.map_or(Ok(()), share)?;
    if let Some(path) = &c.init {
        require(path != Path::new(""), "train.init", "a model or a run folder", "")?;
        require(path.to_str().is_some(), "train.init", "a path in UTF-8", path)?;
    }
    seeds("train.seeds", &c.seeds)?;
    let enough = c.memory.is_none_or(|memory| memory.0 > 0);
    require(enough, "train.memory", "above 0 bytes", "0")?;
    require(
        c.checkpoint_s >= 0.0 && c.checkpoint_s.is_finite(),
        "train.checkpoint_s",
        "0 or more seconds",
        c.checkpoint_s,
    )
}

/// Seeds of models that are trained together.
fn seeds(key: &str, seeds: &[u64]) -> Result<()> {
    let n = seeds.len();
    require((1..=MAX_SEEDS).contains(&n), key, &format!("at least one seed and at most {MAX_SEEDS}"), n)?;
    seeds.iter().try_for_each(|&s| seed(key, s))?;
    let mut known = HashSet::new();
    match seeds.iter().find(|seed| !known.insert(**seed)) {
        Some(seed) => Err(Error::config(key, format!("must differ from each other, and {seed} is there twice"))),
        None => Ok(()),
    }
}

fn triplets(c: &TripletConfig) -> Result<()> {
    require(c.margin >= 0.0 && c.margin <= 1e6, "triplets.margin", "between 0 and 1e6", c.margin)
}

fn prototypes(c: &PrototypeConfig, train: &TrainConfig) -> Result<()> {
    count("prototypes.support", c.support, MAX_WIDTH)?;
    let Some(way) = c.way else { return Ok(()) };
    require((2..=MAX_WIDTH).contains(&way), "prototypes.way", "at least 2 classes", way)?;
    let divides = train.method != Method::Prototypes || train.batch.is_multiple_of(way);
    require(divides, "prototypes.way", &format!("a divisor of train.batch, {} queries", train.batch), way)
}

fn tagger(c: &TaggerConfig) -> Result<()> {
    count("tagger.epochs", c.epochs, MAX_EPOCHS)?;
    count("tagger.batch", c.batch, MAX_WIDTH)?;
    positive("tagger.lr", c.lr)?;
    decay("tagger", c.lr, c.weight_decay)
}

/// Checks that lr·weight_decay is below 1. Each step multiplies a weight by 1 − lr·weight_decay, which would otherwise
/// change the weight's sign.
fn decay(section: &str, lr: f64, weight_decay: f64) -> Result<()> {
    require(
        weight_decay >= 0.0 && lr * weight_decay < 1.0,
        &format!("{section}.weight_decay"),
        &format!("at least 0, and its product with {section}.lr below 1"),
        weight_decay,
    )
}

fn optimiser(c: &OptimiserConfig) -> Result<()> {
    positive("optimiser.lr", c.lr)?;
    require((0.0..1.0).contains(&c.beta1), "optimiser.beta1", "at least 0 and below 1", c.beta1)?;
    require((0.0..1.0).contains(&c.beta2), "optimiser.beta2", "at least 0 and below 1", c.beta2)?;
    positive("optimiser.epsilon", c.epsilon)?;
    decay("optimiser", c.lr, c.weight_decay)
}

fn evaluate(c: &EvaluateConfig) -> Result<()> {
    distinct("evaluate.seconds", &c.seconds)?;
    require(c.threshold > 0.0 && c.threshold < 1.0, "evaluate.threshold", "above 0 and below 1", c.threshold)
}

fn study(c: &StudyConfig) -> Result<()> {
    distinct("study.variants", &c.variants)?;
    distinct("study.methods", &c.methods)?;
    distinct("study.seconds", &c.seconds)?;
    require(!c.title.trim().is_empty(), "study.title", "a name", &c.title)?;
    // Whether a segment is a whole number of chunks is checked with the cells, so that it matters only to those who run
    // the study.
    let long = |&seconds: &f64| {
        require(seconds > 0.0 && seconds <= MAX_SECONDS, "study.seconds", "above 0 and at most 3600 seconds", seconds)
    };
    c.seconds.iter().try_for_each(long)?;
    seeds("study.seeds", &c.seeds)?;
    few("study.cell", c.cells.len())?;
    numbers("study.cell", &c.cells)?;
    c.cells.iter().try_for_each(|cell| few("study.cell.set", cell.set.len()))?;
    require(c.short_s > 0.0 && c.short_s <= MAX_SECONDS, "study.short_s", "above 0 and at most 3600 seconds", c.short_s)
}

/// Checks the settings of a search. The search itself checks the values that it draws.
fn search(c: &SearchConfig) -> Result<()> {
    require(!c.title.trim().is_empty(), "search.title", "a name", &c.title)?;
    count("search.trials", c.trials, MAX_TRIALS)?;
    require((2..=1000).contains(&c.eta), "search.eta", "between 2 and 1000", c.eta)?;
    count("search.minimum", c.minimum, MAX_EPOCHS)?;
    count("search.rungs", c.rungs, 20)?;
    count("search.together", c.together, 1024)?;
    seed("search.seed", c.seed)?;
    numbers("search.space", &c.space)?;
    rungs(c)
}

/// A trial must reach the last rung: each rung has `eta` times fewer trials than the one before and `eta` times their
/// epochs.
fn rungs(c: &SearchConfig) -> Result<()> {
    let (mut trials, mut epochs) = (c.trials, c.minimum);
    for reached in 1..c.rungs {
        (trials, epochs) = (trials / c.eta, epochs.saturating_mul(c.eta));
        let start = if trials == 0 {
            format!("{} with eta {} reach", counted(c.trials, "trial"), c.eta)
        } else if epochs > MAX_EPOCHS {
            format!("from {} with eta {}, {MAX_EPOCHS} epochs are enough for", counted(c.minimum, "epoch"), c.eta)
        } else {
            continue;
        };
        let needed = c.eta.checked_pow(c.rungs as u32 - 1).filter(|needed| *needed <= MAX_TRIALS && trials == 0);
        let more = needed.map(|needed| format!(", or search.trials={needed} or more")).unwrap_or_default();
        let reason = format!("{start} {}: set search.rungs={reached}{more}", counted(reached, "rung"));
        return Err(Error::config("search.rungs", reason));
    }
    Ok(())
}

/// Checks that `values` contain no NaN. Since NaN differs from itself, a study or search with one could never be
/// recognised as the one that was started.
fn numbers<T: PartialEq + Clone>(key: &str, values: &[T]) -> Result<()> {
    if values == values.to_vec() { Ok(()) } else { Err(Error::config(key, "holds nan, which is no number")) }
}

fn few(key: &str, values: usize) -> Result<()> {
    require(values <= MAX_VALUES, key, &format!("a list of at most {MAX_VALUES} values"), values)
}

/// Checks that there is at least one value, and no value twice.
fn distinct<T: PartialEq + Debug>(key: &str, values: &[T]) -> Result<()> {
    require(!values.is_empty(), key, "at least one value", values)?;
    few(key, values.len())?;
    match values.iter().enumerate().find(|(i, value)| values[..*i].contains(value)) {
        Some((_, value)) => Err(Error::config(key, format!("must differ, and {value:?} is there twice"))),
        None => Ok(()),
    }
}

/// Checks that a segment is a whole number of chunks long (SPEC §2).
/// Checks that clips from which random crops are taken hold a training segment.
fn crop(config: &Config) -> Result<()> {
    let TrainConfig { crop, clip_s, seconds, .. } = config.train;
    if crop != Crop::Random {
        return Ok(());
    }
    segment("train.clip_s", clip_s, config)?;
    let most = (MOST_CROPPED_FRAMES * config.features.hop) as f64 / f64::from(config.features.rate);
    require(seconds <= clip_s, "train.clip_s", "at least train.seconds with train.crop=random", clip_s)?;
    require(clip_s < most, "train.clip_s", &format!("below {most} seconds"), clip_s)
}

fn segment(key: &str, seconds: f64, config: &Config) -> Result<()> {
    require(seconds > 0.0 && seconds <= MAX_SECONDS, key, "above 0 and at most 3600 seconds", seconds)?;
    let (features, chunk) = (&config.features, config.model.chunk_frames);
    let frames = features.frames(seconds);
    if frames == 0 || !frames.is_multiple_of(chunk) {
        let chunk_s = (chunk * features.hop) as f64 / f64::from(features.rate);
        let reason = format!(
            "{seconds} s are {frames} frames, not a multiple of model.chunk_frames = {chunk}: use a multiple of {chunk_s} s"
        );
        return Err(Error::config(key, reason));
    }
    Ok(())
}
