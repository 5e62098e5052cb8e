//! The cells of a study: every combination of dataset, method and training length, each with its own configuration.

use std::fmt;

use crate::config::{Config, Crop, Method, Variant, edit, seconds, validate};
use crate::{Error, Result};

/// One cell of the tables: a dataset, a method and a training length.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Variant of the dataset.
    pub variant: Variant,
    /// The method.
    pub method: Method,
    /// Length of the training segments in seconds.
    pub seconds: f64,
    /// The configuration of its training.
    pub config: Config,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}s", self.variant.name(), self.method.name(), self.seconds)
    }
}

impl Cell {
    /// Returns the number of frames that pass through E in one step, summed over the seeds.
    pub fn frames_per_step(&self, classes: usize) -> u64 {
        let segments = match self.method {
            Method::Classifier => self.config.train.batch,
            Method::Triplets => 3 * self.config.train.batch,
            Method::Prototypes => {
                let way = self.config.prototypes.way.unwrap_or(classes);
                self.config.train.batch + way * self.config.prototypes.support
            }
        };
        (segments * self.config.features.frames(self.seconds) * self.config.train.seeds.len()) as u64
    }
}

/// Returns all cells of the study of `config`. Cells of one dataset and training length are adjacent, because they
/// share features.
///
/// # Errors
/// [`Error::Config`] naming the `study.cell` whose edits do not fit, or if one folder is to serve as two datasets.
pub fn cells(config: &Config) -> Result<Vec<Cell>> {
    let study = &config.study;
    if config.data.dataset.is_some() && study.variants.len() > 1 {
        let reason = "data.dataset is one dataset: say which, for example --set 'study.variants=[\"waa\"]'";
        return Err(Error::config("study.variants", reason));
    }
    let mut cells = Vec::new();
    for &variant in &study.variants {
        for &seconds in &study.seconds {
            for &method in &study.methods {
                let mut cell = config.clone();
                cell.data.variant = variant;
                (cell.train.method, cell.train.seconds) = (method, seconds);
                cell.train.seeds.clone_from(&study.seeds);
                validate(&cell).map_err(of_study)?;
                let matching = study.cells.iter().filter(|other| {
                    other.variant.is_none_or(|v| v == variant)
                        && other.method.is_none_or(|m| m == method)
                        && other.seconds.is_none_or(|s| s == seconds)
                });
                let edits: Vec<String> = matching.flat_map(|other| other.set.clone()).collect();
                let shared = cell.clone();
                let cell = edit(&cell, "study.cell.set", &edits)?;
                only_training_differs(&shared, &cell)?;
                cell.starts_from_scratch("a study")?;
                if cell.train.crop != Crop::Event {
                    let reason = "a study compares segments around events: it must be event, which is the default";
                    return Err(Error::config("train.crop", reason));
                }
                cells.push(Cell { variant, method, seconds, config: cell });
            }
        }
    }
    Ok(cells)
}

/// Reports an error in a cell's training length as an error in `study.seconds`, where the length comes from.
fn of_study(error: Error) -> Error {
    match error {
        Error::Config { origin, reason } if origin == "train.seconds" => Error::config("study.seconds", reason),
        other => other,
    }
}

/// Checks that a cell differs in keys of training only, because cells are compared with each other.
fn only_training_differs(shared: &Config, cell: &Config) -> Result<()> {
    let expected = Config {
        train: crate::config::TrainConfig {
            method: shared.train.method,
            seconds: shared.train.seconds,
            seeds: shared.train.seeds.clone(),
            ..cell.train.clone()
        },
        triplets: cell.triplets.clone(),
        prototypes: cell.prototypes.clone(),
        tagger: cell.tagger.clone(),
        optimiser: cell.optimiser.clone(),
        ..shared.clone()
    };
    if expected == *cell {
        return Ok(());
    }
    let reason = "the cells of a study may differ in [train] (but not in method, seconds and seeds), [triplets], \
                  [prototypes], [tagger] and [optimiser] only";
    Err(Error::config("study.cell.set", reason))
}

/// A selection of cells: `key=value` conditions on `variant`, `method` and `train`. Values of one key are alternatives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Only {
    conditions: Vec<(String, String)>,
}

