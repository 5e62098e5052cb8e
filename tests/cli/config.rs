//! `weaklabel config`, and how configurations reach a command.

use std::fs;

use weaklabel::config::{Config, read_config};

use crate::support::program::{outcome, run, run_in, weaklabel};

#[test]
fn what_print_writes_is_a_configuration_that_prints_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (code, first, errors) = run("config print --set train.seeds=[3,1] --set data.soundbank=sounds");
    assert_eq!((code, errors.as_str()), (0, ""));
    fs::write(folder.path().join("run.toml"), &first).unwrap();
    let (code, second, _) = run_in(folder.path(), "config print -c run.toml");
    assert_eq!((code, &second), (0, &first));
    let config = read_config(&[folder.path().join("run.toml")], &[]).unwrap();
    assert_eq!(config.train.seeds, [3, 1]);
    let with_epochs =
        |line: &str| run(line).1.lines().filter(|line| line.contains("epochs = ")).map(str::to_owned).next();
    let line = "# epochs = 500 (not set: the default of method = \"triplets\")";
    assert_eq!(with_epochs("config print --set train.method=triplets").as_deref(), Some(line));
    assert_eq!(with_epochs("config print --set train.epochs=5").as_deref(), Some("epochs = 5"));
}

#[test]
fn json_is_the_same_configuration_and_nothing_else() {
    let (code, text, errors) = run("--json config print --set train.batch=20");
    assert_eq!((code, errors.as_str()), (0, ""));
    let config: Config = serde_json::from_str(&text).unwrap();
    assert_eq!(config, read_config(&[], &["train.batch=20".into()]).unwrap());
}

#[test]
fn options_are_accepted_before_and_after_the_command_and_later_files_win() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.toml"), "train.batch = 20\ntrain.epochs = 7\n").unwrap();
    fs::write(folder.path().join("b.toml"), "train.batch = 30\n").unwrap();
    for line in
        ["-c a.toml -c b.toml config print", "config print -c a.toml b.toml", "config print --config=a.toml -c b.toml"]
    {
        let (code, text, errors) = run_in(folder.path(), line);
        assert_eq!(code, 0, "{errors}");
        assert!(text.contains("\nbatch = 30\n") && text.contains("\nepochs = 7\n"), "{line}: {text}");
    }
}

#[test]
fn the_environment_is_the_weakest_way_to_set_an_option() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env.toml");
    fs::write(&path, "train.batch = 50\n").unwrap();
    let print = |extra: &[&str]| {
        let mut command = weaklabel(&[]);
        command.env("WEAKLABEL_CONFIG", &path).env("WEAKLABEL_SET", "train.epochs=3").args(["config", "print"]);
        outcome(command.args(extra).output().unwrap()).1
    };
    let text = print(&[]);
    assert!(text.contains("\nbatch = 50\n") && text.contains("\nepochs = 3\n"), "{text}");
    assert!(print(&["--set", "train.epochs=4"]).contains("\nepochs = 4\n"));
}

#[test]
fn check_is_silent_about_what_is_right() {
    assert_eq!(run("config check"), (0, String::new(), String::new()));
    let examples = format!("{}/configs", env!("CARGO_MANIFEST_DIR"));
    let files = [format!("{examples}/paper/classifier.toml"), format!("{examples}/smoke.toml")];
    let (code, out, errors) = outcome(weaklabel(&["config", "check"]).args(files).output().unwrap());
    assert_eq!((code, out.as_str(), errors.as_str()), (0, "", ""));
}

#[test]
fn check_says_where_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run.toml"), "[train]\nbatch = 20\nepoch = 3\n").unwrap();
    let (code, out, errors) = run_in(folder.path(), "config check run.toml");
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(errors.starts_with("weaklabel: run.toml:3: unknown key `epoch`"), "{errors}");
    assert!(errors.contains("did you mean `epochs`?") && errors.contains("3 | epoch = 3"), "{errors}");

    let (code, _, errors) = run("config check --set train.batch=0");
    assert_eq!((code, errors.as_str()), (3, "weaklabel: --set train.batch=0: must be between 1 and 65536, not 0\n"));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, errors) = run_in(folder.path(), "config check nothing.toml");
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(errors.starts_with("weaklabel: nothing.toml: there is no such file: "), "{errors}");
    let (code, _, errors) = run_in(folder.path(), "config check .");
    assert_eq!(code, 1, "{errors}");
    assert!(errors.starts_with("weaklabel: cannot read .: "), "{errors}");
}

#[test]
fn a_setting_that_the_method_does_not_use_is_a_warning() {
    let train = |words: &str| {
        let line = format!("train -o run --dry-run --set data.train=20 --set data.validation=10 {words}");
        run_in(tempfile::tempdir().unwrap().path(), &line).2
    };
    let errors = train("--set tagger.lr=0.01");
    assert!(
        errors.contains("--set tagger.lr has no effect on --method classifier: its own key is optimiser.lr"),
        "{errors}"
    );
    assert!(train("--set tagger.epochs=5").contains("its own key is train.epochs"));
    for used in ["--set optimiser.lr=0.01", "--set tagger.lr=0.01 --method triplets"] {
        assert!(!train(used).contains("no effect"), "{used}");
    }
}
