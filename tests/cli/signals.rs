//! The first signal sets the flag, the second ends the process; what a signal or a kill leaves behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::support::files::names;
use crate::support::program::{outcome, run_in, weaklabel};

const CHILD: &str = "WEAKLABEL_TEST_WAITS_FOR_SIGNALS";

#[test]
#[ignore = "the other half of the test below, which runs it in a process of its own"]
fn wait_for_signals() {
    // Someone may run all ignored tests: nobody would send a signal then.
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let stop = weaklabel::cli::signals::catch().unwrap();
    println!("waiting");
    while !stop.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("stopping");
    std::thread::sleep(Duration::from_secs(60));
    panic!("no second signal came");
}

#[test]
fn the_first_signal_asks_and_the_second_aborts() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "cli::signals::wait_for_signals"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("waiting")));
    signal("-TERM");
    assert!(lines.any(|line| line.contains("stopping")));
    signal("-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopping where nothing is lost"));
}

/// Starts the program with the words of `line` in `folder` and returns it once `there` is true.
fn start(folder: &Path, line: &str, there: impl Fn() -> bool) -> Child {
    let mut command = weaklabel(&[]);
    command.current_dir(folder).args(line.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let begin = Instant::now();
    while !there() {
        assert!(begin.elapsed() < Duration::from_secs(300), "{line} does not get on");
        assert!(child.try_wait().unwrap().is_none(), "{line} came to an end");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// The clips would take the better part of an hour: that the program ends at all shows that it does not finish them.
#[test]
fn a_signal_ends_the_making_of_features() {
    let folder = tempfile::tempdir().unwrap();
    let line = "train -o run --progress none --set train.seconds=0.2 --set data.train=20000 --set data.validation=10";
    let child = start(folder.path(), line, || folder.path().join("run/config.toml").is_file());
    send("-TERM", &child);
    let (code, out, errors) = outcome(child.wait_with_output().unwrap());
    assert_eq!((code, out.as_str()), (75, ""), "{errors}");
    assert!(errors.ends_with("weaklabel: stopped early: continue run with --resume\n"), "{errors}");
    assert!(!folder.path().join("run/checkpoints/last.safetensors").exists());
}

#[test]
#[ignore = "slow"]
fn a_dataset_that_was_not_finished_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let begun = || names(folder.path()).iter().any(|name| folder.path().join(name).join("whole/train").is_dir());
    let long = "generate -o set --wav --progress none --train 20000 --valid 10 --eval 10";
    let child = start(folder.path(), long, begun);
    send("-INT", &child);
    let (code, out, errors) = outcome(child.wait_with_output().unwrap());
    assert_eq!((code, out.as_str()), (75, ""), "{errors}");
    assert!(errors.ends_with("before there was anything to keep: the same command starts again\n"), "{errors}");
    assert_eq!(names(folder.path()), [""; 0]);

    // Killed, it cannot clean up: the next one does.
    let mut child = start(folder.path(), long, begun);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(folder.path()).len(), 1);
    let tiny = "generate -o set --train 10 --valid 10 --eval 10 --set scene.clip_s=2";
    assert_eq!(run_in(folder.path(), tiny).0, 0);
    assert_eq!(names(folder.path()), ["set"]);
}

#[test]
fn a_training_that_was_stopped_is_not_called_done() {
    let folder = tempfile::tempdir().unwrap();
    let line = "train -o run --progress plain --set model.filters=[8] --set model.pools=[[4,4]] --set model.hidden=4 \
        --set train.seconds=0.2 --set data.train=20 --set data.validation=10 --set scene.clip_s=1 --set train.checkpoint_s=0 \
        --set train.epochs=1000000 --set train.min_epochs=1000000";
    let child = start(folder.path(), line, || folder.path().join("run/checkpoints/last.safetensors").is_file());
    send("-TERM", &child);
    let (code, _, errors) = outcome(child.wait_with_output().unwrap());
    assert_eq!(code, 75, "{errors}");
    assert!(errors.ends_with("weaklabel: stopped early: continue run with --resume\n"), "{errors}");
    assert!(!errors.contains("training: done"), "{errors}");
}
