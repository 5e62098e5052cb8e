//! Files and edits, merged in order.

use std::path::PathBuf;

use weaklabel::config::{Config, Method, ModelConfig, Variant, parse_config, read_config, to_toml};
use weaklabel::experiments::study::cells;

/// Writes `text` to a file of its own and returns its path, which lives as long as the folder.
fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn edited(sets: &[&str]) -> Result<Config, String> {
    let sets: Vec<String> = sets.iter().map(|&s| s.to_owned()).collect();
    read_config(&[], &sets).map_err(|e| e.to_string())
}

fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "run.toml", text);
    let message = read_config(&[path], &[]).unwrap_err().to_string();
    message.replace(&format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR), "")
}

#[test]
fn no_file_is_needed() {
    assert_eq!(read_config(&[], &[]).unwrap(), Config::default());
}

#[test]
fn later_files_win_key_by_key_and_edits_win_over_files() {
    let folder = tempfile::tempdir().unwrap();
    let first = file(&folder, "a.toml", "[train]\nbatch = 20\nepochs = 7\nseeds = [1, 2, 3]\n");
    let second = file(&folder, "b.toml", "train.epochs = 9\ntrain.seeds = [5]\n[data]\nvariant = '200ms'\n");
    let sets = ["train.patience=3".to_owned(), "train.patience=4".to_owned()];
    let config = read_config(&[first, second], &sets).unwrap();
    assert_eq!((config.train.batch, config.train.epochs, config.train.patience), (20, Some(9), 4));
    assert_eq!(config.train.seeds, [5], "a list replaces, it is not merged");
    assert_eq!(config.data.variant, Variant::Ms200);
    assert_eq!(config.optimiser, Config::default().optimiser);
}

#[test]
fn an_edit_is_toml_or_else_a_bare_word() {
    let config = edited(&[
        "train.method=classifier",
        "data.variant=200ms",
        "optimiser.lr=3e-4",
        "train.seeds=[4, 5]",
        "train.seconds=1",
        "model.pools=[[2,2],[2,2],[1,4],[1,2]]",
    ])
    .unwrap();
    assert_eq!((config.train.method, config.data.variant), (Method::Classifier, Variant::Ms200));
    assert_eq!((config.optimiser.lr, config.train.seconds), (3e-4, 1.0));
    assert_eq!(config.train.seeds, [4, 5]);
}

