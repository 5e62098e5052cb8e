//! Reports on compiling: some drivers take seconds for a kernel that they have not compiled before.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A function that is called with the number of kernels that are compiled and the number of kernels that will be. A
/// round of compiling begins with 0 and ends with all of them, also where it fails.
pub type CompileCallback = Box<dyn Fn(usize, usize) + Send + Sync>;

/// Counts the kernels of one round of compiling.
pub(super) struct CompileCount<'a> {
    callback: Option<&'a CompileCallback>,
    done: AtomicUsize,
    total: usize,
}

impl<'a> CompileCount<'a> {
    /// Begins a round of `total` kernels; a round of none is not reported.
    pub fn begin(callback: Option<&'a CompileCallback>, total: usize) -> Self {
        let count = Self { callback: callback.filter(|_| total > 0), done: AtomicUsize::new(0), total };
        count.report(0);
        count
    }

    /// Counts a kernel. The end of the round alone reports all kernels as compiled.
    pub fn one_more(&self) {
        let done = 1 + self.done.fetch_add(1, Ordering::Relaxed);
        if done < self.total {
            self.report(done);
        }
    }

    fn report(&self, done: usize) {
        if let Some(callback) = self.callback {
            callback(done, self.total);
        }
    }
}

impl Drop for CompileCount<'_> {
    fn drop(&mut self) {
        self.report(self.total);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The reports of a round in which `compiled` of `total` kernels are compiled.
    fn reports(compiled: usize, total: usize) -> Vec<(usize, usize)> {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&reports);
        let callback: CompileCallback = Box::new(move |done, all| kept.lock().unwrap().push((done, all)));
        let count = CompileCount::begin(Some(&callback), total);
        (0..compiled).for_each(|_| count.one_more());
        drop(count);
        drop(callback);
        Arc::into_inner(reports).unwrap().into_inner().unwrap()
    }

    #[test]
    fn a_round_begins_with_no_kernel_and_ends_with_all_even_if_it_fails() {
        assert_eq!(reports(3, 3), [(0, 3), (1, 3), (2, 3), (3, 3)]);
        assert_eq!(reports(1, 3), [(0, 3), (1, 3), (3, 3)]);
        assert_eq!(reports(0, 0), []);
    }
}
