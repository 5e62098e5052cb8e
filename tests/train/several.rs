//! Trainings on clips with several events.

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

use weaklabel::config::{Config, StageName, Variant};
use weaklabel::data::scenes::generate::{GenerateOptions, generate};
use weaklabel::data::scenes::{Dataset, Subset};
use weaklabel::evaluate::{SegmentLabels, SegmentSource};
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::kernels::class_means::NO_CLASS;

use crate::support::process::succeed;
use crate::support::program::weaklabel;
use crate::support::training::SMALL;

/// Generates clips with up to three events once, and adds one clip without annotations to training and to evaluation.
fn several_events() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        (config.data.train, config.data.validation, config.data.eval) = (80, 10, 10);
        (config.scene.events, config.scene.clip_s, config.data.variant) = ([1, 3], 2.0, Variant::Ms200);
        let set = folder.path().join("set");
        generate(&GenerateOptions { config: &config, out: &set, wav: true, force: false }, &|_, _| {}).unwrap();
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
#[ignore = "slow"]
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
    let source = |seconds| SegmentSource { dataset: &dataset, subset: Subset::Train, seconds };
    let examples = source(&[1.0]).load(&gpu, &config.features, &|_| {}).unwrap().swap_remove(0);
    // Labels computed from annotations alone must equal those of the loaded examples.
    let labels = source(&[0.2, 1.0]).labels().unwrap().swap_remove(1);
    let known = |labels: &[SegmentLabels]| labels.iter().map(|h| (h.classes.clone(), h.dominant)).collect::<Vec<_>>();
    assert_eq!(known(&labels), known(&examples.labels));
    let (targets, dominant) = (gpu.read(&examples.targets).unwrap(), gpu.read(&examples.dominant).unwrap());
    let mut sizes = [0; 4];
    for (index, (targets, dominant)) in targets.chunks(10).zip(&dominant).enumerate() {
        let cuts = dataset.segments(Subset::Train, index, &[1.0]).unwrap();
        let labels: Vec<usize> = (0..10).filter(|class| targets[*class] == 1.0).collect();
        assert_eq!(labels, cuts.segments[0].labels);
        assert_eq!(targets.iter().sum::<f32>(), labels.len() as f32);
        assert_eq!(*dominant, cuts.dominant.map_or(NO_CLASS, |class| class as u32));
        assert!(cuts.dominant.is_none_or(|class| labels.contains(&class)));
        sizes[labels.len()] += 1;
    }
    assert!(sizes[0] == 1 && sizes[1] > 10 && sizes[2] > 10 && sizes[3] > 0, "{sizes:?}");

    // The clip without annotations is never drawn for training. Each of the others is drawn at most once per epoch.
    let nothing = examples.labels.iter().position(|labels| labels.classes.is_empty()).unwrap() as u32;
    let episodes = StageName::Classifier.episodes(&config, &examples.labels, dataset.classes()).unwrap();
    let drawn: Vec<u32> = episodes.epoch(1, 0).concat();
    let once: HashSet<u32> = drawn.iter().copied().collect();
    assert!(once.len() == drawn.len() && !once.contains(&nothing), "{drawn:?}");
    assert!(episodes.steps() >= 7, "{} steps of 80 examples in ten classes", episodes.steps());
}
