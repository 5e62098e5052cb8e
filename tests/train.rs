//! Whole trainings through the command line: populations, resuming, signals, learning.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use weaklabel::Result;
use weaklabel::config::{Config, Method, Variant};
use weaklabel::evaluate::Examples;
use weaklabel::features::{standardise, statistics};
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::kernels::class_means::NO_CLASS;
use weaklabel::model::checkpoint::{Standing, read_model, read_standing};
use weaklabel::model::tiles::TileFile;
use weaklabel::scenes::generate::{Options, generate};
use weaklabel::scenes::{Dataset, Subset};
use weaklabel::train::{EpochReport, Observer, StageName, Trainer, needs};

/// A small network compiles in seconds; its second layer's weights fit a uniform binding alone and not four times over.
const SMALL: [&str; 12] = [
    "--set",
    "model.filters=[16, 32]",
    "--set",
    "model.pools=[[4, 4], [5, 8]]",
    "--set",
    "train.seconds=0.2",
    "--set",
    "train.checkpoint_s=0.0",
    "--set",
    "tagger.epochs=40",
    "--progress",
    "none",
];
/// Every method, with epochs of its first stage: few where a second one, of 40 epochs, follows.
const METHODS: [(&str, usize); 3] = [("classifier", 40), ("triplets", 6), ("prototypes", 6)];
/// What the parameters of one model take; the last layer has 330.
const ELEMENTS: usize = 16 * 10 + 32 * 145 + 65 * 32 + 332;

/// Forty training, ten validation and ten evaluation clips, made once.
fn dataset() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        (config.data.train, config.data.validation, config.data.eval) = (40, 10, 10);
        let options = Options { config: &config, out: &folder.path().join("set"), wav: true, force: false };
        generate(&options, &|_, _| {}).unwrap();
        folder
    });
    // The folder is a static, so its destructor never runs: the system's own cleaning has to take it.
    Box::leak(folder.path().join("set").into_boxed_path())
}

fn weaklabel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weaklabel"));
    command.env("WEAKLABEL_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("no cache"));
    command.args(args).stdin(Stdio::null());
    command
}

fn train_command(run: &Path, (method, epochs): (&str, usize), seeds: &str) -> Command {
    let epochs = format!("train.epochs={epochs}");
    let mut command = weaklabel(&["train", "--method", method, "--seed", seeds, "--set", &epochs]);
    command.args(SMALL).arg("--dataset").arg(dataset()).arg("-o").arg(run);
    command
}