#[test]
fn a_width_alone_is_a_list_of_one_hidden_layer() {
    let folder = tempfile::tempdir().unwrap();
    let hidden = |text: &str| read_config(&[file(&folder, "run.toml", text)], &[]).unwrap().model.hidden;
    assert_eq!(hidden("[model]\nhidden = 48\n"), [48]);
    assert_eq!(hidden("[model]\nhidden = [64, 32]\n"), [64, 32]);
    assert!(hidden("[model]\nhidden = []\n").is_empty());
    assert_eq!(edited(&["model.hidden=16"]).unwrap().model.hidden, [16]);
    assert_eq!(edited(&["model.hidden=[16, 8]", "model.hidden=[]"]).unwrap().model.hidden, [0; 0]);
    // As JSON too, in the metadata of a model.
    let of_json = |text: &str| serde_json::from_str::<ModelConfig>(text).unwrap();
    assert_eq!(of_json(r#"{"hidden": 48}"#), of_json(r#"{"hidden": [48]}"#));
    // It is written as a list.
    assert!(to_toml(&edited(&["model.hidden=16"]).unwrap()).unwrap().contains("hidden = [16]"));

    let message = refused("[model]\nslope = 0.1\nhidden = 'wide'\n");
    assert!(message.starts_with("run.toml:3: invalid type: string \"wide\", expected a number of units"), "{message}");
    let message = refused("[model]\nhidden = [32,\n  0]\n");
    assert!(message.starts_with("run.toml:2: model.hidden: must be between 1 and 65536 each"), "{message}");
}

#[test]
fn an_edit_of_a_path_may_look_like_any_toml_value() {
    for path in ["sounds", "/some where/else", "2024", "2024-01-01", "true", "[x]", "1\nb = 2", "a=b"] {
        let config = edited(&[&format!("data.dataset={path}")]).unwrap();
        assert_eq!(config.data.dataset, Some(PathBuf::from(path)));
    }
    assert_eq!(edited(&["data.dataset=\"2024\""]).unwrap().data.dataset, Some("2024".into()));
}

#[test]
fn the_resolved_document_loads_to_an_equal_configuration() {
    let mut config = edited(&["train.seeds=[3, 9223372036854775807]", "optimiser.lr=0.00012345678901234567"]).unwrap();
    config.data.soundbank = Some("a \"quoted\" \\ folder".into());
    config.data.dataset = Some("datensätze".into());
    let folder = tempfile::tempdir().unwrap();
    let text = to_toml(&config).unwrap();
    assert_eq!(read_config(&[file(&folder, "config.toml", &text)], &[]).unwrap(), config);
}

#[cfg(unix)]
#[test]
fn a_path_toml_cannot_hold_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let mut config = Config::default();
    config.data.dataset = Some(std::ffi::OsString::from_vec(b"Ger\xe4usche".to_vec()).into());
    assert!(to_toml(&config).is_err());
    let message = weaklabel::config::validate(&config).unwrap_err().to_string();
    assert!(message.starts_with("data.dataset: must be a path in UTF-8"), "{message}");
}

#[test]
fn every_example_configuration_loads() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut files = Vec::new();
    for folder in [folder.clone(), folder.join("paper"), folder.join("grid")] {
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")));
    }
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let config = read_config(std::slice::from_ref(&file), &[]).unwrap();
        cells(&config).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    // What the paper's rows and its grid write out are the defaults, but for the method and the five seeds.
    for (method, most_epochs) in [("classifier", 200), ("triplets", 500), ("prototypes", 200)] {
        let paper = read_config(&[folder.join(format!("paper/{method}.toml"))], &[]).unwrap();
        let mut expected = Config::default();
        expected.train.method = paper.train.method;
        (expected.train.seeds, expected.train.epochs) = (vec![1, 2, 3, 4, 5], Some(most_epochs));
        assert_eq!(paper, expected, "{method}");
        assert_eq!((paper.train.method.name(), paper.train.most_epochs()), (method, most_epochs));
    }
    assert_eq!(read_config(&[folder.join("grid/paper.toml")], &[]).unwrap(), Config::default());
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_the_nearest_one() {
    let message = refused("[train]\nbatch = 20\nepoch = 3\n");
    assert!(message.starts_with("run.toml:3: unknown key `epoch`"), "{message}");
    assert!(message.contains("did you mean `epochs`?"), "{message}");
    assert!(message.ends_with("  |\n3 | epoch = 3\n  | ^^^^^"), "{message}");

    let message = refused("[optimizer]\nlr = 1e-3\n");
    assert!(message.starts_with("run.toml:1: ") && message.contains("did you mean `optimiser`?"), "{message}");

    let message = refused("[train]\nmethod = 'clasifier'\n");
    assert!(message.starts_with("run.toml:2: unknown value `clasifier`"), "{message}");

    let message = refused("[train]\nzzzzzzzzz = 1\n");
    assert!(!message.contains("did you mean"), "nothing is near: {message}");
}

#[test]
fn a_wrong_type_or_a_broken_file_is_shown_with_its_line() {
    let message = refused("\n[train]\nbatch = 'ten'\n");
    assert!(message.starts_with("run.toml:3: invalid type: string \"ten\""), "{message}");
    assert!(message.contains("3 | batch = 'ten'"), "{message}");
    assert!(refused("[train]\nbatch = -1\n").starts_with("run.toml:2: invalid value: integer `-1`"));
    assert!(refused("[train\n").starts_with("run.toml:1: "));
    assert!(refused("[train]\nbatch = 1\nbatch = 2\n").starts_with("run.toml:3: duplicate key"));
}

#[test]
fn bytes_that_are_not_text_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.toml");
    std::fs::write(&path, b"[data]\nsoundbank = 'Ger\xe4usche'\n").unwrap();
    let error = read_config(&[path], &[]).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("latin1.toml:2: not UTF-8"), "{error}");
}

