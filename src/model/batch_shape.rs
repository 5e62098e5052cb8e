//! Size of the batches that a population computes on.

/// Number and length of the segments of each model that enter one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchShape {
    /// Segments per model.
    pub segments: usize,
    /// Chunks per segment.
    pub chunks: usize,
}

impl BatchShape {
    /// Returns the number of chunks of all segments of a model.
    pub fn all_chunks(&self) -> usize {
        self.segments * self.chunks
    }
}
