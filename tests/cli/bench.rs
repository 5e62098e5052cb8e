//! `weaklabel bench`: its lines, its tables, and the comparison with those of a file.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::kernels::REGISTRY;

use crate::support::program::{json_lines, run};

/// A measurement file whose samples are `scale` times those of `from`.
fn scaled(from: &Path, to: &Path, scale: f64) {
    let mut line: Value = serde_json::from_str(&std::fs::read_to_string(from).unwrap()).unwrap();
    for ms in line["ms"].as_array_mut().unwrap() {
        *ms = (ms.as_f64().unwrap() * scale).into();
    }
    std::fs::write(to, line.to_string()).unwrap();
}

#[test]
#[ignore = "slow"]
fn measurements_are_kept_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let [kept, other] = ["kept.json", "other.json"].map(|name| folder.path().join(name));
    let step = "bench step --quiet --frames 20 --batch 10";
    let (code, out, errors) = run(&format!("{step} --json -o {}", kept.display()));
    assert_eq!((code, errors.as_str()), (0, ""));
    let line: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(line["kind"], "step");
    let samples: Vec<f64> = line["ms"].as_array().unwrap().iter().map(|ms| ms.as_f64().unwrap()).collect();
    assert!(samples.len() == 9 && samples.is_sorted() && samples[0] > 0.0, "{line}");
    assert_eq!((&line["ms_median"], &line["ms_min"]), (&line["ms"][4], &line["ms"][0]));
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), out);

    // Against steps a thousand times as slow, then as fast: no machine is as noisy as that.
    let compare = format!("{step} --compare {}", other.display());
    scaled(&kept, &other, 1000.0);
    let (code, out, errors) = run(&compare);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.contains("now / before") && out.contains("classifier, 20 frames, batch 10, members 1"), "{out}");
    scaled(&kept, &other, 0.001);
    let (code, _, errors) = run(&compare);
    assert_eq!(code, 5, "{errors}");
    assert!(errors.contains("slower than before") && errors.contains("classifier, 20 frames"), "{errors}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("before.json");
    let compare = format!("bench step --quiet --compare {}", file.display());
    let (code, _, errors) = run(&compare);
    assert!(code == 1 && errors.contains("before.json"), "{errors}");
    std::fs::write(&file, "nonsense\n").unwrap();
    let (code, _, errors) = run(&compare);
    assert!(code == 3 && errors.contains("before.json: line 1"), "{errors}");
    std::fs::write(&file, "{\"kind\": \"step\", \"method\": \"triplets\", \"frames\": 40, \"ms\": [1.0]}\n").unwrap();
    let (code, _, errors) = run(&compare);
    assert!(code == 2 && errors.contains("the file holds triplets, 40 frames"), "{errors}");
    let (code, _, errors) = run("bench step --frames 30");
    assert!(code == 2 && errors.contains("multiple of 20"), "{errors}");
}

#[test]
#[ignore = "slow"]
fn a_step_that_the_adapter_has_no_room_for_does_not_keep_others_from_being_timed() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    // What the only convolution leaves of a chunk.
    let bytes = 64 * 20 * 64 * 4;
    let batch = (gpu.max_binding_bytes() as usize / bytes + 1).next_multiple_of(10);
    let step = "bench step --quiet --frames 20 --set model.filters=[64] --set model.pools=[[1,1]] --set model.hidden=4";
    let (code, out, errors) = run(&format!("{step} --batch {batch},10"));
    assert_eq!(code, 6, "{errors}");
    assert!(out.contains("batch 10, members 1: ") && !out.contains(&format!("batch {batch}")), "{out}");
    for words in
        [&*format!("batch {batch}, members 1 left out"), "use fewer examples", "1 of 2 steps could not be timed"]
    {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    let (code, _, errors) = run(&format!("{step} --batch {batch}"));
    assert!(code == 1 && errors.contains("use fewer examples"), "{errors}");
}

/// A small model, whose kernels compile quickly.
const SMALL: &str = "--set model.filters=[8,9] --set model.pools=[[4,8],[1,4]] --set model.hidden=4";

