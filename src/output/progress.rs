//! Progress on stderr: a bar on a terminal, a plain line about every ten seconds elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::base::printable;
use crate::data::scenes::{Dataset, Subset};

/// The form in which progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ProgressMode {
    /// A bar if stderr is a terminal, plain lines otherwise.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// A line about every ten seconds.
    Plain,
    /// No progress is shown.
    None,
}

/// A display of running tasks on stderr. Clones share the display.
#[derive(Debug, Clone)]
pub struct Progress {
    mode: ProgressMode,
    bars: MultiProgress,
}

impl Progress {
    /// Makes a display in `mode`. [`ProgressMode::Auto`] is resolved here.
    pub fn new(mode: ProgressMode) -> Self {
        let mode = match mode {
            ProgressMode::Auto if io::stderr().is_terminal() => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Plain,
            other => other,
        };
        Self { mode, bars: MultiProgress::new() }
    }

    /// Starts to show a task of `total` units. `name` describes the task, for example "mixing clips".
    pub fn task(&self, name: &str, total: u64) -> Task {
        self.start(name, total, UnitStyle::Count)
    }

    /// Starts to show a task whose units mean nothing to a reader: only the share that is done is shown.
    pub fn work(&self, name: &str, total: u64) -> Task {
        self.start(name, total, UnitStyle::Share)
    }

    /// Returns a function that shows the making of features, with a task for each subset of `dataset`: it takes a
    /// subset and the number of its finished clips.
    pub fn features<'a>(&'a self, dataset: &'a Dataset) -> impl Fn(Subset, usize) + Sync + 'a {
        let subsets: [Mutex<(usize, Option<Task>)>; 3] = Default::default();
        move |subset, done| {
            let mut shown = subsets[subset as usize].lock().unwrap_or_else(PoisonError::into_inner);
            let (last, task) = &mut *shown;
            // Threads report in any order: a smaller number than the last one is late.
            if done <= *last {
                return;
            }
            *last = done;
            let total = dataset.len(subset);
            let name = || format!("{} features", subset.name());
            task.get_or_insert_with(|| self.task(&name(), total as u64)).set(done as u64);
            if done == total {
                task.take().into_iter().for_each(Task::finish);
            }
        }
    }

    fn start(&self, name: &str, total: u64, shown: UnitStyle) -> Task {
        let plain = || Plain { every: Duration::from_secs(10), last: Instant::now(), out: Box::new(io::stderr()) };
        match self.mode {
            ProgressMode::Plain => Task::new(name, ProgressBar::hidden(), total, shown, Some(plain())),
            ProgressMode::None => Task::new(name, ProgressBar::hidden(), total, shown, None),
            ProgressMode::Bar | ProgressMode::Auto => {
                let template = match shown {
                    UnitStyle::Count => "{prefix} [{bar:30}] {pos}/{len} {eta} {wide_msg}",
                    UnitStyle::Share => "{prefix} [{bar:30}] {percent} % {eta} {wide_msg}",
                };
                let style =
                    ProgressStyle::with_template(template).expect("the templates are constants").progress_chars("=> ");
                let bar = self.bars.add(ProgressBar::new(total));
                bar.set_style(style);
                Task::new(name, bar, total, shown, None)
            }
        }
    }

    /// Writes `text` to stderr above the bars.
    pub fn print(&self, text: &[u8]) -> io::Result<()> {
        self.suspend(|| io::stderr().write_all(text))
    }

    /// Runs `work`, which writes to the terminal, with the bars hidden.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bars.suspend(work)
    }
}

/// The form in which a task's units are shown.
#[derive(Debug, Clone, Copy)]
enum UnitStyle {
    Count,
    Share,
}

/// A running task. Several threads may advance it.
#[derive(Debug)]
pub struct Task {
    name: String,
    total: u64,
    shown: UnitStyle,
    start: Instant,
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
}

struct Plain {
    every: Duration,
    last: Instant,
    out: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plain").field("every", &self.every).finish_non_exhaustive()
    }
}

impl Task {
    fn new(name: &str, bar: ProgressBar, total: u64, shown: UnitStyle, plain: Option<Plain>) -> Self {
        bar.set_length(total);
        bar.set_prefix(name.to_owned());
        Self { name: name.into(), total, shown, start: Instant::now(), bar, plain: plain.map(Mutex::new) }
    }

    /// Adds `n` units to those done.
    pub fn advance(&self, n: u64) {
        self.bar.inc(n);
        self.print_when_due();
    }

