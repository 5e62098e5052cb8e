//! The first signal sets the flag, the second ends the process.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

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