fn succeed(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn standing(run: &Path, members: usize) -> Standing {
    read_standing(&run.join("checkpoints/last.safetensors"), members, ELEMENTS).unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_member_of_a_population_equals_the_same_seed_alone() {
    for (method, _) in METHODS {
        let folder = tempfile::tempdir().unwrap();
        let (all, one) = (folder.path().join("all"), folder.path().join("one"));
        succeed(train_command(&all, (method, 3), "1,2,3,4"));
        succeed(train_command(&one, (method, 3), "3"));
        let (population, _) = read_model(&all.join("checkpoints/best-3.safetensors")).unwrap();
        let (alone, _) = read_model(&one.join("checkpoints/best.safetensors")).unwrap();
        assert_eq!(bits(&population), bits(&alone), "{method}");
        let (all, one) = (standing(&all, 4), standing(&one, 1));
        assert_eq!(bits(&all.state[2 * 3 * ELEMENTS..][..3 * ELEMENTS]), bits(&one.state), "{method}");
        assert_ne!(bits(&all.state[..ELEMENTS]), bits(&one.state[..ELEMENTS]), "{method}: seeds 1 and 3 differ");
        assert_eq!(all.progress[2], one.progress[0], "{method}");
    }
}

/// Starts a training and returns it once `epochs` epochs are in its metrics.
fn started(run: &Path, method: (&str, usize), epochs: usize) -> Child {
    let child = train_command(run, method, "5").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    let lines = || std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count();
    while lines() < epochs {
        assert!(start.elapsed() < Duration::from_secs(300), "the training does not get on");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn resume(run: &Path) {
    let mut command = weaklabel(&["train", "--resume", "--progress", "none", "-o"]);
    command.arg(run);
    succeed(command);
}

fn assert_same_training(broken: &Path, unbroken: &Path) {
    let (a, b) = (standing(broken, 1), standing(unbroken, 1));
    assert_eq!((bits(&a.state), bits(&a.best), a.epoch), (bits(&b.state), bits(&b.best), b.epoch));
    assert_eq!(a.progress, b.progress);
    let metrics = |run: &Path| std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert_eq!(metrics(broken), metrics(unbroken));
    let best = |run: &Path| read_model(&run.join("checkpoints/best.safetensors")).unwrap();
    assert_eq!(best(broken), best(unbroken));
    for file in ["best.safetensors", "last.safetensors"] {
        let bytes = |run: &Path| std::fs::read(run.join("checkpoints").join(file)).unwrap();
        assert!(bytes(broken) == bytes(unbroken), "{file}: the same models, but not the same bytes");
    }
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    for method in METHODS {
        let folder = tempfile::tempdir().unwrap();
        let (broken, unbroken) = (folder.path().join("broken"), folder.path().join("unbroken"));
        // Where there are two stages, once in either.
        for epochs in [2, 9] {
            let mut child = if epochs == 2 { started(&broken, method, epochs) } else { continued(&broken, epochs) };
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(!broken.join("DONE").exists(), "{method:?}: killed too late to show anything");
        }
        resume(&broken);
        succeed(train_command(&unbroken, method, "5"));
        assert_same_training(&broken, &unbroken);
        let again = weaklabel(&["train", "--resume", "-o", broken.to_str().unwrap()]).output().unwrap();
        assert_eq!(again.status.code(), Some(3), "a finished run is not resumed");
    }
}

fn continued(run: &Path, epochs: usize) -> Child {
    let mut command = weaklabel(&["train", "--resume", "--progress", "none", "-o"]);
    let child = command.arg(run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count() < epochs {
        assert!(start.elapsed() < Duration::from_secs(300), "the resumed training does not get on");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_a_checkpoint_and_exit_code_75() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, unbroken) = (folder.path().join("broken"), folder.path().join("unbroken"));
    let mut child = started(&broken, METHODS[0], 3);
    assert!(Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(75));
    resume(&broken);
    succeed(train_command(&unbroken, METHODS[0], "5"));
    assert_same_training(&broken, &unbroken);
}

#[test]
fn training_learns_and_evaluation_says_so_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(train_command(&run, METHODS[0], "1,2"));
    let losses = losses(&run);
    assert_eq!(losses.len(), 80);
    assert!(losses[79] < 0.8 * losses[0], "loss from {} to {}", losses[0], losses[79]);
    let mut command = weaklabel(&["eval", "--json", "--seconds", "0.2,1", "--progress", "none"]);
    command.arg(&run);
    let results: serde_json::Value = serde_json::from_slice(&succeed(command).stdout).unwrap();
    let macro_f1 = &results["macro_f1"]["0.2"];
    assert_eq!(macro_f1["seeds"].as_array().unwrap().len(), 2);
    assert!(macro_f1["mean"].as_f64().unwrap() >= 0.0 && macro_f1["sd"].is_number());
    assert!(results["per_class"]["1"]["Cat"]["mean"].is_number());
    assert!(run.join("results.json").is_file());
}

/// Counts what it is told, and the buffers that exist when it is told.
struct Counter<'a> {
    gpu: &'a Gpu,
    buffers: Vec<usize>,
    checkpoints: usize,
}

impl Observer for Counter<'_> {
    fn go_on(&mut self, _: u64) -> bool {
        true
    }

    fn epoch(&mut self, reports: &[EpochReport]) -> Result<()> {
        assert_eq!(reports.len(), 2);
        self.buffers.push(self.gpu.buffers_made());
        Ok(())
    }

    fn checkpoint(&mut self, _: &Standing) -> Result<()> {
        self.checkpoints += 1;
        Ok(())
    }
}

/// The losses of a run's first stage, epoch by epoch.
fn losses(run: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.filter(|row| row["stage"] != "tagger").map(|row| row["loss"].as_f64().unwrap()).collect()
}

#[test]
fn every_way_to_take_distances_trains_and_takes_its_own_course() {
    let folder = tempfile::tempdir().unwrap();
    // One time step, as the small network leaves it, is scaled like the segment; two are not.
    let two_steps = "model.pools=[[2, 4], [5, 8]]";
    let ways: [(&str, &[&str]); 9] = [
        ("triplets", &[]),
        ("triplets", &["triplets.sampling=semi_hard"]),
        ("triplets", &["triplets.sampling=hard"]),
        ("triplets", &["triplets.gradient=anchor"]),
        ("triplets", &[two_steps]),
        ("triplets", &[two_steps, "triplets.normalise=frame"]),
        ("prototypes", &[]),
        ("prototypes", &["prototypes.way=5", "prototypes.support=2"]),
        ("prototypes", &["prototypes.normalise=segment"]),
    ];
    let mut courses: Vec<Vec<f64>> = Vec::new();
    for (index, (method, edits)) in ways.into_iter().enumerate() {
        let run = folder.path().join(index.to_string());
        let mut command = train_command(&run, (method, 4), "1");
        command.args(["--set", "tagger.epochs=1"]);
        for edit in edits {
            command.args(["--set", edit]);
        }
        succeed(command);
        let course = losses(&run);
        assert_eq!(course.len(), 4, "{method} {edits:?}");
        assert!(course[3] < course[0], "{method} {edits:?}: {course:?}");
        assert!(!courses.contains(&course), "{method} {edits:?} takes the course of another way");
        courses.push(course);
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
    let load = |subset| Examples::load(&gpu, &config, &dataset, subset, 0.2, &|_| {}).unwrap();
    let (train, validation) = (load(Subset::Train), load(Subset::Validation));
    let statistics = statistics(&gpu, &train.store).unwrap();
    for examples in [&train, &validation] {
        standardise(&gpu, &examples.store, &statistics, config.features.epsilon).unwrap();
    }
    let mut trainer = Trainer::new(&gpu, &config, dataset.classes(), &train, &validation, String::new()).unwrap();
    let before = gpu.buffers_made();
    let mut counter = Counter { gpu: &gpu, buffers: Vec::new(), checkpoints: 0 };
    assert!(trainer.run(&mut counter).unwrap());
    assert_eq!(counter.buffers, [before; 5]);
    assert!(counter.checkpoints > 2, "{} checkpoints", counter.checkpoints);
}

#[cfg(target_os = "linux")]
#[test]
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
    // Two kilobytes an epoch would be more.
    assert!(last.1 - first.1 < 1024, "{} KiB after {} epochs, {} after {}", first.1, first.0, last.1, last.0);
}

/// A training that is only watched for its end.
struct Unwatched;

impl Observer for Unwatched {
    fn go_on(&mut self, _: u64) -> bool {
        true
    }

    fn epoch(&mut self, _: &[EpochReport]) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&mut self, _: &Standing) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_training_takes_the_memory_that_was_found_on_paper() {
    let mut config = Config::default();
    config.model.filters = vec![16, 32];
    config.model.pools = vec![[4, 4], [5, 8]];
    (config.train.method, config.train.seconds, config.train.epochs, config.tagger.epochs) =
        (Method::Triplets, 0.2, Some(2), 2);
    let dataset = Dataset::open(dataset(), &config).unwrap();
    let clips = [Subset::Train, Subset::Validation].map(|subset| dataset.len(subset));
    let paper = Gpu::on_paper(&AdapterChoice::default()).unwrap();
    let needs = needs(&paper, &config, dataset.classes(), clips).unwrap();

    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let load = |subset| Examples::load(&gpu, &config, &dataset, subset, 0.2, &|_| {}).unwrap();
    let (train, validation) = (load(Subset::Train), load(Subset::Validation));
    let statistics = statistics(&gpu, &train.store).unwrap();
    for examples in [&train, &validation] {
        standardise(&gpu, &examples.store, &statistics, config.features.epsilon).unwrap();
    }
    let mut trainer = Trainer::new(&gpu, &config, dataset.classes(), &train, &validation, String::new()).unwrap();
    assert_eq!(trainer.total_steps(), needs.steps);
    assert!(trainer.run(&mut Unwatched).unwrap());
    let ratio = needs.bytes as f64 / gpu.peak_bytes() as f64;
    assert!((ratio - 1.0).abs() < 0.05, "{} bytes on paper, {} in use", needs.bytes, gpu.peak_bytes());
}

#[test]
fn a_dry_run_prints_what_a_training_takes_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut command = train_command(&run, ("triplets", 3), "1,2");
    let out = String::from_utf8(
        succeed({
            command.arg("--dry-run");
            command
        })
        .stdout,
    )
    .unwrap();
    assert!(out.contains("40 training and 10 validation segments of 0.2 s\nat most 92 steps\n"), "{out}");
    assert!(out.contains(" MiB on "), "{out}");
    assert!(!run.exists());
}

#[test]
fn a_run_keeps_its_tiles_and_goes_on_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(train_command(&run, ("classifier", 1), "1"));
    let file = TileFile::read(&run.join("tiles.json")).unwrap();
    // Two layers: both forward, both weight gradients, one input gradient.
    assert_eq!(file.tiles.0.len(), 5);
    let resumed = weaklabel(&["train", "--resume", "--tiles", "shipped", "-o"]).arg(&run).output().unwrap();
    let errors = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(resumed.status.code() == Some(2) && errors.contains("leave out --tiles"), "{errors}");
}

