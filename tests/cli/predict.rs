//! `weaklabel predict` and `weaklabel embed` with a run that was hardly trained.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use safetensors::SafeTensors;
use serde_json::Value;

use crate::support::audio_formats::{Row, folder, rows};
use crate::support::constant_flac::{BLOCK, constant_flac};
use crate::support::program::{json_lines, outcome, run, weaklabel};

/// A run of two seeds, made once: a small network, a few short clips, one epoch.
fn trained() -> &'static str {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let line = "train --method triplets --seed 3,4 --set model.filters=[8,12] --set model.pools=[[4,4],[5,8]] --set train.seconds=0.2 \
            --set data.train=20 --set data.validation=10 --set scene.clip_s=1 --set train.epochs=1 \
            --set tagger.epochs=1 -o";
        let mut command = weaklabel(&[]);
        command.args(line.split_whitespace()).arg(folder.path().join("run"));
        let (code, _, errors) = outcome(command.output().unwrap());
        assert_eq!(code, 0, "{errors}");
        folder
    });
    // The folder is a static, so its destructor never runs: the system's own cleaning has to take it.
    Box::leak(folder.path().join("run").to_str().unwrap().to_owned().into_boxed_str())
}

/// The path of a recording in `tests/audio-formats`.
fn audio(file: &str) -> String {
    folder().join(file).to_str().unwrap().to_owned()
}

/// The recordings whose outcome `wanted` accepts, with their lengths in seconds.
fn files(wanted: fn(&str) -> bool) -> Vec<(String, Option<f64>)> {
    let seconds = |row: &Row| Some(row.frames? as f64 / f64::from(row.rate?));
    rows().iter().filter(|row| wanted(&row.outcome)).map(|row| (audio(&row.file), seconds(row))).collect()
}

fn command(name: &str, args: &[&str]) -> (i32, String, String) {
    outcome(weaklabel(&[]).arg(name).arg(trained()).args(args).output().unwrap())
}

/// A table separated by tabs: its header and its rows.
fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(text.as_bytes());
    let cells = |record: &csv::StringRecord| record.iter().map(String::from).collect::<Vec<_>>();
    let header = cells(reader.headers().unwrap());
    (header, reader.records().map(|record| cells(&record.unwrap())).collect())
}