impl std::str::FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let condition = |part: &str| {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("'{part}' is not KEY=VALUE"))?;
            match key {
                "variant" | "method" => Ok((key.to_owned(), value.to_owned())),
                "train" => match seconds(value) {
                    Ok(seconds) => Ok((key.to_owned(), seconds.to_string())),
                    Err(reason) => Err(format!("'{value}' is no training length: {reason}")),
                },
                _ => Err(format!("'{key}' is not one of variant, method, train")),
            }
        };
        Ok(Self { conditions: text.split(',').map(condition).collect::<Result<_, _>>()? })
    }
}

impl Only {
    /// Returns whether `cell` is selected.
    pub fn matches(&self, cell: &Cell) -> bool {
        let values = [
            ("variant", cell.variant.name().to_owned()),
            ("method", cell.method.name().to_owned()),
            ("train", cell.seconds.to_string()),
        ];
        values.iter().all(|(key, value)| {
            let mut wanted = self.conditions.iter().filter(|(k, _)| k == key).peekable();
            wanted.peek().is_none() || wanted.any(|(_, v)| v == value)
        })
    }
}

/// Reduces a study to a smaller one of the same shape: a fifth of the clips, balanced over `classes`, two seeds, and at
/// most 15 epochs (60 for the tagger).
pub fn fast(config: &mut Config, classes: usize) {
    for clips in [&mut config.data.train, &mut config.data.validation, &mut config.data.eval] {
        *clips = (*clips / 5).max(1).next_multiple_of(classes);
    }
    config.study.seeds.truncate(2);
    config.train.epochs = Some(config.train.epochs.unwrap_or(15).min(15));
    config.tagger.epochs = config.tagger.epochs.min(60);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CellConfig;

    fn names(cells: &[Cell]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_default_study_is_the_paper_s_grid_with_shared_features_side_by_side() {
        let cells = cells(&Config::default()).unwrap();
        assert_eq!(cells.len(), 18);
        assert_eq!(
            names(&cells)[..4],
            ["200ms-classifier-0.2s", "200ms-triplets-0.2s", "200ms-prototypes-0.2s", "200ms-classifier-1s"]
        );
        assert_eq!(cells[17].config.train.seeds, [1, 2, 3, 4, 5]);
        assert_eq!((cells[17].config.data.variant, cells[17].config.train.seconds), (Variant::Waa, 10.0));
    }

    #[test]
    fn what_is_no_study_is_refused_by_name() {
        let mut config = Config::default();
        config.study.seconds = vec![0.25];
        let message = cells(&config).unwrap_err().to_string();
        assert!(message.starts_with("study.seconds") && message.contains("chunk_frames"), "{message}");
        let mut config = Config::default();
        config.data.dataset = Some("set".into());
        let message = cells(&config).unwrap_err().to_string();
        assert!(message.starts_with("study.variants") && message.contains("one dataset"), "{message}");
        config.study.variants = vec![Variant::Waa];
        assert_eq!(cells(&config).unwrap().len(), 9);
    }

    #[test]
    fn cells_take_the_edits_that_match_them() {
        let mut config = Config::default();
        config.study.cells = vec![
            CellConfig { seconds: Some(10.0), set: vec!["train.epochs=7".into()], ..CellConfig::default() },
            CellConfig {
                method: Some(Method::Triplets),
                set: vec!["triplets.margin=0.1".into()],
                ..CellConfig::default()
            },
        ];
        for cell in cells(&config).unwrap() {
            assert_eq!(cell.config.train.epochs, (cell.seconds == 10.0).then_some(7), "{cell}");
            assert_eq!(cell.config.triplets.margin == 0.1, cell.method == Method::Triplets, "{cell}");
        }
        for edit in ["train.seconds=1", "data.train=10", "features.bands=32", "train.seeds=[3]"] {
            config.study.cells = vec![CellConfig { set: vec![edit.into()], ..CellConfig::default() }];
            let error = cells(&config).unwrap_err().to_string();
            assert!(error.contains("study.cell.set"), "{edit}: {error}");
        }
    }

    #[test]
    fn only_selects_by_any_of_the_values_of_each_key() {
        let all = cells(&Config::default()).unwrap();
        let selected = |text: &str| {
            let only: Only = text.parse().unwrap();
            names(&all.iter().filter(|cell| only.matches(cell)).cloned().collect::<Vec<_>>())
        };
        assert_eq!(selected("method=triplets,train=1.0,variant=waa"), ["waa-triplets-1s"]);
        assert_eq!(selected("method=triplets,method=classifier,train=0.2s,variant=200ms").len(), 2);
        for wrong in ["methods=triplets", "method", "train=long"] {
            assert!(wrong.parse::<Only>().is_err(), "{wrong}");
        }
    }
}
