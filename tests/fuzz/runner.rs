//! Fuzzing of every kind of input: the corpus first, then mutations of it for `WEAKLABEL_FUZZ_S` seconds, by default 20
//! in continuous integration and one elsewhere.
//!
//! An input that fails is left in `target/tmp/fuzz/KIND`, even if it ends the process.

use std::fs::File;
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use weaklabel::base::counter_rng::Key;

use super::{bodies, corpus, mutate};
use crate::support::missing::in_ci;

/// Largest processor time for an input, in hundredths of a second as Linux counts them.
const MOST_TICKS: u64 = 200;
const SEED: u64 = 1;

fn run(kind: &str) {
    let (_, body) = bodies::KINDS.into_iter().find(|(name, _)| *name == kind).unwrap();
    let inputs = corpus::read(kind);
    let subject = Subject::new(kind, body);
    for input in &inputs {
        subject.try_on(input);
    }
    let (start, limit) = (Instant::now(), seconds());
    let (mut n, mut accepted) = (0, 0);
    while start.elapsed() < limit {
        let input = mutate::mutated(&inputs, &mut Key::new(SEED).named(kind).child(n).stream());
        accepted += u64::from(subject.try_on(&input));
        n += 1;
    }
    eprintln!("{kind}: {} inputs and {n} mutations of them, of which {accepted} are accepted", inputs.len());
}

fn seconds() -> Duration {
    let set = std::env::var("WEAKLABEL_FUZZ_S").ok().filter(|text| !text.is_empty());
    let default = if in_ci() { 20.0 } else { 1.0 };
    Duration::from_secs_f64(set.map_or(default, |text| text.parse().expect("WEAKLABEL_FUZZ_S is a number of seconds")))
}

/// A kind of input under test.
struct Subject {
    body: bodies::Body,
    /// File that holds the current input.
    path: PathBuf,
    /// The open file. It stays open because some file systems wait for the disk when a file that was truncated and
    /// rewritten is closed.
    file: File,
    /// Number of the current input.
    turn: Arc<AtomicU64>,
}

impl Subject {
    fn new(kind: &str, body: bodies::Body) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
        std::fs::create_dir_all(&folder).unwrap();
        let (path, turn) = (folder.join(kind), Arc::default());
        let file = File::create(&path).unwrap();
        let (weak, at) = (Arc::downgrade(&turn), path.clone());
        if let Some(stat) = own_stat() {
            std::thread::spawn(move || end_hangs(&weak, &stat, &at));
        }
        Self { body, path, file, turn }
    }

    /// Tries the input and returns whether the program accepts it.
    fn try_on(&self, input: &[u8]) -> bool {
        let mut file = &self.file;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(input)).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| bodies::check(self.body, input)));
        self.turn.fetch_add(1, Ordering::Relaxed);
        outcome.unwrap_or_else(|_| panic!("the input at fault is in {}", self.path.display()))
    }
}

/// Returns the file in which Linux reports the processor time of this thread. Wall-clock time would include that of
/// other programs.
fn own_stat() -> Option<PathBuf> {
    let thread = std::fs::read_link("/proc/thread-self").ok()?;
    Some(Path::new("/proc").join(thread).join("stat"))
}

/// Reads the processor time of a thread in ticks of 10 ms.
fn ticks(stat: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(stat).ok()?;
    // The second field is the thread's name, which may contain anything; the fourteenth and fifteenth are the times.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// Ends the process when one input takes too long, since an endless loop cannot be ended otherwise.
fn end_hangs(turn: &Weak<AtomicU64>, stat: &Path, path: &Path) {
    let mut seen = (u64::MAX, 0);
    while let (Some(turn), Some(ticks)) = (turn.upgrade(), ticks(stat)) {
        let turn = turn.load(Ordering::Relaxed);
        if turn != seen.0 {
            seen = (turn, ticks);
        }
        if ticks - seen.1 > MOST_TICKS {
            // `eprintln` is not used, because its output would be captured by the test.
            let _ = writeln!(std::io::stderr(), "an input takes more than two seconds: {}", path.display());
            std::process::abort();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn audio() {
    run("audio");
}

#[test]
fn annotations() {
    run("annotations");
}

#[test]
fn cooccurrence() {
    run("cooccurrence");
}

#[test]
fn configuration() {
    run("configuration");
}

#[test]
fn models() {
    run("model");
}

#[test]
fn training_states() {
    run("state");
}

#[test]
fn rows_of_a_store() {
    run("rows");
}