#[test]
fn every_format_is_tagged_and_what_is_none_is_named() {
    let (good, bad) = (files(|outcome| outcome.starts_with("decode")), files(|outcome| outcome == "refuse"));
    assert!(good.len() > 15 && bad.len() > 5);
    // Good and bad ones take turns.
    let mut mixed: Vec<&str> = Vec::new();
    for i in 0..good.len().max(bad.len()) {
        mixed.extend(good.get(i).into_iter().chain(bad.get(i)).map(|(file, _)| file.as_str()));
    }
    mixed.extend(["no-such-file.wav", env!("CARGO_MANIFEST_DIR")]);
    mixed.push("--json");
    let (code, text, errors) = command("predict", &mixed);
    assert_eq!(code, 6, "{errors}");
    let found = json_lines(&text);
    assert!(found.iter().map(|line| line["file"].as_str().unwrap()).eq(mixed[..mixed.len() - 1].iter().copied()));
    let (refused, found): (Vec<Value>, _) = found.into_iter().partition(|line| line.get("error").is_some());
    assert_eq!((refused.len(), found.len()), (bad.len() + 2, good.len()));
    for line in refused {
        let (file, error) = (line["file"].as_str().unwrap(), line["error"].as_str().unwrap());
        assert!(error.contains(file) && errors.contains(error), "{line}");
        assert_eq!(line.as_object().unwrap().len(), 2, "{line}");
    }
    for (line, (file, seconds)) in found.iter().zip(&good) {
        assert_eq!(line["file"], file.as_str(), "in the order given");
        assert!((line["seconds"].as_f64().unwrap() - seconds.unwrap()).abs() < 1e-9, "{line}");
        let probabilities = line["probabilities"].as_object().unwrap();
        assert_eq!(probabilities.len(), 10);
        for (class, p) in probabilities {
            assert!((0.0..=1.0).contains(&p.as_f64().unwrap()), "{file}: {class} {p}");
            let of_seed = |seed: &str| line["seeds"][seed][class].as_f64().unwrap();
            let mean = (of_seed("3") + of_seed("4")) / 2.0;
            assert!((p.as_f64().unwrap() - mean).abs() < 1e-6, "{file}: {class} {p}, mean {mean}");
        }
    }
    for file in bad.iter().map(|(file, _)| file.as_str()).chain(["no-such-file.wav", env!("CARGO_MANIFEST_DIR")]) {
        assert!(errors.contains(file), "{file} is not reported: {errors}");
    }
    let count = format!("weaklabel: {} of {} files could not be used", bad.len() + 2, mixed.len() - 1);
    assert!(errors.contains(&count), "{errors}");
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_of_its_own() {
    for (file, reason) in [
        ("zero_bytes.wav", "the file is empty"),
        ("text_named.wav", "not audio"),
        ("empty_data.wav", "no samples"),
        ("nan_inf_float.wav", "sample 1000 is not finite"),
    ] {
        let (code, text, errors) = command("predict", &[&audio(file)]);
        assert_eq!((code, text.as_str()), (3, ""), "{errors}");
        assert_eq!(errors.matches(file).count(), 1, "{errors}");
        assert!(errors.contains(reason), "{errors}");
    }
    let (code, _, errors) = command("predict", &["no-such-file.wav"]);
    assert!(code == 1 && errors.contains("cannot read no-such-file.wav: "), "{errors}");
    let (code, text, errors) = command("embed", &["--seed", "3", &audio("")]);
    assert!(code == 3 && text.is_empty() && errors.contains("a folder, not an audio file"), "{errors}");
    let (code, text, errors) = command("predict", &["--json", &audio("zero_bytes.wav"), &audio("text_named.wav")]);
    assert!(code == 3 && errors.contains("2 of 2 files"), "{errors}");
    assert!(json_lines(&text).iter().all(|line| line["error"].is_string()), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let loud = folder.path().join("loud.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&loud, spec).unwrap();
    (0..8000).for_each(|i| writer.write_sample(1e30_f32 * (i % 2) as f32).unwrap());
    writer.finalize().unwrap();
    let (code, text, errors) = command("predict", &[loud.to_str().unwrap()]);
    assert_eq!((code, text.as_str()), (3, ""));
    assert!(errors.contains("loud.wav: its samples are too large"), "{errors}");
}

/// A file that holds too much sound for its size to be read beside others is read alone, in its place.
#[test]
fn a_small_file_of_much_sound_is_answered_for_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.flac");
    fs::write(&large, constant_flac(5)).unwrap();
    let large = large.to_str().unwrap();
    let [first, last, bad] = [audio("silence_16k.wav"), audio("one_sample.wav"), audio("text_named.wav")];
    let (code, text, errors) = command("predict", &[&first, &bad, large, &last, "--tsv"]);
    assert_eq!(code, 6, "{errors}");
    let (_, rows) = table(&text);
    assert!(rows.iter().map(|row| row[0].as_str()).eq([&first, &bad, large, &last]), "{text}");
    assert!(rows[1][1..3].iter().all(String::is_empty) && rows[1][3..].iter().all(|cell| cell == "NaN"), "{text}");
    assert_eq!(rows[2][2].parse::<f64>().unwrap(), (5 * BLOCK) as f64 / 16_000.0);
    for file in [&first, large, &last] {
        let (_, alone, _) = command("predict", &[file, "--tsv"]);
        assert!(text.contains(alone.lines().nth(1).unwrap()), "{alone} is not in {text}");
    }
}

#[test]
fn a_file_on_which_the_decoder_panics_is_refused_like_any_damaged_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/audio/floor-repeats-a-position.ogg");
    let (code, _, errors) = command("predict", &[file.to_str().unwrap()]);
    assert_ne!(code, 0);
    assert!(errors.contains("floor-repeats-a-position.ogg: damaged: its headers make the decoder fail"), "{errors}");
    assert!(!errors.contains("panicked") && !errors.contains("backtrace"), "{errors}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_its_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.wav");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let file = audio("silence_16k.wav");
    for name in ["predict", "embed"] {
        let (code, text, errors) = command(name, &[pipe.to_str().unwrap(), &file, "--json", "--seed", "3"]);
        assert!(code == 6 && errors.contains("pipe.wav: a pipe, not an audio file"), "{errors}");
        assert_eq!(json_lines(&text)[1]["file"], file.as_str());
    }
}

#[test]
fn text_says_what_is_heard_as_a_whole_and_over_time() {
    let file = audio("pcm24_mono_44k1.wav");
    let (code, text, errors) = command("predict", &[&file, "--every", "0.2", "--threshold", "0.001"]);
    assert_eq!(code, 0, "{errors}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("{file}: 0.50 s, mean of 2 models"));
    assert!(lines[1].starts_with("class ") && lines[1].ends_with("probability  tag"), "{text}");
    let values: Vec<f64> = lines[2..12].iter().map(|l| l.split_whitespace().nth(1).unwrap().parse().unwrap()).collect();
    assert!(values.is_sorted_by(|a, b| a >= b), "{text}");
    assert!(lines[2..12].iter().all(|line| line.ends_with('*')), "all exceed the threshold: {text}");
    let starts = ["0.00 to 0.20 s  ", "0.20 to 0.40 s  ", "0.40 to 0.50 s  "];
    for (line, start) in lines[12..].iter().zip(starts) {
        assert!(line.starts_with(start) && line.matches(',').count() == 9, "{text}");
    }
    let (_, text, _) = command("predict", &[&file, "--set", "evaluate.threshold=0.999"]);
    assert!(!text.contains('*'), "the key is the flag's: {text}");
}

#[test]
fn the_three_outputs_say_the_same() {
    let file = audio("flac16_mono_44k1.flac");
    let (_, text, _) = command("predict", &[&file, "--every", "0.4", "--json"]);
    let line = json_lines(&text).swap_remove(0);
    let windows = line["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 3);
    let (code, in_seconds, errors) = command("predict", &[&file, "--every", "0.4", "--tsv"]);
    assert_eq!(code, 0, "{errors}");
    let (header, rows) = table(&in_seconds);
    assert_eq!(header[..3], ["filename", "onset", "offset"]);
    assert_eq!(rows.len(), 3);
    for (row, window) in rows.iter().zip(windows) {
        assert_eq!(row[0], file);
        for (cell, key) in row[1..3].iter().zip(["onset", "offset"]) {
            assert_eq!(cell.parse::<f64>().unwrap(), window[key], "{key}");
        }
        for (cell, class) in row.iter().zip(&header).skip(3) {
            assert_eq!(cell.parse::<f64>().unwrap(), window["probabilities"][class], "{class}");
        }
    }
    let (_, text, _) = command("predict", &[&file, "--tsv"]);
    let (_, rows) = table(&text);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][2], "1");
    for (cell, class) in rows[0].iter().zip(&header).skip(3) {
        assert_eq!(cell.parse::<f64>().unwrap(), line["probabilities"][class], "{class}");
    }
    // A length with a unit equals the length in seconds.
    assert_eq!(command("predict", &[&file, "--every", "400ms", "--tsv"]).1, in_seconds);
    // One window over the whole file is the file.
    let (_, text, _) = command("predict", &[&file, "--every", "1s", "--json"]);
    let line = json_lines(&text).swap_remove(0);
    assert_eq!(line["windows"][0]["probabilities"], line["probabilities"]);
}

#[test]
fn a_seed_or_a_model_file_answers_for_itself() {
    let file = audio("vorbis_stereo_48k.ogg");
    let line = |run: &str, args: &[&str]| {
        let output = weaklabel(&["predict", run, &file, "--json"]).args(args).output().unwrap();
        let (code, text, errors) = outcome(output);
        assert_eq!(code, 0, "{errors}");
        json_lines(&text).swap_remove(0)
    };
    let both = line(trained(), &[]);
    let one = line(trained(), &["--seed", "4"]);
    let model = PathBuf::from(trained()).join("checkpoints/best-4.safetensors");
    let alone = line(model.to_str().unwrap(), &[]);
    assert_eq!(one["probabilities"], both["seeds"]["4"]);
    assert_eq!(one, alone);
    assert_eq!(line(trained(), &["--seed", "3-4"]), both);
    assert!(one.get("seeds").is_none() && one["probabilities"] != both["seeds"]["3"]);
}

#[test]
#[ignore = "slow"]
fn embeddings_are_the_same_in_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let good = [audio("pcm16_mono_192k.wav"), audio("silence_16k.wav")];
    let list = [good[0].as_str(), &audio("rate_zero.wav"), good[1].as_str(), "--every", "0.6", "--seed", "3"];
    let written = |name: &str| {
        let path = folder.path().join(name);
        let (code, text, errors) = command("embed", &[&list[..], &["-o", path.to_str().unwrap()]].concat());
        assert_eq!(code, 6, "{errors}");
        assert!(errors.contains("rate_zero.wav") && text.contains(name) && text.contains("4 embeddings of "), "{text}");
        fs::read(path).unwrap()
    };
    let (npy, tensors, file) = (written("e.npy"), written("e.safetensors"), written("e.tsv"));
    let (code, text, _) = command("embed", &list);
    assert_eq!((code, text.as_bytes()), (6, file.as_slice()), "stdout is the same table");

    let (header, rows) = table(&text);
    let bounds: Vec<[&str; 3]> = rows.iter().map(|row| [&*row[0], &*row[1], &*row[2]]).collect();
    let bad = audio("rate_zero.wav");
    // A quarter of a second, none, a second in two windows.
    let expected = [[&*good[0], "0", "0.25"], [&*bad, "", ""], [&*good[1], "0", "0.6"], [&*good[1], "0.6", "1"]];
    assert_eq!(bounds, expected);
    let values: Vec<f32> = rows.iter().flat_map(|row| row[3..].iter().map(|x| x.parse::<f32>().unwrap())).collect();
    let dimensions = header.len() - 3;
    for (row, values) in rows.iter().zip(values.chunks(dimensions)) {
        let length = values.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert_eq!(row[1].is_empty(), length.is_nan());
        assert!(length.is_nan() || (length - 1.0).abs() < 1e-5, "triplets take distances at unit length: {length}");
    }
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let start = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    assert!(String::from_utf8_lossy(&npy[10..start]).contains(&format!("'shape': (4, {dimensions})")));
    assert_eq!(bits(&bytemuck::pod_collect_to_vec::<u8, f32>(&npy[start..])), bits(&values));
    let (_, metadata) = SafeTensors::read_metadata(&tensors).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["rows"]).unwrap();
    assert_eq!((rows.len(), &rows[3]["file"], &rows[3]["onset"]), (4, &good[1].as_str().into(), &0.6.into()));
    assert!(rows[1].get("onset").is_none());
    let tensors = SafeTensors::deserialize(&tensors).unwrap();
    let tensor = tensors.tensor("embeddings").unwrap();
    assert_eq!(tensor.shape(), [4, dimensions]);
    assert_eq!(bits(&bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data())), bits(&values));

    let (_, text, _) = command("embed", &[&list[..], &["--json"]].concat());
    let found = json_lines(&text);
    assert!(found[1]["embedding"].is_null() && found[1].get("onset").is_none());
    let embedding: Vec<f32> =
        found[2]["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect();
    assert_eq!(embedding, values[2 * dimensions..][..dimensions]);
    let (_, text, _) = command("embed", &[&good[1], "--seed", "3", "--raw"]);
    let raw: Vec<f32> = table(&text).1[0][3..].iter().map(|x| x.parse::<f32>().unwrap()).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!((length - 1.0).abs() > 1e-3, "length {length}");
}

