//! Audio that arrives in blocks, cut into the chunks of segments: of the whole signal, of its consecutive windows, or of
//! both. Only the samples that further chunks need are held.

use super::chunks::{Chunk, Chunking, Place};

/// Segments into which a signal is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// Whether the whole signal is a segment.
    pub whole: bool,
    /// Number of chunks of each of the consecutive windows that are segments, as [`Chunking::windows`] makes them.
    pub window_chunks: Option<usize>,
}

/// A cutter of one signal.
#[derive(Debug)]
pub struct Cutter {
    chunking: Chunking,
    /// Number of samples that must follow a chunk before it is known what its frames hear, and whether it is the last.
    reach: usize,
    /// The whole, and the windows.
    lanes: Vec<Lane>,
    samples: Vec<f32>,
    /// Position of the first of the samples in the signal.
    start: usize,
    is_over: bool,
}

/// The next chunk of a series.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// Number of samples of a segment, except the last.
    length: usize,
    /// Begin of the current segment in the signal.
    begin: usize,
    /// Index of the next chunk in the current segment.
    index: usize,
    /// Number of segments that are done.
    done: usize,
    /// Whether samples beyond the last rounded frame belong to no segment.
    rounded: bool,
    is_over: bool,
}

impl Cutter {
    /// Makes a cutter for chunks whose frames depend on `width` samples, which reach beyond both ends of the chunk by
    /// fewer than that.
    pub fn new(chunking: Chunking, width: usize, series: Series) -> Self {
        let lane = |length, rounded| Lane { length, begin: 0, index: 0, done: 0, rounded, is_over: false };
        // The windows come first, so that at the end of a signal the whole is the last segment to end.
        let windows = series.window_chunks.map(|chunks| lane(chunks.saturating_mul(chunking.samples()), true));
        let whole = series.whole.then(|| lane(usize::MAX, false));
        let lanes = windows.into_iter().chain(whole).collect();
        Self { chunking, reach: width + chunking.hop, lanes, samples: Vec::new(), start: 0, is_over: false }
    }

    /// Adds the signal's next samples.
    pub fn push(&mut self, block: &[f32]) {
        // Samples that no chunk needs any more are dropped.
        let needed = self.lanes.iter().map(|lane| self.first_sample(lane)).min().unwrap_or(usize::MAX);
        let n_unneeded = needed.saturating_sub(self.start).min(self.samples.len());
        self.samples.drain(..n_unneeded);
        self.start += n_unneeded;
        self.samples.extend_from_slice(block);
    }

    /// Ends the signal.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// Returns whether the signal has ended.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns the number of samples so far.
    pub fn n_samples(&self) -> usize {
        self.start + self.samples.len()
    }