#[test]
fn a_missing_file_is_a_bad_configuration_that_is_named() {
    let error = read_config(&["no/such/file.toml".into()], &[]).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("no/such/file.toml: there is no such file: name a TOML file"), "{message}");
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn a_key_of_any_depth_is_refused() {
    let deep = vec!["a"; 60_000].join(".");
    let message = edited(&[&format!("{deep}=1")]).unwrap_err();
    assert!(message.contains("expected SECTION.KEY=VALUE") && message.len() < 1000, "{message}");
    let message = edited(&["train.epochs.a.b.c.d=1"]).unwrap_err();
    assert!(message.contains("invalid type: map"), "{message}");
    for text in [format!("{deep} = 1\n"), format!("[{deep}]\n"), format!("a = {}\n", "[".repeat(60_000))] {
        let message = refused(&text);
        assert!(message.starts_with("run.toml:1: ") && message.len() < 2000, "{message}");
    }

    // Edits and keys within a document, too.
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "study.toml", &format!("[[study.cell]]\nset = ['{deep}=1']\n"));
    let error = cells(&read_config(&[path], &[]).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("study.cell.set a.a."), "{error}");
    assert_eq!(error.exit_code(), 3);
    let space = format!("[[search.space]]\nname = 'model.{deep}'\nuniform = [0, 1]\n");
    let path = file(&folder, "search.toml", &space);
    let error = read_config(&[path], &[])
        .and_then(|config| weaklabel::experiments::search::check(&config, |_| ()))
        .unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
}

#[test]
fn a_message_quotes_little_of_a_long_line() {
    let long = "x".repeat(200_000);
    for text in [
        format!("{long} = 1\n"),
        format!("[train]\n{long} = 1\n"),
        format!("[train]\nmethod = '{long}'\n"),
        format!("[train]\nbatch = '{long}'\n"),
        format!("[model]\nfilters = [{}70000]\n", "8, ".repeat(60_000)),
        format!("{long}\n"),
    ] {
        let message = refused(&text);
        assert!(message.starts_with("run.toml:") && message.len() < 2000, "{} bytes: {message:.300}", message.len());
    }
    let message = edited(&[&format!("train.batch={long}")]).unwrap_err();
    assert!(message.starts_with("--set train.batch=xxx") && message.len() < 2000, "{message:.300}");
}

/// The largest documents that are read take a bounded multiple of their size, whatever stands in them.
#[test]
fn the_largest_documents_take_little_memory() {
    let fill = |head: &str, item: &str, tail: &str| format!("{head}{}{tail}", item.repeat((255 << 10) / item.len()));
    let documents = [
        fill("train.seeds = [", "1,", "1]"),
        fill("model.filters = [", "8,", "8]"),
        fill("evaluate.seconds = [", "1,", "1]"),
        fill("[[search.space]]\nname = 'train.batch'\nchoice = [", "1,", "1]"),
        fill("[[search.space]]\nname = 'train.batch'\nchoice = [", "[],", "1]"),
        fill("[[search.space]]\nname = 'a'\n", "[[search.space]]\nname = 'a'\n", ""),
        fill("", "[[study.cell]]\n", ""),
        fill("[[study.cell]]\nset = [", "'',", "'']\n"),
        fill("a = [", "{},", "1]"),
        fill("a = ", "[", ""),
        fill("", "[a]\n", ""),
        fill("", "\n", ""),
        fill("[data]\n", "#\n", ""),
        fill("study.title = '", "x", "'"),
    ];
    for text in documents {
        let start = &text[..60.min(text.len())];
        let mut outcome = Ok(Config::default());
        let used = allocation_counter::measure(|| outcome = parse_config("document", &text)).bytes_max;
        assert!(used < 64 << 20, "{} MiB: {start}", used >> 20);
        let size = outcome.err().is_some_and(|error| error.to_string().contains("larger than"));
        assert!(!size, "not read at all: {start}");
    }
}

#[test]
fn a_file_without_an_end_is_refused() {
    let message = refused(&"#\n".repeat(1 << 20));
    assert_eq!(message, "run.toml: larger than 256 KiB: a configuration is a short text file");
    assert!(parse_config("row 3", &" ".repeat(1 << 21)).unwrap_err().to_string().starts_with("row 3: larger than"));
    #[cfg(target_os = "linux")]
    assert!(read_config(&["/dev/zero".into()], &[]).unwrap_err().to_string().starts_with("/dev/zero: larger than"));
    // What is written can be read again.
    let mut config = Config::default();
    config.study.title = "x".repeat(1 << 20);
    assert!(to_toml(&config).unwrap_err().to_string().contains("larger than"));
}

#[test]
fn more_seeds_than_can_train_together_are_refused() {
    let seeds: Vec<String> = (0..30_000).map(|seed| seed.to_string()).collect();
    let message = refused(&format!("[train]\nseeds = [{}]\n", seeds.join(", ")));
    assert_eq!(message, "run.toml:2: train.seeds: must be at least one seed and at most 1024, not 30000");
    let most: Vec<String> = seeds[..1024].to_vec();
    assert_eq!(edited(&[&format!("train.seeds=[{}]", most.join(","))]).unwrap().train.seeds.len(), 1024);
}