#[test]
fn what_cannot_be_asked_is_wrong_usage() {
    let file = audio("silence_16k.wav");
    for (name, args, words) in [
        ("predict", &["--every", "0.3"][..], &["--every 0.3", "multiples of 0.2 s"][..]),
        ("predict", &["--tsv", "--json"], &["--tsv", "--json"]),
        ("predict", &["--seed", "5"], &["--seed 5", "seeds 3, 4"]),
        ("embed", &[], &["--seed", "seeds 3, 4"]),
        ("embed", &["--seed", "3", "-o", "e.csv"], &["-o e.csv", ".npy, .safetensors or .tsv"]),
        ("embed", &["--seed", "3", "-o", "no-such-folder/e.npy"], &["no-such-folder"]),
        ("embed", &["--seed", "3", "--every", "0"], &["--every 0", "multiples of 0.2 s"]),
    ] {
        let (code, text, errors) = command(name, &[&[&*file], args].concat());
        assert_eq!((code, text.as_str()), (2, ""), "{args:?}: {errors}");
        assert!(words.iter().all(|word| errors.contains(word)), "{args:?}: {errors}");
    }
    let (code, _, errors) = command("predict", &[&file, "--threshold", "0,5"]);
    assert!(code == 2 && errors.contains("the decimal sign is a point: 0.5"), "{errors}");
    let (code, _, errors) = command("predict", &[&file, "--threshold", "1.5"]);
    assert!(code == 3 && errors.contains("evaluate.threshold"), "{errors}");
    assert_eq!(command("predict", &[]).0, 2, "no file");
}

