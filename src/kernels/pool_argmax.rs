//! Pool argmax: the position of each max-pool window's winner, and the factor for the winner's gradient in the backward
//! pass. `shaders/lib/pool_argmax.wgsl` has the same encoding.
//!
//! Only the winner of a window has a gradient, so neither the values before the pool nor the dropout mask are stored.

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Tensor};

/// Gradient of one max-pool window, as oracles compute it and [`PooledGrad`] stores it on a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowGrad {
    /// Gradient of the winner before LeakyReLU and dropout.
    pub gradient: f32,
    /// Code of the winner: sign | position in the window << 2.
    pub code: u32,
}

impl WindowGrad {
    /// Sign code of a winner that was dropped; its gradient is zero.
    pub const DROPPED: u32 = 0;
    /// Sign code of a winner above zero.
    pub const POSITIVE: u32 = 1;
    /// Sign code of a winner at or below zero.
    pub const NEGATIVE: u32 = 2;

    /// Creates a window whose winner is at `position`, with gradient 0.
    pub fn new(position: usize, sign: u32) -> Self {
        Self { gradient: 0.0, code: sign | (position as u32) << 2 }
    }

    /// Returns the winner's position in its window.
    pub fn position(self) -> usize {
        (self.code >> 2) as usize
    }

    /// Returns the factor by which LeakyReLU and dropout multiplied the winner.
    pub fn factor(self, activation: LeakyDropout) -> f64 {
        match self.code & 3 {
            Self::POSITIVE => activation.scale,
            Self::NEGATIVE => activation.scale * activation.slope,
            _ => 0.0,
        }
    }
}

/// LeakyReLU and the dropout after it, through which a gradient is propagated back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyDropout {
    /// LeakyReLU slope below zero.
    pub slope: f64,
    /// Factor by which dropout multiplies the values that it keeps.
    pub scale: f64,
}

impl LeakyDropout {
    pub(super) fn constants(self) -> [(&'static str, Constant); 2] {
        [("SLOPE", self.slope.into()), ("DROPOUT_SCALE", self.scale.into())]
    }
}

/// Pool winners of a layer: one code per window, several codes per word. Each row of windows starts a new word.
#[derive(Clone)]
pub struct PoolArgmax {
    /// Words of codes, `[…, windows_t, word]`.
    pub tensor: Tensor<u32>,
    /// Codes per word: 1, 2, 4 or 8.
    pub per_word: usize,
}

impl PoolArgmax {
    /// Returns the largest number of codes that fit in a word, for windows of `positions` positions.
    pub fn most_per_word(positions: usize) -> usize {
        match positions {
            0..=4 => 8,
            5..=64 => 4,
            _ => 1,
        }
    }

    /// Makes the tensor for the codes of windows of shape `[…, windows_t, windows_m]`.
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

    pub(super) fn binding(&self) -> Binding {
        self.tensor.binding()
    }

    /// Packs the codes of `windows` into words; a row has `row` windows.
    pub fn pack(windows: &[WindowGrad], row: usize, per_word: usize) -> Vec<u32> {
        let bits = 32 / per_word;
        let word = |windows: &[WindowGrad]| {
            windows.iter().enumerate().fold(0, |word, (index, window)| word | window.code << (index * bits))
        };
        windows.chunks(row).flat_map(|row| row.chunks(per_word).map(word)).collect()
    }

    /// Unpacks the codes from `words`; a row has `row` windows.
    pub fn unpack(&self, words: &[u32], row: usize) -> Vec<u32> {
        let bits = 32 / self.per_word;
        let of_row = |words: &[u32]| -> Vec<u32> {
            let code = |m: usize| words[m / self.per_word] >> (m % self.per_word * bits) & (u32::MAX >> (32 - bits));
            (0..row).map(code).collect()
        };
        words.chunks(row.div_ceil(self.per_word)).flat_map(of_row).collect()
    }
}

/// Gradients of a layer's pooled outputs, with the pool winners that they belong to.
#[derive(Clone)]
pub struct PooledGrad {
    /// Gradients of the winners before LeakyReLU and dropout, `[…, windows_t, windows_m]`.
    pub gradients: Tensor<f32>,
    /// Pool winners.
    pub argmax: PoolArgmax,
}

impl PooledGrad {
    /// Makes the tensors for windows of shape `[…, windows_t, windows_m]`.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn new(gpu: &Gpu, name: &str, shape: &[usize], per_word: usize) -> Result<Self> {
        Ok(Self {
            gradients: gpu.tensor(&format!("{name}.gradients"), shape)?,
            argmax: PoolArgmax::new(gpu, &format!("{name}.argmax"), shape, per_word)?,
        })
    }

    /// Makes the tensors and writes the gradients and winners of `windows` to them.
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

    /// Returns the constant of a kernel whose input's gradient this is.
    pub(super) fn input_constant(&self) -> (&'static str, Constant) {
        ("INPUT_ARGMAX_PER_WORD", self.argmax.per_word.into())
    }

    /// Returns the bindings of a kernel whose input's gradient this is.
    pub(super) fn input_bindings(&self) -> [(&'static str, Binding); 2] {
        [("grad_input", self.gradients.binding()), ("input_argmax", self.argmax.binding())]
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
            assert_eq!(argmax.unpack(&words, 11), windows.iter().map(|window| window.code).collect::<Vec<_>>());
            assert!(per_word <= PoolArgmax::most_per_word(positions));
        }
    }
}