/// Clips of up to three events, made once, and in training and evaluation one more in which nothing is annotated.
fn several_events() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        (config.data.train, config.data.validation, config.data.eval) = (80, 10, 10);
        (config.scene.events, config.scene.clip_s, config.data.variant) = ([1, 3], 2.0, Variant::Ms200);
        let set = folder.path().join("set");
        generate(&Options { config: &config, out: &set, wav: true, force: false }, &|_, _| {}).unwrap();
        for subset in ["train", "eval"] {
            let clips = set.join(subset);
            std::fs::copy(clips.join(format!("{subset}-000000.wav")), clips.join("nothing.wav")).unwrap();
            let table = set.join(format!("{subset}.tsv"));
            std::fs::write(&table, std::fs::read_to_string(&table).unwrap() + "nothing.wav\t\t\t\n").unwrap();
        }
        folder
    });
    Box::leak(folder.path().join("set").into_boxed_path())
}

#[test]
fn clips_of_several_events_train_every_method() {
    let folder = tempfile::tempdir().unwrap();
    for method in ["classifier", "triplets", "prototypes"] {
        let run = folder.path().join(method);
        let mut command =
            weaklabel(&["train", "--method", method, "--set", "train.epochs=2", "--set", "tagger.epochs=2"]);
        command
            .args(SMALL)
            .arg("--set")
            .arg("train.seconds=1.0")
            .arg("--dataset")
            .arg(several_events())
            .arg("-o")
            .arg(&run);
        succeed(command);
        let mut command = weaklabel(&["eval", "--json", "--seconds", "0.2,1", "--progress", "none"]);
        command.arg(&run);
        let results: serde_json::Value = serde_json::from_slice(&succeed(command).stdout).unwrap();
        for length in ["0.2", "1"] {
            let score = results["macro_f1"][length]["mean"].as_f64().unwrap();
            assert!((0.0..=100.0).contains(&score), "{method}: {score}");
        }
    }
}

