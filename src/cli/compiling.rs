//! Shows that kernels are compiled when that takes long, as it does on a first use.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::gpu::CompileCallback;
use crate::output::Progress;

/// Kernels that the driver has compiled before are there within this time.
const SILENCE: Duration = Duration::from_secs(1);

/// A callback for [`crate::gpu::Gpu::on_compiling`] that shows `progress` on rounds of compiling that take longer than
/// a second. A thread shows it, because a single kernel may take many seconds.
pub fn show_on(progress: &Progress) -> CompileCallback {
    let (progress, (send, reports)) = (progress.clone(), channel());
    std::thread::spawn(move || {
        while let Ok(begin) = reports.recv() {
            round(&progress, begin, &reports, SILENCE);
        }
    });
    Box::new(move |done, total| {
        // Only a process that ends has no such thread.
        let _ = send.send((done, total));
    })
}

/// Shows one round that has begun, once it has lasted for `silence`; returns when it has ended.
fn round(progress: &Progress, begin: (usize, usize), reports: &Receiver<(usize, usize)>, silence: Duration) {
    let ((mut done, total), start) = (begin, Instant::now());
    let mut task = None;
    while done < total {
        let wait = if task.is_none() { silence.saturating_sub(start.elapsed()) } else { Duration::MAX };
        match reports.recv_timeout(wait) {
            Ok((more, _)) => done = done.max(more),
            Err(RecvTimeoutError::Timeout) => {
                tracing::info!(
                    "compiling {total} kernels: this takes a while on the first use of a model on an adapter"
                );
                task = Some(progress.task("compiling kernels", total as u64));
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if let Some(task) = &task {
            task.set(done as u64);
        }
    }
    if let Some(task) = task {
        task.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::output::ProgressMode;

    /// The lines that are logged on a round of two kernels which is shown after `silence`.
    fn logged(silence: Duration) -> String {
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt().with_writer(move || Lines(Arc::clone(&writer))).finish();
        let (send, reports) = channel();
        tracing::subscriber::with_default(subscriber, || {
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(50));
                    [(1, 2), (2, 2)].into_iter().for_each(|report| send.send(report).unwrap());
                });
                round(&Progress::new(ProgressMode::None), (0, 2), &reports, silence);
            });
        });
        String::from_utf8(text.lock().unwrap().clone()).unwrap()
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_round_that_takes_long_is_shown() {
        assert_eq!(logged(Duration::from_secs(3600)), "");
        let text = logged(Duration::ZERO);
        assert!(text.contains("compiling 2 kernels: ") && text.lines().count() == 1, "{text}");
    }
}