    /// Returns the number of windows whose chunks were all returned.
    pub fn n_windows(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.rounded).map(|lane| lane.done).sum()
    }

    /// Returns the next `room` chunks; before the end of the signal none as long as there are fewer.
    pub fn next_chunks(&mut self, room: usize) -> Vec<Chunk<'_>> {
        let before = self.lanes.clone();
        let mut found = Vec::new();
        // Lanes take turns, since the samples of both are needed no longer at about the same time.
        while found.len() < room {
            let n_found = found.len();
            for lane in 0..self.lanes.len() {
                if found.len() < room {
                    found.extend(self.step(lane));
                }
            }
            if found.len() == n_found {
                break;
            }
        }
        if found.len() < room && !self.is_over {
            self.lanes = before;
            return Vec::new();
        }
        let chunk = |(place, begin, end): (Place, usize, usize)| {
            let from = begin.max(self.start);
            Chunk { samples: &self.samples[from - self.start..end - self.start], start: from - begin, place }
        };
        found.into_iter().map(chunk).collect()
    }

    /// Returns the next chunk of a series with begin and end of its segment in the signal, as far as the segment is
    /// there; `None` if samples are missing.
    fn step(&mut self, series: usize) -> Option<(Place, usize, usize)> {
        let n = self.n_samples();
        let lane = self.lanes[series];
        let step = self.chunking.samples();
        if lane.is_over || (!self.is_over && n < lane.begin + (lane.index + 1) * step + self.reach) {
            return None;
        }
        let signal_end = match (self.is_over, lane.rounded) {
            (true, true) => self.chunking.end(n),
            _ => n,
        };
        let end = signal_end.min(lane.begin.saturating_add(lane.length));
        let is_complete = self.is_over || end < n;
        let last = is_complete && lane.index + 1 >= self.chunking.count(end - lane.begin);
        let place = Place { series, index: lane.index, last };
        let next = &mut self.lanes[series];
        if last {
            *next = Lane { begin: lane.begin.saturating_add(lane.length), index: 0, done: lane.done + 1, ..lane };
            next.is_over = self.is_over && next.begin >= signal_end;
        } else {
            next.index += 1;
        }
        Some((place, lane.begin, end))
    }

    /// Returns the position of the first sample that the next chunk of a series needs.
    fn first_sample(&self, lane: &Lane) -> usize {
        let centre = lane.begin.saturating_add(lane.index * self.chunking.samples());
        centre.saturating_sub(self.reach).max(lane.begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKING: Chunking = Chunking { hop: 5, frames: 4 };
    const FFT: usize = 12;
    const WIDTH: usize = 3 * 5 + FFT;

    /// A chunk as its frames hear it: series, index, whether it is the last, and the samples within reach.
    type Heard = (usize, usize, bool, Vec<f32>);

    fn heard(chunk: &Chunk<'_>) -> Heard {
        let centre = chunk.place.index * CHUNKING.samples();
        let (from, to) = (centre.saturating_sub(FFT / 2), centre + 3 * CHUNKING.hop + FFT / 2);
        let end = chunk.start + chunk.samples.len();
        assert!(chunk.start <= from.min(end), "the samples before are needed");
        let samples = &chunk.samples[from.min(end) - chunk.start..to.min(end) - chunk.start];
        (chunk.place.series, chunk.place.index, chunk.place.last, samples.to_vec())
    }

    fn cut(signal: &[f32], series: Series, block: usize, room: usize) -> Vec<Heard> {
        let mut cutter = Cutter::new(CHUNKING, WIDTH, series);
        let mut found = Vec::new();
        let mut blocks = signal.chunks(block);
        while !cutter.is_over() {
            match blocks.next() {
                Some(block) => cutter.push(block),
                None => cutter.end(),
            }
            assert!(cutter.samples.len() <= block + (room + 3) * CHUNKING.samples() + 2 * cutter.reach);
            loop {
                let chunks = cutter.next_chunks(room);
                assert!(chunks.len() <= room);
                if chunks.is_empty() {
                    break;
                }
                found.extend(chunks.iter().map(heard));
            }
        }
        assert_eq!(cutter.n_samples(), signal.len());
        found
    }

    /// The chunks of the segments that hold all of their samples.
    fn expected(signal: &[f32], series: Series) -> Vec<Vec<Heard>> {
        let of = |number: usize, segments: Vec<&[f32]>| -> Vec<Heard> {
            let chunks = segments.into_iter().flat_map(|segment| CHUNKING.chunks(segment).collect::<Vec<_>>());
            let with = |chunk: Chunk<'_>| heard(&Chunk { place: Place { series: number, ..chunk.place }, ..chunk });
            chunks.map(with).collect()
        };
        let windows = series.window_chunks.map(|chunks| {
            CHUNKING.windows(signal.len(), chunks).into_iter().map(|window| &signal[window]).collect::<Vec<_>>()
        });
        let lists = windows.into_iter().chain(series.whole.then(|| vec![signal]));
        lists.enumerate().map(|(number, segments)| of(number, segments)).collect()
    }

    #[test]
    fn chunks_are_those_of_the_whole_signal() {
        let signal: Vec<f32> = (0..400).map(|i| i as f32 + 1.0).collect();
        let all = [(true, None), (false, Some(1)), (true, Some(3)), (true, Some(usize::MAX)), (false, Some(7))];
        for (whole, window_chunks) in all {
            let series = Series { whole, window_chunks };
            for n in (0..130).chain([239, 240, 241, 242, 243, 399, 400]) {
                for (block, room) in [(1, 1), (7, 2), (33, 5), (400, 3), (64, 100)] {
                    let found = cut(&signal[..n], series, block, room);
                    for (number, expected) in expected(&signal[..n], series).into_iter().enumerate() {
                        let found: Vec<Heard> = found.iter().filter(|chunk| chunk.0 == number).cloned().collect();
                        assert_eq!(found, expected, "{n} samples in blocks of {block}, {room} at a time, {series:?}");
                    }
                    let ends = found.iter().rev().find(|chunk| chunk.2).map(|chunk| chunk.0);
                    assert_eq!(ends, Some(usize::from(whole && window_chunks.is_some())), "the whole ends last");
                }
            }
        }
    }
}