#[test]
fn examples_have_all_labels_of_their_segment_and_one_dominant_class_or_none() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let config = Config::default();
    let dataset = Dataset::open(several_events(), &config).unwrap();
    let examples = Examples::load(&gpu, &config, &dataset, Subset::Train, 1.0, &|_| {}).unwrap();
    let (targets, dominant) = (gpu.read(&examples.targets).unwrap(), gpu.read(&examples.dominant).unwrap());
    let mut sizes = [0; 4];
    for (index, (targets, dominant)) in targets.chunks(10).zip(&dominant).enumerate() {
        let cuts = dataset.cut(Subset::Train, index, &[1.0]).unwrap();
        let labels: Vec<usize> = (0..10).filter(|class| targets[*class] == 1.0).collect();
        assert_eq!(labels, cuts.segments[0].labels);
        assert_eq!(targets.iter().sum::<f32>(), labels.len() as f32);
        assert_eq!(*dominant, cuts.dominant.map_or(NO_CLASS, |class| class as u32));
        assert!(cuts.dominant.is_none_or(|class| labels.contains(&class)));
        sizes[labels.len()] += 1;
    }
    assert!(sizes[0] == 1 && sizes[1] > 10 && sizes[2] > 10 && sizes[3] > 0, "{sizes:?}");

    // The nameless one is not drawn for training; all others are, each at most once in an epoch.
    let nothing = examples.heard.iter().position(|heard| heard.labels.is_empty()).unwrap() as u32;
    let episodes = StageName::Classifier.episodes(&config, &examples.heard, dataset.classes()).unwrap();
    let drawn: Vec<u32> = episodes.epoch(1, 0).concat();
    let once: HashSet<u32> = drawn.iter().copied().collect();
    assert!(once.len() == drawn.len() && !once.contains(&nothing), "{drawn:?}");
    assert!(episodes.steps() >= 7, "{} steps of 80 examples in ten classes", episodes.steps());
}

#[test]
fn what_cannot_be_trained_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let refusal = |args: &[&str]| {
        let mut command = weaklabel(&["train", "--progress", "none"]);
        command.arg("--dataset").arg(dataset()).arg("-o").arg(&run).args(args);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, message) = refusal(&["--set", "train.batch=15"]);
    assert!(code == Some(3) && message.contains("train.batch") && message.contains("multiple of 10"), "{message}");
    let (code, message) = refusal(&["--force", "--adapter", "no such card"]);
    assert!(code == Some(4) && message.contains("no such card"), "{message}");
    let nowhere: PathBuf = folder.path().join("nowhere");
    let output = weaklabel(&["eval", nowhere.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
}