/// A copy of the run without some of its files.
fn without(removed: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("checkpoints")).unwrap();
    for name in ["config.toml", "checkpoints/best-3.safetensors", "checkpoints/best-4.safetensors"] {
        if !removed.contains(&name) {
            fs::copy(Path::new(trained()).join(name), folder.path().join(name)).unwrap();
        }
    }
    folder
}

#[test]
fn what_is_no_trained_run_is_named() {
    let file = audio("silence_16k.wav");
    let refused = |run: &str| {
        let (code, text, errors) = run_on(run, &file);
        assert_eq!((code, text.as_str()), (3, ""), "{errors}");
        assert!(errors.contains(run), "{errors}");
        errors
    };
    assert!(refused("no-such-run").contains("no run here"));
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(empty.path().to_str().unwrap()).contains("no run here"));
    assert!(refused(&file).contains("not a whole safetensors file"));
    assert!(refused(&format!("{}/checkpoints/last.safetensors", trained())).contains("not a trained model"));
    let untrained = without(&["checkpoints/best-4.safetensors"]);
    let message = refused(untrained.path().to_str().unwrap());
    assert!(message.contains("no model of seed 4 yet") && message.contains("--resume"), "{message}");

    let mixed = without(&[]);
    let path = mixed.path().join("checkpoints/best-4.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    // The length of the header stays what it is.
    let mut replace = |old: &str, new: &str| {
        let at = bytes.windows(old.len()).position(|word| word == old.as_bytes()).unwrap();
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
        fs::write(&path, &bytes).unwrap();
    };
    replace("Cat", "Cow");
    assert!(refused(mixed.path().to_str().unwrap()).contains("do not match its checksum"));
    // A file without a checksum was changed on purpose.
    replace("\"sha256\"", "\"absent\"");
    assert!(refused(mixed.path().to_str().unwrap()).contains("not of the same training"));
    // A pool that does not divide its input.
    replace("[[4,4],", "[[0,4],");
    assert!(refused(path.to_str().unwrap()).contains("model.pools"));
}

fn run_on(trained: &str, file: &str) -> (i32, String, String) {
    outcome(weaklabel(&["predict", trained, file]).output().unwrap())
}

#[test]
fn help_explains_windows_and_exit_codes() {
    let (code, help, _) = run("predict --help");
    assert_eq!(code, 0);
    for word in ["what lies beside a window has no influence on it", "filename, onset and offset", "exit code is 6"] {
        assert!(help.replace("\n", " ").contains(word), "{word}: {help}");
    }
    assert!(run("--help").1.contains("6  partly done"));
}

#[test]
fn keys_of_a_line_of_json_stay_what_they_are() {
    let (_, text, _) = command("predict", &[&audio("silence_16k.wav"), "--json", "--every", "0.2", "--seed", "3"]);
    let line: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let keys: Vec<&str> = line.keys().map(String::as_str).collect();
    assert_eq!(keys, ["file", "probabilities", "seconds", "tags", "thresholds", "windows"]);
    let keys: Vec<&String> = line["windows"][4].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["onset", "offset", "tags", "probabilities"]);
}
