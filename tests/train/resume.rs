//! A training that was killed or stopped resumes to the same bits.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use weaklabel::output::RunDir;

use crate::support::left::{assert_same, training};
use crate::support::process::{succeed, wait};
use crate::support::program::weaklabel;
use crate::support::training::{METHODS, train_command};

/// Runs `command`, which starts or resumes a training, and returns its process once `epochs` epochs are in the metrics.
fn in_epoch(run: &Path, mut command: Command, epochs: usize) -> Child {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let lines = || std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count();
    wait(|| (lines() >= epochs).then_some(()));
    child
}

fn resume_command(run: &Path) -> Command {
    let mut command = weaklabel(&["train", "--resume", "--progress", "none", "-o"]);
    command.arg(run);
    command
}

/// Trains, and ends the process in each of the `epochs`, resuming in between. Returns the last exit status. If the
/// training finishes before it can be ended, it shows nothing and is made again.
fn broken_off(run: &Path, method: (&str, usize), epochs: &[usize], end: impl Fn(&mut Child)) -> ExitStatus {
    for _ in 0..5 {
        let mut last = None;
        for (time, epochs) in epochs.iter().enumerate() {
            let command = if time == 0 { train_command(run, method, "5") } else { resume_command(run) };
            let mut child = in_epoch(run, command, *epochs);
            end(&mut child);
            last = Some(child.wait().unwrap());
        }
        if !run.join("DONE").exists() {
            return last.unwrap();
        }
        std::fs::remove_dir_all(run).unwrap();
    }
    panic!("{method:?}: ended too late five times");
}

#[test]
#[ignore = "slow"]
fn a_killed_run_goes_on_to_the_same_bits() {
    for method in METHODS {
        let folder = tempfile::tempdir().unwrap();
        let (broken, unbroken) = (folder.path().join("broken"), folder.path().join("unbroken"));
        // A method with two stages is interrupted once in each.
        broken_off(&broken, method, &[2, 9], |child| child.kill().unwrap());
        succeed(resume_command(&broken));
        succeed(train_command(&unbroken, method, "5"));
        assert_same(&training(&broken), &training(&unbroken));
        let again = weaklabel(&["train", "--resume", "-o", broken.to_str().unwrap()]).output().unwrap();
        assert_eq!(again.status.code(), Some(3), "a finished run is not resumed");
    }
}

#[test]
fn a_run_without_its_training_state_starts_again_and_reports_it() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, unbroken) = (folder.path().join("broken"), folder.path().join("unbroken"));
    broken_off(&broken, METHODS[0], &[3], |child| child.kill().unwrap());
    std::fs::remove_file(RunDir::open(&broken).unwrap().checkpoint("last")).unwrap();
    let mut command = resume_command(&broken);
    command.env_remove("RUST_LOG");
    let errors = String::from_utf8(succeed(command).stderr).unwrap();
    assert!(errors.contains("last.safetensors: it is not there") && errors.contains("first epoch"), "{errors}");
    succeed(train_command(&unbroken, METHODS[0], "5"));
    assert_same(&training(&broken), &training(&unbroken));
}

#[cfg(unix)]
#[test]
#[ignore = "slow"]
fn a_signal_leaves_a_checkpoint_and_exit_code_75() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, unbroken) = (folder.path().join("broken"), folder.path().join("unbroken"));
    let terminate =
        |child: &mut Child| assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(broken_off(&broken, METHODS[0], &[3], terminate).code(), Some(75));
    let first_piece = RunDir::open(&broken).unwrap().seconds_trained();
    let mut command = resume_command(&broken);
    command.arg("--json");
    let report: serde_json::Value = serde_json::from_slice(&succeed(command).stdout).unwrap();
    let all_pieces = RunDir::open(&broken).unwrap().seconds_trained();
    assert!(0.0 < first_piece && first_piece < all_pieces, "{first_piece} s, then {all_pieces} s");
    assert_eq!(report["seconds"], all_pieces);
    succeed(train_command(&unbroken, METHODS[0], "5"));
    assert_same(&training(&broken), &training(&unbroken));
}
