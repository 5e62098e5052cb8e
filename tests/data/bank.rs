//! Small soundbanks in temporary folders, and readers of the datasets generated from them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use weaklabel::base::counter_rng::Key;
use weaklabel::config::{Config, SceneConfig};
use weaklabel::data::audio::{Audio, write_wav16};
use weaklabel::data::scenes::generate::{GenerateOptions, Generated, generate};
use weaklabel::{Error, Result};

/// Sample rate in Hz: low enough for quick tests, high enough for the loudness meter.
pub const RATE: u32 = 16_000;

/// A folder for a soundbank and for the datasets generated from it.
pub struct Bank {
    home: TempDir,
}

impl Bank {
    /// Makes a folder without sounds.
    pub fn empty() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// Makes a soundbank of the classes Cat, Dog and Tap with `n_train` training and two evaluation events each, and
    /// with three training backgrounds and one for evaluation.
    pub fn new(n_train: usize) -> Self {
        let bank = Self::empty();
        for class in ["Cat", "Dog", "Tap"] {
            for (subset, n) in [("train", n_train), ("eval", 2)] {
                for i in 0..n {
                    bank.event(subset, class, &format!("{i}"), 0.4 + 0.3 * i as f64);
                }
            }
        }
        for (subset, group, seconds) in [("train", "room", 11.0), ("train", "street", 4.0), ("eval", "room", 10.0)] {
            bank.background(subset, group, "a", seconds);
        }
        bank.background("train", "room", "b", 12.5);
        bank
    }

    pub fn root(&self) -> PathBuf {
        self.home.path().join("bank")
    }

    pub fn out(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn folder(&self, subset: &str, below: &str) -> PathBuf {
        self.root().join(subset).join("soundbank").join(below)
    }

    /// Writes an event: a burst of noise that differs for every name.
    pub fn event(&self, subset: &str, class: &str, name: &str, seconds: f64) -> PathBuf {
        let path = self.folder(subset, &format!("foreground/{class}/{name}.wav"));
        write(&path, &noise(path.to_str().unwrap(), seconds, 0.3));
        path
    }

    pub fn background(&self, subset: &str, group: &str, name: &str, seconds: f64) -> PathBuf {
        let path = self.folder(subset, &format!("background/{group}/{name}.wav"));
        write(&path, &noise(path.to_str().unwrap(), seconds, 0.02));
        path
    }

    /// Returns a configuration for 12 training, 6 validation and 6 evaluation clips from this soundbank.
    pub fn config(&self) -> Config {
        let mut config = Config { scene: SceneConfig { rate: RATE, ..SceneConfig::default() }, ..Config::default() };
        config.data.soundbank = Some(self.root());
        (config.data.train, config.data.validation, config.data.eval) = (12, 6, 6);
        config
    }

    pub fn generate(&self, config: &Config, name: &str, wav: bool) -> Result<Generated> {
        let out = self.out(name);
        generate(&GenerateOptions { config, out: &out, wav, force: false }, &|_, _| ())
    }
}

pub fn noise(name: &str, seconds: f64, amplitude: f64) -> Vec<f32> {
    let mut stream = Key::new(1).named(name).stream();
    (0..(seconds * f64::from(RATE)).round() as usize).map(|_| (amplitude * stream.uniform(-1.0, 1.0)) as f32).collect()
}

pub fn write(path: &Path, samples: &[f32]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_wav16(path, &Audio { rate: RATE, samples: samples.to_vec() }).unwrap();
}

/// Reads the rows of a table with a header, each as a map from column to value.
pub fn table(path: &Path) -> Vec<HashMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

pub fn number(row: &HashMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap()
}

/// Asserts that the message contains all of `words`.
pub fn assert_names(error: &Error, words: &[&str]) {
    let message = error.to_string();
    assert!(words.iter().all(|word| message.contains(word)), "{message:?} does not name all of {words:?}");
}
