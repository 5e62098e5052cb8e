//! `chunk_mean_grad`: gradient of the embedding's mean, carried on through the last convolution's pool (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Tensor, Work};
use crate::kernels::chunk_mean::{WORKGROUP, constants};
use crate::kernels::conv::random_routes;
use crate::kernels::routes::{Routed, Routes};
use crate::kernels::{Case, Entry, Expectation, Trial, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "chunk_mean_grad", cases };

/// Gradient of the mean over time steps and chunks.
pub struct ChunkMeanGrad {
    /// `[member, segment, mel · channel]`.
    pub d_embedding: Tensor<f32>,
    /// Winners of the last convolution; receives its gradients, `[member, segment, chunk, channel, time, mel]`.
    pub lower: Routes,
    /// Sizes of `lower` along its six axes.
    pub shape: [usize; 6],
    /// Slope of LeakyReLU below zero.
    pub slope: f64,
    /// What dropout multiplies kept values with.
    pub scale: f64,
}

impl Kernel for ChunkMeanGrad {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Vec<&'static str> {
        vec![include_str!("../../shaders/embed/chunk_mean_grad.wgsl"), include_str!("../../shaders/lib/route.wgsl")]
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = constants(&self.shape);
        constants.extend([("SLOPE", self.slope.into()), ("DROPOUT_SCALE", self.scale.into())]);
        constants.push(self.lower.constant("LOWER_PER_WORD"));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![
            ("d_embedding", self.d_embedding.binding()),
            ("lower_gradients", self.lower.gradients.binding()),
            ("lower_codes", self.lower.codes.tensor.binding()),
        ]
    }

    fn grid(&self) -> [usize; 3] {
        [self.shape[1..].iter().product::<usize>().div_ceil(WORKGROUP), 1, self.shape[0]]
    }

    fn work(&self) -> Work {
        Work {
            flops: 2.0 * self.lower.gradients.len() as f64,
            bytes: (self.lower.bytes() + self.d_embedding.len() * 4) as f64,
        }
    }
}

/// Gradients at the winners of the last convolution.
pub fn oracle(shape: &[usize; 6], slope: f64, scale: f64, d_embedding: &[f64], lower: &[Routed]) -> Vec<Routed> {
    let [_, _, chunks, channels, time, mel] = *shape;
    let carried = |(index, below): (usize, &Routed)| {
        let (segment, channel, m) =
            (index / (chunks * channels * time * mel), index / (time * mel) % channels, index % mel);
        let gradient = d_embedding[segment * mel * channels + m * channels + channel] / (chunks * time) as f64;
        Routed { gradient: (gradient * below.factor(slope, scale)) as f32, ..*below }
    };
    lower.iter().enumerate().map(carried).collect()
}

fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 6]| {
        Case::new(name, move |gpu: &Gpu| -> Result<Trial> {
            let (d_embedding, values) = random(gpu, "d_embedding", &[shape[0], shape[1], shape[5] * shape[3]])?;
            let routes = random_routes("lower", &shape, 2);
            let expected = oracle(&shape, 0.2, 1.25, &values, &routes);
            let lower = Routes::from(gpu, "lower", &shape, &routes, 8)?;
            let kernel = ChunkMeanGrad { d_embedding, lower: lower.clone(), shape, slope: 0.2, scale: 1.25 };
            let expected = expected.iter().map(|r| f64::from(r.gradient)).collect();
            Ok(Trial::new(kernel, vec![Expectation::close(&lower.gradients, expected)]))
        })
    };
    vec![case("one chunk", [1, 10, 1, 65, 5, 2]), case("two members, seven chunks", [2, 3, 7, 7, 5, 3])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::chunk_mean;

    /// The mean is linear, so its derivative is the response to one-hot inputs.
    #[test]
    fn the_oracle_is_the_transpose_of_the_forward_oracle() {
        let shape = [1, 2, 3, 4, 2, 2];
        let n: usize = shape.iter().product();
        let d_embedding: Vec<f64> = (0..16).map(|i| (i as f64 * 0.7).sin()).collect();
        let identity = vec![Routed::new(0, Routed::POSITIVE); n];
        let gradients = oracle(&shape, 0.2, 1.0, &d_embedding, &identity);
        for (index, gradient) in gradients.iter().enumerate() {
            let one_hot: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == index))).collect();
            let response: f64 = chunk_mean::oracle(&shape, &one_hot).iter().zip(&d_embedding).map(|(a, b)| a * b).sum();
            assert!((response - f64::from(gradient.gradient)).abs() < 1e-7);
        }
    }
}
