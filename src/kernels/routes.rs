//! Routes: the way gradients take back through pool, dropout and LeakyReLU, as `shaders/lib/route.wgsl` has it.

use crate::Result;
use crate::gpu::{Constant, Gpu, Tensor};

/// One pool window on the way back: what an oracle computes, and what [`Codes`] and [`Routes`] hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Routed {
    /// Gradient at the winner, before LeakyReLU and dropout.
    pub gradient: f32,
    /// Sign | the winner's position in its window << 2.
    pub code: u32,
}

impl Routed {
    /// The winner was dropped: no gradient passes.
    pub const DROPPED: u32 = 0;
    /// The winner was above zero.
    pub const POSITIVE: u32 = 1;
    /// The winner was at or below zero.
    pub const NEGATIVE: u32 = 2;

    /// A window whose winner is at `position`, without gradient.
    pub fn new(position: usize, sign: u32) -> Self {
        Self { gradient: 0.0, code: sign | (position as u32) << 2 }
    }

    /// The winner's position in its window.
    pub fn position(self) -> usize {
        (self.code >> 2) as usize
    }

    /// What the winner's value was multiplied with.
    pub fn factor(self, slope: f64, scale: f64) -> f64 {
        match self.code & 3 {
            Self::POSITIVE => scale,
            Self::NEGATIVE => scale * slope,
            _ => 0.0,
        }
    }
}

/// The winners of a layer: codes packed along mel, each row of windows in words of its own.
#[derive(Clone)]
pub struct Codes {
    /// `[…, windows_t, word]`.
    pub tensor: Tensor<u32>,
    /// Codes in a word: 1, 2, 4 or 8.
    pub per_word: usize,
}

impl Codes {
    /// The most codes that fit a word, for windows of `positions`.
    pub fn most_per_word(positions: usize) -> usize {
        match positions {
            0..=4 => 8,
            5..=64 => 4,
            _ => 1,
        }
    }

    /// Room for the codes of windows of shape `[…, windows_t, windows_m]`.
    ///
    /// # Errors
    /// What making a tensor may report.
    pub fn new(gpu: &Gpu, name: &str, windows: &[usize], per_word: usize) -> Result<Self> {
        Ok(Self { tensor: gpu.tensor(name, &Self::shape(windows, per_word))?, per_word })
    }

    fn shape(windows: &[usize], per_word: usize) -> Vec<usize> {
        let mut shape = windows.to_vec();
        if let Some(last) = shape.last_mut() {
            *last = last.div_ceil(per_word);
        }
        shape
    }

    /// The words that hold the codes of `routed`, rows of `row` windows.
    pub fn pack(routed: &[Routed], row: usize, per_word: usize) -> Vec<u32> {
        let bits = 32 / per_word;
        let word = |codes: &[Routed]| codes.iter().enumerate().fold(0, |word, (at, r)| word | r.code << (at * bits));
        routed.chunks(row).flat_map(|row| row.chunks(per_word).map(word)).collect()
    }

    /// The codes that `words` hold, rows of `row` windows.
    pub fn unpack(&self, words: &[u32], row: usize) -> Vec<u32> {
        let bits = 32 / self.per_word;
        let of_row = |words: &[u32]| -> Vec<u32> {
            let at = |m: usize| words[m / self.per_word] >> (m % self.per_word * bits) & (u32::MAX >> (32 - bits));
            (0..row).map(at).collect()
        };
        words.chunks(row.div_ceil(self.per_word)).flat_map(of_row).collect()
    }
}

/// The winners of a layer with the gradients on their way back.
#[derive(Clone)]
pub struct Routes {
    /// At the winners, before LeakyReLU and dropout, `[…, windows_t, windows_m]`.
    pub gradients: Tensor<f32>,
    /// Where they go.
    pub codes: Codes,
}

impl Routes {
    /// Room for the routes of windows of shape `[…, windows_t, windows_m]`.
    ///
    /// # Errors
    /// What making tensors may report.
    pub fn new(gpu: &Gpu, name: &str, windows: &[usize], per_word: usize) -> Result<Self> {
        Ok(Self {
            gradients: gpu.tensor(&format!("{name}.gradients"), windows)?,
            codes: Codes::new(gpu, &format!("{name}.codes"), windows, per_word)?,
        })
    }

    /// The same, filled with `routed`.
    ///
    /// # Errors
    /// What making tensors may report.
    pub fn from(gpu: &Gpu, name: &str, windows: &[usize], routed: &[Routed], per_word: usize) -> Result<Self> {
        let routes = Self::new(gpu, name, windows, per_word)?;
        gpu.write(&routes.gradients, 0, &routed.iter().map(|r| r.gradient).collect::<Vec<_>>());
        let row = windows.last().copied().unwrap_or(1);
        gpu.write(&routes.codes.tensor, 0, &Codes::pack(routed, row, per_word));
        Ok(routes)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.gradients.len() + self.codes.tensor.len()) * 4
    }

    pub(super) fn constant(&self, name: &'static str) -> (&'static str, Constant) {
        (name, self.codes.per_word.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_out_of_their_words_as_they_went_in() {
        let gpu = Gpu::noop();
        for (per_word, positions) in [(1, 100), (2, 9), (4, 64), (8, 4)] {
            let routed: Vec<Routed> = (0..33).map(|i| Routed::new(i % positions, i as u32 % 3)).collect();
            let codes = Codes::new(&gpu, "codes", &[3, 11], per_word).unwrap();
            let words = Codes::pack(&routed, 11, per_word);
            assert_eq!(words.len(), codes.tensor.len());
            assert_eq!(codes.unpack(&words, 11), routed.iter().map(|r| r.code).collect::<Vec<_>>());
            assert!(per_word <= Codes::most_per_word(positions));
        }
    }
}
