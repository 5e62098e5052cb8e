//! Memory: nothing is allocated while training, nothing leaks, and the estimate of a dry run is right.

use std::process::Stdio;
use std::time::Duration;

use weaklabel::Result;
use weaklabel::config::{Config, Method};
use weaklabel::data::scenes::{Dataset, Subset};
use weaklabel::evaluate::SegmentSource;
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::model::Tiles;
use weaklabel::model::checkpoint::TrainingState;
use weaklabel::train::{EpochReport, Observer, PlannedData, Trainer, TrainingData, Unwatched, memory_estimate};

use crate::support::training::{dataset, train_command};

/// Loads training and validation segments of 0.2 s, standardised.
fn data(gpu: &Gpu, config: &Config, dataset: &Dataset) -> TrainingData {
    TrainingData::load(gpu, config, dataset, &dataset.contents().unwrap(), &|_, _| {}).unwrap()
}

/// An observer that counts checkpoints and records the number of buffers after every epoch.
struct Counter<'a> {
    gpu: &'a Gpu,
    buffers: Vec<usize>,
    checkpoints: usize,
}

impl Observer for Counter<'_> {
    fn should_continue(&mut self, _: u64) -> bool {
        true
    }

    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        assert_eq!(reports.len(), 2);
        self.buffers.push(self.gpu.buffers_made());
        Ok(())
    }

    fn checkpoint(&mut self, _: &TrainingState) -> Result<()> {
        self.checkpoints += 1;
        Ok(())
    }
}

#[test]
fn no_buffer_is_made_while_training() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let mut config = Config::default();
    config.model.filters = vec![16, 32];
    config.model.pools = vec![[4, 4], [5, 8]];
    (config.train.seconds, config.train.epochs, config.train.seeds, config.train.checkpoint_s) =
        (0.2, Some(5), vec![1, 2], 0.0);
    let dataset = Dataset::open(dataset(), &config).unwrap();
    let data = data(&gpu, &config, &dataset);
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &config, &data).unwrap();
    let before = gpu.buffers_made();
    let mut counter = Counter { gpu: &gpu, buffers: Vec::new(), checkpoints: 0 };
    assert!(trainer.run(&mut counter).unwrap());
    assert_eq!(counter.buffers, [before; 5]);
    assert!(counter.checkpoints > 2, "{} checkpoints", counter.checkpoints);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "slow"]
fn memory_does_not_grow_over_a_thousand_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut command = train_command(&run, ("classifier", 1000), "5");
    command.args(["--set", "train.min_epochs=1000", "--set", "train.batch=40"]);
    let said = folder.path().join("train.log");
    let mut child = command.stdout(Stdio::null()).stderr(std::fs::File::create(&said).unwrap()).spawn().unwrap();
    let mut resident = Vec::new();
    while child.try_wait().unwrap().is_none() {
        let epochs = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count();
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")?.trim().parse().ok());
        if let Some(kib) = kib.filter(|_| (50..1000).contains(&epochs)) {
            resident.push((epochs, kib));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}: {}", std::fs::read_to_string(&said).unwrap());
    let (first, last): ((usize, i64), (usize, i64)) = (resident[0], resident[resident.len() - 1]);
    assert!(last.0 - first.0 > 500, "{resident:?}");
    // A leak of two kilobytes per epoch would exceed the limit.
    assert!(last.1 - first.1 < 1024, "{} KiB after {} epochs, {} after {}", first.1, first.0, last.1, last.0);
}

#[test]
fn a_training_takes_the_memory_that_was_found_on_paper() {
    let mut config = Config::default();
    config.model.filters = vec![16, 32];
    config.model.pools = vec![[4, 4], [5, 8]];
    (config.train.method, config.train.seconds, config.train.epochs, config.tagger.epochs) =
        (Method::Triplets, 0.2, Some(2), 2);
    let dataset = Dataset::open(dataset(), &config).unwrap();
    let source = SegmentSource { dataset: &dataset, subset: Subset::Train, seconds: &[0.2] };
    let labels = source.labels().unwrap().swap_remove(0);
    let paper = Gpu::dry_run(&AdapterChoice::default()).unwrap();
    let planned =
        PlannedData { classes: dataset.classes(), train: &labels, validation: dataset.len(Subset::Validation) };
    let needed = memory_estimate(&paper, &Tiles::default(), &config, &planned).unwrap();

    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let data = data(&gpu, &config, &dataset);
    let mut trainer = Trainer::new(&gpu, &Tiles::default(), &config, &data).unwrap();
    assert_eq!(trainer.total_steps(), needed.steps);
    assert!(trainer.run(&mut Unwatched).unwrap());
    let ratio = needed.bytes as f64 / gpu.peak_bytes() as f64;
    assert!((ratio - 1.0).abs() < 0.05, "{} bytes on paper, {} in use", needed.bytes, gpu.peak_bytes());
}
