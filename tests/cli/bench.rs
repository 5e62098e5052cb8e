//! `weaklabel bench step`: its lines, and the comparison with those of a file.

use std::path::Path;

use serde_json::Value;

use super::program::run;

/// A measurement file whose samples are `scale` times those of `from`.
fn scaled(from: &Path, to: &Path, scale: f64) {
    let mut line: Value = serde_json::from_str(&std::fs::read_to_string(from).unwrap()).unwrap();
    for ms in line["ms"].as_array_mut().unwrap() {
        *ms = (ms.as_f64().unwrap() * scale).into();
    }
    std::fs::write(to, line.to_string()).unwrap();
}

#[test]
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
    assert_eq!((&line["ms_per_step"], &line["ms_min"]), (&line["ms"][4], &line["ms"][0]));
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