#[test]
fn a_wrong_edit_is_quoted() {
    let start = |edit: &str| {
        let message = edited(&[edit]).unwrap_err();
        assert!(message.starts_with(&format!("--set {edit}: ")), "{message}");
        message
    };
    assert!(start("train.epoch=3").contains("did you mean `epochs`?"));
    assert!(start("trian.epochs=3").contains("did you mean `train`?"));
    assert!(start("train.epochs=many").contains("invalid type: string \"many\""));
    assert!(start("train.epochs=2.5").contains("invalid type: floating point `2.5`"));
    assert!(start("train.epochs").contains("KEY=VALUE"));
    assert!(start("train.=3").contains("SECTION.KEY=VALUE"));
    assert!(start("=3").contains("SECTION.KEY=VALUE"));
    assert!(start("train=3").contains("invalid type"));
}

#[test]
fn a_value_out_of_range_is_traced_to_where_it_was_written() {
    let message = refused("[train]\nseconds = 1\n\nbatch = 0\n");
    assert_eq!(message, "run.toml:4: train.batch: must be between 1 and 65536, not 0");
    let message = refused("train = { batch = 3,\n  seconds = 0.3 }\n");
    assert!(message.starts_with("run.toml:2: train.seconds: 0.3 s are 30 frames"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "run.toml", "train.batch = 0\n");
    let error = read_config(std::slice::from_ref(&path), &["train.batch=70000".into()]).unwrap_err();
    assert_eq!(error.to_string(), "--set train.batch=70000: must be between 1 and 65536, not 70000");
    assert!(read_config(&[path], &["train.batch=20".into()]).is_ok(), "only the value that counts is checked");
}

#[test]
fn a_wrong_type_is_answered_with_what_a_person_would_write() {
    for (edit, words) in [
        ("train.seconds=0,5", "string \"0,5\", expected a number; the decimal sign is a point: 0.5"),
        ("optimiser.lr=small", "string \"small\", expected a number"),
        ("train.seconds=200ms", "expected a number; a time is a number of seconds: 0.2"),
        ("train.batch=2.5", "floating point `2.5`, expected a whole number from 0"),
        ("train.seeds=5", "expected a list, as in [1, 2]"),
        ("train=3", "expected the keys of a section, as in train.epochs=50"),
    ] {
        let message = edited(&[edit]).unwrap_err();
        assert!(message.ends_with(words), "{message}");
    }
    let message = refused("[train]\nseconds = 0,5\n");
    assert!(message.starts_with("run.toml:2: ") && message.contains("the decimal sign is a point: 0.5"), "{message}");
}

#[test]
fn a_key_in_the_wrong_section_is_answered_with_the_right_one() {
    for (edit, words) in [
        ("train.lr=1e-3", "did you mean `optimiser.lr` or `tagger.lr`?"),
        ("lr=1e-3", "did you mean `optimiser.lr` or `tagger.lr`?"),
        ("optimiser.learning_rate=1e-3", "did you mean `optimiser.lr` or `tagger.lr`?"),
        ("train.batch_size=20", "did you mean `train.batch` or `tagger.batch`?"),
        ("train.dropout=0.5", "did you mean `model.dropout`?"),
        ("train.epoch=5", "did you mean `epochs`?"),
    ] {
        let message = edited(&[edit]).unwrap_err();
        assert!(message.contains("unknown key") && message.ends_with(words), "{message}");
    }
    let message = refused("[train]\nlr = 1e-3\n");
    assert!(message.starts_with("run.toml:2: unknown key `lr`") && message.contains("`optimiser.lr`"), "{message}");
}

#[test]
fn the_seeds_of_a_study_are_a_number_or_a_list() {
    let seeds = |edit: &str| edited(&[edit]).unwrap().study.seeds;
    assert_eq!(seeds("study.seeds=3"), [1, 2, 3]);
    assert_eq!(seeds("study.seeds=[4, 7]"), [4, 7]);
    // Both are written so that they are read again, seeds that are counted from 1 as their number.
    for (edit, written) in [("study.seeds=3", "\nseeds = 3\n"), ("study.seeds=[4, 7]", "\nseeds = [4, 7]\n")] {
        let config = edited(&[edit]).unwrap();
        let text = to_toml(&config).unwrap();
        assert!(text.contains(written), "{text}");
        assert_eq!(parse_config("study.toml", &text).unwrap(), config);
    }
    assert_eq!(cells(&edited(&["study.seeds=[4, 7]"]).unwrap()).unwrap()[0].config.train.seeds, [4, 7]);
}
