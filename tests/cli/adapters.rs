//! `weaklabel devices` and `weaklabel doctor` on the adapters of this machine.

use serde_json::Value;

use crate::support::program::{outcome, run, weaklabel};

fn devices() -> Vec<Value> {
    let (code, text, errors) = run("devices --json");
    assert_eq!((code, errors.as_str()), (0, ""));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_adapter_is_listed_and_one_is_chosen() {
    let listed = devices();
    for (index, adapter) in listed.iter().enumerate() {
        assert_eq!(adapter["index"], index);
        for name in ["name", "backend", "driver", "type"] {
            assert!(adapter[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {adapter}");
        }
        assert!(adapter["pci"]["id"].as_str().unwrap().contains(':'), "{adapter}");
        assert!(adapter["limits"]["storage_binding"].as_u64().unwrap() >= 128 << 20, "{adapter}");
        assert!(adapter["features"].is_array() && adapter["subgroup_size"].as_array().unwrap().len() == 2, "{adapter}");
    }
    assert_eq!(listed.iter().filter(|adapter| adapter["chosen"] == true).count(), 1);

    let (code, table, errors) = run("devices");
    assert_eq!((code, errors.as_str()), (0, ""));
    for adapter in &listed {
        assert!(table.contains(adapter["name"].as_str().unwrap()), "{table}");
    }
    assert!(table.starts_with("index") && table.contains("\nsubgroup size") && table.contains(" *"), "{table}");
}

#[test]
fn the_adapter_option_moves_the_choice() {
    let last = devices().len() - 1;
    let (code, text, _) = run(&format!("devices --json --adapter {last}"));
    let listed: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &listed[last]["chosen"]), (0, &true.into()));
}

#[test]
fn an_adapter_that_is_not_there_exits_4_and_names_what_is() {
    let first = devices()[0]["name"].as_str().unwrap().to_owned();
    for line in ["devices --adapter no-such-card", "doctor --adapter no-such-card"] {
        let (code, out, errors) = run(line);
        assert_eq!((code, out.as_str()), (4, ""), "{line}");
        assert!(
            errors.contains("'no-such-card'. Adapters of this machine: index 0: ") && errors.contains(&first),
            "{line}: {errors}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_variable_that_names_no_driver_is_named_with_the_missing_file() {
    let nothing = tempfile::tempdir().unwrap().path().join("none.json");
    let nothing = nothing.to_str().unwrap();
    for (variable, other) in [("VK_DRIVER_FILES", "VK_ICD_FILENAMES"), ("VK_ICD_FILENAMES", "VK_DRIVER_FILES")] {
        for (value, said) in [(nothing, nothing), ("", "names no Vulkan driver")] {
            let mut command = weaklabel(&[]);
            command.args(["devices", "--backend", "vulkan"]).env(variable, value).env_remove(other);
            let (code, out, errors) = outcome(command.output().unwrap());
            assert_eq!((code, out.as_str()), (4, ""), "{errors}");
            let answer = errors.lines().last().unwrap();
            assert!(answer.contains("no adapter found") && answer.contains(variable), "{answer}");
            assert!(answer.contains(said) && !answer.contains("install mesa"), "{answer}");
        }
    }
}

#[test]
fn a_backend_that_wgpu_s_variable_names_is_answered_as_the_option_is() {
    for name in ["cuda", "gl", "vulkan,gl"] {
        let (code, _, errors) = outcome(weaklabel(&["devices"]).env("WGPU_BACKEND", name).output().unwrap());
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains("no backend") && errors.contains("WGPU_BACKEND"), "{errors}");
        assert!(errors.contains("vulkan, metal and dx12"), "{errors}");
    }
}

#[test]
fn an_unknown_backend_or_kernel_is_wrong_usage() {
    let (code, _, errors) = run("devices --backend opengl");
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("'opengl'") && errors.contains("vulkan, metal and dx12"), "{errors}");
    let (code, _, errors) = run("doctor --kernel adma");
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("'adma'") && errors.contains("adam"), "{errors}");
}

#[test]
fn the_doctor_checks_the_kernels_it_is_asked_for() {
    let (code, text, errors) = run("doctor --json --kernel adam --kernel score");
    assert_eq!(code, 0, "{errors}");
    let report: Value = serde_json::from_str(&text).unwrap();
    let kernels = report["kernels"].as_array().unwrap();
    assert_eq!(kernels.iter().map(|kernel| kernel["kernel"].as_str().unwrap()).collect::<Vec<_>>(), ["adam", "score"]);
    for kernel in kernels {
        assert!(kernel["cases"].as_u64().unwrap() > 0, "{kernel}");
        assert!((0.0..1e-4).contains(&kernel["largest_error"].as_f64().unwrap()), "{kernel}");
        assert_eq!(kernel["failures"], Value::Array(vec![]));
    }
    assert_eq!(report["ok"], true);
    let chosen = devices().into_iter().find(|adapter| adapter["chosen"] == true).unwrap();
    assert_eq!(report["adapter"]["name"], chosen["name"]);
    assert_eq!(report["timestamps"], chosen["features"].as_array().unwrap().contains(&"timestamps".into()));
    let warned = errors.contains("is a software adapter: everything works, slowly");
    assert_eq!(warned, chosen["type"] == "cpu", "{errors}");
}

#[test]
fn the_doctor_writes_what_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("wgsl");
    let line = format!("doctor --kernel score --kernel adam --dump-wgsl {}", out.display());
    let (code, text, errors) = run(&line);
    assert_eq!(code, 0, "{errors}");
    let names: Vec<_> = out.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("score.")), "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("score.") || name.starts_with("adam.")), "{names:?}");
    assert!(text.starts_with(&format!("{} files in", names.len())), "{text}");
    let source = std::fs::read_to_string(out.join(&names[0])).unwrap();
    assert!(source.contains("@compute") && !source.contains("\nimport "), "{source}");

    let (code, _, errors) = run(&line);
    assert_eq!(code, 3, "{errors}");
    assert!(errors.contains("wgsl") && errors.contains("--force"), "{errors}");
    let (code, _, errors) = run(&format!("{line} --force"));
    assert_eq!(code, 0, "{errors}");
}
