//! Pool argmax: which position of each max-pool window won, and what the backward pass multiplies the winner's gradient
//! with. `shaders/lib/pool_argmax.wgsl` has the same encoding.
//!
//! Only the winner of a window has a gradient, so neither the values before the pool nor the dropout mask are kept.

use crate::Result;
use crate::gpu::{Constant, Gpu, Tensor};

/// The gradient of one max-pool window: what an oracle computes, and what [`PooledGrad`] holds on a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowGrad {
    /// Gradient at the winner, before LeakyReLU and dropout.
    pub gradient: f32,
    /// Sign | the winner's position in its window << 2.
    pub code: u32,
}

impl WindowGrad {
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

    /// Factor that LeakyReLU and dropout multiplied the winner with.
    pub fn factor(self, slope: f64, scale: f64) -> f64 {
        match self.code & 3 {
            Self::POSITIVE => scale,
            Self::NEGATIVE => scale * slope,
            _ => 0.0,
        }
    }
}

/// The argmax of every pool window of a layer: several codes in a word, and each row of windows in words of its own.
#[derive(Clone)]
pub struct PoolArgmax {
    /// `[…, windows_t, word]`.
    pub tensor: Tensor<u32>,
    /// Codes in a word: 1, 2, 4 or 8.
    pub per_word: usize,
}

impl PoolArgmax {
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
    /// Errors of making a tensor.
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

    /// The words that hold the codes of `windows`, rows of `row` windows.
    pub fn pack(windows: &[WindowGrad], row: usize, per_word: usize) -> Vec<u32> {
        let bits = 32 / per_word;
        let word =
            |argmax: &[WindowGrad]| argmax.iter().enumerate().fold(0, |word, (at, r)| word | r.code << (at * bits));
        windows.chunks(row).flat_map(|row| row.chunks(per_word).map(word)).collect()
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

/// The gradients of a layer's pooled outputs, and where in its window each of them belongs.
#[derive(Clone)]
pub struct PooledGrad {
    /// At the winners, before LeakyReLU and dropout, `[…, windows_t, windows_m]`.
    pub gradients: Tensor<f32>,
    /// Winners of the windows.
    pub argmax: PoolArgmax,
}

impl PooledGrad {
    /// Room for windows of shape `[…, windows_t, windows_m]`.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn new(gpu: &Gpu, name: &str, shape: &[usize], per_word: usize) -> Result<Self> {
        Ok(Self {
            gradients: gpu.tensor(&format!("{name}.gradients"), shape)?,
            argmax: PoolArgmax::new(gpu, &format!("{name}.argmax"), shape, per_word)?,
        })
    }

    /// Gradients and winners of `windows`, on the device.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn from(gpu: &Gpu, name: &str, shape: &[usize], windows: &[WindowGrad], per_word: usize) -> Result<Self> {
        let pooled = Self::new(gpu, name, shape, per_word)?;
        gpu.write(&pooled.gradients, 0, &windows.iter().map(|window| window.gradient).collect::<Vec<_>>());
        let row = shape.last().copied().unwrap_or(1);
        gpu.write(&pooled.argmax.tensor, 0, &PoolArgmax::pack(windows, row, per_word));
        Ok(pooled)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.gradients.len() + self.argmax.tensor.len()) * 4
    }

    pub(super) fn constant(&self, name: &'static str) -> (&'static str, Constant) {
        (name, self.argmax.per_word.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_out_of_their_words_as_they_went_in() {
        let gpu = Gpu::noop();
        for (per_word, positions) in [(1, 100), (2, 9), (4, 64), (8, 4)] {
            let windows: Vec<WindowGrad> = (0..33).map(|i| WindowGrad::new(i % positions, i as u32 % 3)).collect();
            let argmax = PoolArgmax::new(&gpu, "argmax", &[3, 11], per_word).unwrap();
            let words = PoolArgmax::pack(&windows, 11, per_word);
            assert_eq!(words.len(), argmax.tensor.len());
            assert_eq!(argmax.unpack(&words, 11), windows.iter().map(|r| r.code).collect::<Vec<_>>());
            assert!(per_word <= PoolArgmax::most_per_word(positions));
        }
    }
}