    /// Sets the number of units done, for a task that is resumed or whose units are done in no order.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        self.print_when_due();
    }

    /// Sets the message beside the count, for example the loss.
    pub fn message(&self, message: impl AsRef<str>) {
        self.bar.set_message(printable::line(message.as_ref()).into_owned());
    }

    /// Ends the task: its bar disappears, or a last plain line is printed.
    pub fn finish(self) {
        if let Some(plain) = &self.plain {
            let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
            let count = match self.shown {
                UnitStyle::Count => format!("{} ", self.bar.position()),
                UnitStyle::Share => String::new(),
            };
            let line = format!("{}: {count}done in {:.1} s", self.name, self.start.elapsed().as_secs_f64());
            self.print(&mut plain, &line);
        }
        self.bar.finish_and_clear();
    }

    fn print_when_due(&self) {
        let Some(plain) = &self.plain else { return };
        // A thread that holds the lock is printing already, so no other needs to wait.
        let Ok(mut plain) = plain.try_lock() else { return };
        if plain.last.elapsed() < plain.every {
            return;
        }
        plain.last = Instant::now();
        let line = self.line(self.bar.position(), self.start.elapsed());
        self.print(&mut plain, &line);
    }

    fn print(&self, plain: &mut Plain, line: &str) {
        let message = self.bar.message();
        let separator = if message.is_empty() { "" } else { "; " };
        // Errors are ignored: work does not stop because nobody reads stderr.
        let _ = writeln!(plain.out, "{line}{separator}{message}");
    }

    fn line(&self, done: u64, elapsed: Duration) -> String {
        let percent = 100.0 * done as f64 / self.total.max(1) as f64;
        let elapsed = elapsed.as_secs_f64();
        let count = match self.shown {
            UnitStyle::Count => format!("{done}/{} ({percent:.0} %)", self.total),
            UnitStyle::Share => format!("{percent:.1} %"),
        };
        let mut line = format!("{}: {count}, {}", self.name, time(elapsed));
        // No forecast before the first percent, unless two minutes have passed: the beginning may be mostly
        // preparation.
        if done > 0 && done < self.total && (percent >= 1.0 || elapsed >= 120.0) {
            line += &format!(", about {} left", time(elapsed * (self.total - done) as f64 / done as f64));
        }
        line
    }
}

/// Formats a duration in seconds, minutes or hours.
fn time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        120.0..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // After an error, no half-drawn bar may stand above the error message.
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn plain(every: Duration) -> (Task, Buffer) {
        let buffer = Buffer::default();
        let plain = Plain { every, last: Instant::now(), out: Box::new(buffer.clone()) };
        (Task::new("mixing clips", ProgressBar::hidden(), 20, UnitStyle::Count, Some(plain)), buffer)
    }

    fn text(buffer: &Buffer) -> String {
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn plain_lines_count_and_say_the_message() {
        let (task, buffer) = plain(Duration::ZERO);
        task.advance(3);
        task.message("loss 0.7");
        task.set(20);
        task.finish();
        let text = text(&buffer);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("mixing clips: 3/20 (15 %), 0 s, about "), "{text}");
        assert_eq!(lines[1], "mixing clips: 20/20 (100 %), 0 s; loss 0.7");
        assert!(lines[2].starts_with("mixing clips: 20 done in 0.") && lines[2].ends_with("; loss 0.7"), "{text}");
    }

    #[test]
    fn a_message_is_one_line_that_steers_no_terminal() {
        let (task, buffer) = plain(Duration::ZERO);
        task.message("a\u{1b}[2J\r\nb.wav: reading");
        task.advance(1);
        assert!(text(&buffer).ends_with("; a\\u{1b}[2J\\r\\nb.wav: reading\n"), "{}", text(&buffer));
    }

    #[test]
    fn work_is_shown_as_a_share_and_long_times_in_minutes_and_hours() {
        let task = Task::new("study", ProgressBar::hidden(), 3000, UnitStyle::Share, None);
        assert_eq!(task.line(1000, Duration::from_secs(100)), "study: 33.3 %, 100 s, about 3 min left");
        assert_eq!(task.line(10, Duration::from_secs(200)), "study: 0.3 %, 3 min, about 16.6 h left");
        assert_eq!(task.line(10, Duration::from_secs(30)), "study: 0.3 %, 30 s");
    }

    #[test]
    fn plain_lines_wait_for_their_time() {
        let (task, buffer) = plain(Duration::from_secs(3600));
        for _ in 0..20 {
            task.advance(1);
        }
        assert_eq!(text(&buffer), "");
        task.finish();
        assert_eq!(text(&buffer).lines().count(), 1);
    }

    #[test]
    fn the_time_left_is_extrapolated() {
        let (task, _) = plain(Duration::ZERO);
        assert_eq!(task.line(5, Duration::from_secs(10)), "mixing clips: 5/20 (25 %), 10 s, about 30 s left");
        assert_eq!(task.line(0, Duration::from_secs(10)), "mixing clips: 0/20 (0 %), 10 s");
    }

    #[test]
    fn a_task_is_advanced_from_several_threads() {
        let (task, buffer) = plain(Duration::from_secs(3600));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5).for_each(|_| task.advance(1)));
            }
        });
        task.finish();
        assert!(text(&buffer).starts_with("mixing clips: 20 done"));
    }
}