#[test]
#[ignore = "slow"]
fn every_kernel_of_the_program_is_measured_beside_the_limits() {
    let kernels = format!("bench kernels --quiet {SMALL} --shapes model --frames 20 --batch 10");
    let (code, out, errors) = run(&format!("{kernels} --json"));
    assert_eq!((code, errors.as_str()), (0, ""));
    let lines = json_lines(&out);
    let (peaks, timed): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|line| line["kind"] == "peak");
    assert_eq!(peaks.len(), 6);
    let rates: Vec<f64> = peaks.iter().filter_map(|peak| peak["rate"].as_f64()).collect();
    assert!(rates.len() == 4 && rates.iter().all(|rate| *rate > 0.01), "{out}");
    let found: BTreeSet<&str> =
        timed.iter().map(|line| line["kernel"].as_str().unwrap().split(' ').next().unwrap()).collect();
    // Log-mel is made by one kernel or by two, as it suits the device.
    let other_form: &[&str] = if found.contains("log_mel") { &["spectrum", "mel"] } else { &["log_mel"] };
    // Batches are copied out of stores of several shards alone, and average precision is watched where it is asked for.
    // Crops and padding are for clips of one's own, of any length.
    let own_clips = ["random_crop", "zero_padding", "scale_rows"].as_slice();
    let probes = ["multiply_add", "copy", "workgroup_load", "touch"].as_slice();
    // Features in half precision are packed and unpacked only where single precision does not fit.
    let half = ["gather", "pack_f16"].as_slice();
    let left_out = [probes, half, &["average_precision"], own_clips, other_form].concat();
    let all: BTreeSet<&str> = REGISTRY.iter().map(|entry| entry.name).filter(|name| !left_out.contains(name)).collect();
    assert_eq!(found, all);
    // Both convolutions, and cases that tell lines apart.
    assert!(out.contains("conv_forward 1→8 20×64") && out.contains("conv_weight_grad 8→9 5×8"), "{out}");
    let cases: BTreeSet<String> = timed.iter().map(|line| format!("{} {}", line["workload"], line["kernel"])).collect();
    assert_eq!(cases.len(), timed.len());
    for line in timed {
        assert!(line["ms"].as_array().unwrap().len() == 9 && line["share_of_limit"].as_f64().unwrap() > 0.0, "{line}");
    }
}

#[test]
fn features_are_measured_and_shown_in_markdown() {
    let (code, out, errors) = run("bench features --quiet --seconds 0.2,1 --clips 8 --json");
    assert_eq!((code, errors.as_str()), (0, ""));
    let lines = json_lines(&out);
    assert_eq!(lines.iter().map(|line| line["seconds"].as_f64().unwrap()).collect::<Vec<_>>(), [0.2, 1.0]);
    assert!(lines.iter().all(|line| line["kind"] == "features" && line["ms_median"].as_f64().unwrap() > 0.0), "{out}");
    let (code, out, _) = run("bench features --quiet --seconds 0.2 --clips 8 --markdown");
    assert_eq!(code, 0);
    assert!(
        out.starts_with("**") && out.contains("\n| clips of | ms per clip |") && out.contains("| 0.2 s |"),
        "{out}"
    );
    for wrong in ["--clips 0", "--seconds 0", "--seconds nan", "--markdown --json"] {
        let (code, _, errors) = run(&format!("bench features {wrong}"));
        assert!(code == 2 && errors.contains("--"), "{wrong}: {errors}");
    }
}

#[test]
#[ignore = "slow"]
fn steps_of_several_sizes_show_how_time_grows_and_a_profile_where_it_goes() {
    let (code, out, errors) =
        run(&format!("bench step --quiet {SMALL} --frames 20,40 --batch 10,20 --members 1,2 --profile"));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(out.contains("classifier, 40 frames, batch 20, members 2: "), "{out}");
    assert!(out.contains("for every 1000 of batch × frames × members, residuals up to"), "{out}");
    assert!(out.contains("% of limit") && out.contains("tagger_step 18→4"), "{out}");
}
