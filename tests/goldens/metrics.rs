//! metrics.safetensors: counts, F1 per class and macro-F1 of given outputs (SPEC §5). What is said about embeddings
//! there is in `quality`.

use weaklabel::config::EvaluateConfig;
use weaklabel::gpu::{AdapterChoice, Gpu, Recording, Tensor};
use weaklabel::kernels::confusion::Confusion;
use weaklabel::kernels::population::Member;
use weaklabel::kernels::score::{Criterion, Score, Stopping, f1};

use crate::file::{File, assert_close};
use crate::network::VALUE;

#[test]
fn counts_and_scores_agree() {
    let file = File::load("metrics.safetensors");
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    for case in file.cases(".outputs") {
        let golden = |what: &str| file.get(&format!("{case}.{what}"));
        let outputs = golden("outputs");
        let targets = file.find(&format!("{case}.targets")).unwrap_or_else(|| file.get("tag.targets"));
        let [slots, classes] = outputs.shape[..] else { panic!("{case}.outputs: {:?}", outputs.shape) };
        let ids: Vec<u32> = (0..slots as u32).collect();
        let counts = gpu.tensor("counts", &[1, classes, 3]).unwrap();
        let mut recording = Recording::new("confusion");
        recording.push(Confusion {
            outputs: gpu.tensor_from("outputs", &[1, slots, classes], &outputs.f32()).unwrap(),
            targets: gpu.tensor_from("targets", &targets.shape, &targets.f32()).unwrap(),
            batches: gpu.tensor_from("batches", &[1, 1, slots], &ids).unwrap(),
            counts: counts.clone(),
            threshold: EvaluateConfig::default().threshold,
        });
        gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
        let found = gpu.read(&counts).unwrap();
        for (column, what) in ["tp", "fp", "fn"].into_iter().enumerate() {
            if let Some(expected) = file.find(&format!("{case}.{what}")) {
                let of_kind: Vec<i32> = found.iter().skip(column).step_by(3).map(|n| *n as i32).collect();
                assert_eq!(of_kind, expected.i32(), "{case}.{what}");
            }
        }
        // The file has shares for the classes and per cent for their mean, in which a class without a positive counts as 0.
        // Here it does not count.
        let f1 = f1(&found);
        let shares: Vec<f32> = f1.iter().map(|percent| (percent.unwrap_or(0.0) / 100.0) as f32).collect();
        assert_close(&format!("{case}.f1"), &shares, golden("f1"), VALUE);
        let present = f1.iter().flatten().count();
        let over_all = score(&gpu, &counts) * present as f32 / classes as f32;
        assert_close(&format!("{case}.macro_f1"), &[over_all], golden("macro_f1"), VALUE);
    }
}

/// The macro-F1 that decides about stopping.
fn score(gpu: &Gpu, counts: &Tensor<u32>) -> f32 {
    let members = gpu.tensor_from("members", &[1], &[Member::new(1)]).unwrap();
    let stopping = Stopping { epochs: 1, min_epochs: 0, patience: 0 };
    let mut recording = Recording::new("score");
    recording.push(Score { counts: counts.clone(), members: members.clone(), stopping, criterion: Criterion::MacroF1 });
    gpu.replay(&recording.resolve(gpu).unwrap(), 0..1).unwrap();
    gpu.read(&members).unwrap()[0].score
}
