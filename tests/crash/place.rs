//! Trainings, studies and searches that start in a fraction of a second and take a few seconds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use weaklabel::base::counter_rng::Key;
use weaklabel::data::audio::{Audio, write_wav16};
use weaklabel::data::scenes::annotation::{self, ClipEvents, Event};

use crate::support::program::weaklabel;

/// Sample rate in Hz, the same for clips and features, so that nothing is resampled.
const RATE: u32 = 8_000;
const CLIP_S: f64 = 0.4;
const CLASSES: [(&str, f64); 3] = [("low", 300.0), ("middle", 900.0), ("high", 2_500.0)];

/// A network with one convolution, which compiles in seconds, or from the driver's cache in a fraction of a second. A
/// checkpoint is written after every epoch.
const CONFIG: &str = r#"
[features]
rate = 8000
window = 128
fft = 128
hop = 80
bands = 8
high_hz = 3900.0

[model]
filters = [4]
pools = [[4, 4]]
hidden = [4]

[train]
seconds = 0.2
batch = 6
epochs = 30
checkpoint_s = 0.0

[tagger]
epochs = 20
batch = 6

[evaluate]
seconds = [0.2]

[study]
variants = ["waa"]
seconds = [0.2]
seeds = 2

[search]
trials = 9
eta = 3
minimum = 8
rungs = 2
together = 2

[[search.space]]
name = "optimiser.lr"
log_uniform = [1e-4, 1e-1]
"#;

/// A folder with a configuration and a dataset.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(place.path("config.toml"), CONFIG).unwrap();
        for (subset, n_clips) in [("train", 12), ("validation", 6), ("eval", 6)] {
            place.clips(subset, n_clips);
        }
        place
    }

    /// Writes clips of a tone in noise.
    fn clips(&self, subset: &str, n_clips: usize) {
        let folder = self.path("set").join(subset);
        std::fs::create_dir_all(&folder).unwrap();
        let mut clips = Vec::new();
        for number in 0..n_clips {
            let (label, hz) = CLASSES[number % CLASSES.len()];
            let mut random = Key::new(number as u64).named(subset).stream();
            let hz = hz * random.uniform(0.9, 1.1);
            let sample = |n: usize| {
                let time = n as f64 / f64::from(RATE);
                let tone = if time > 0.1 { (std::f64::consts::TAU * hz * time).sin() } else { 0.0 };
                (tone * 0.2 + random.normal() * 0.02) as f32
            };
            let samples = (0..(CLIP_S * f64::from(RATE)) as usize).map(sample).collect();
            let filename = format!("{number}.wav");
            write_wav16(&folder.join(&filename), &Audio { rate: RATE, samples }).unwrap();
            let event = Event { onset_s: 0.1, offset_s: Some(CLIP_S), label: label.into() };
            clips.push(ClipEvents { filename, line: 0, events: vec![(0, event)] });
        }
        annotation::write(&self.path("set").join(format!("{subset}.tsv")), &clips).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the command `weaklabel COMMAND ARGS…` without the environment's settings for the program.
    pub fn weaklabel(&self, command: &str, args: &[&str]) -> Command {
        let mut whole = weaklabel(&[command, "--progress", "none"]);
        whole.args(args).env("WEAKLABEL_CACHE", self.path("no cache")).stdout(Stdio::null());
        whole
    }

    /// Returns a command that starts a run in the folder `out`.
    fn begin(&self, command: &str, out: &Path, args: &[&str]) -> Command {
        let mut whole = self.weaklabel(command, args);
        whole.arg("-c").arg(self.path("config.toml")).arg("--dataset").arg(self.path("set")).arg("-o").arg(out);
        whole
    }

    /// Returns a command that starts the training in `run`, or resumes it if it exists.
    pub fn train(&self, run: &Path, method: &str) -> Command {
        if run.join("config.toml").is_file() {
            return self.resume(run);
        }
        self.begin("train", run, &["--method", method, "--set", "train.epochs=60"])
    }

    /// Returns a command that resumes the training in `run`.
    pub fn resume(&self, run: &Path) -> Command {
        let mut command = self.weaklabel("train", &["--resume", "-o"]);
        command.arg(run);
        command
    }

    /// Returns a command that evaluates the training in `run`.
    pub fn eval(&self, run: &Path) -> Command {
        let mut command = self.weaklabel("eval", &["--seconds", "0.2"]);
        command.arg(run);
        command
    }

    /// Returns a command that starts or resumes the study in `folder`.
    pub fn reproduce(&self, folder: &Path) -> Command {
        self.begin("reproduce", folder, &[])
    }

    /// Returns a command that starts or resumes the search in `folder`, with leases of one second.
    pub fn search(&self, folder: &Path) -> Command {
        self.begin("search", folder, &["--lease", "1s"])
    }

    /// Returns a worker for `store`, which is passed in the environment to keep its password out of the arguments.
    pub fn worker(&self, store: &str) -> Command {
        let mut command = self.weaklabel("worker", &["--lease", "1s"]);
        command.env("WEAKLABEL_STORE", store);
        command
    }
}
