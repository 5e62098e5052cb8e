//! Processes that are waited for, stopped and killed.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use weaklabel::experiments::search::TrialState;
use weaklabel::experiments::store::TrialRow;

/// Longer than anything here takes, even on a machine that stalls.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs `command`, which must succeed.
pub fn succeed(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Waits until `what` gives something.
pub fn wait<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "what was waited for does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process whose stderr goes to a file; it is killed when dropped.
pub struct Process {
    pub child: Child,
    log: PathBuf,
}

impl Process {
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    /// Sends a signal, such as `-TERM`.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Whether it holds the lease of `row`: a worker's name has its process number.
    pub fn holds(&self, row: &TrialRow) -> bool {
        row.state == TrialState::Running
            && row.worker.as_ref().is_some_and(|w| w.contains(&format!(":{}:", self.child.id())))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end; the exit code, none after a signal.
    pub fn end(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end:\n{}", self.logged());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
