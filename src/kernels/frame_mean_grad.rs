//! `frame_mean_grad`: gradient of the mean of normalised time steps, carried on through the last convolution's pool
//! (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, Source, Tensor, Work};
use crate::kernels::chunk_mean::constants;
use crate::kernels::conv::random_routes;
use crate::kernels::frame_mean::step_elements;
use crate::kernels::routes::{Routed, Routes};
use crate::kernels::{Case, Entry, Expectation, Trial, normalise_grad, random};

/// The kernel's line in the registry.
pub const ENTRY: Entry = Entry { name: "frame_mean_grad", cases };

/// Gradient of the mean over normalised time steps and chunks.
pub struct FrameMeanGrad {
    /// `[member, segment, mel · channel]`.
    pub d_embedding: Tensor<f32>,
    /// The last convolution's output, `[member, segment, chunk, channel, time, mel]`.
    pub pooled: Tensor<f32>,
    /// Winners of the last convolution; receives its gradients, of the same shape.
    pub lower: Routes,
    /// Slope of LeakyReLU below zero.
    pub slope: f64,
    /// What dropout multiplies kept values with.
    pub scale: f64,
}

impl Kernel for FrameMeanGrad {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn source(&self) -> Source {
        Source::file("embed/frame_mean_grad.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = constants(self.pooled.shape());
        constants.extend([("SLOPE", self.slope.into()), ("DROPOUT_SCALE", self.scale.into())]);
        constants.push(self.lower.constant("LOWER_PER_WORD"));
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        vec![
            ("d_embedding", self.d_embedding.binding()),
            ("pooled", self.pooled.binding()),
            ("lower_gradients", self.lower.gradients.binding()),
            ("lower_codes", self.lower.codes.tensor.binding()),
        ]
    }

    fn grid(&self) -> [usize; 3] {
        let shape = self.pooled.shape();
        [shape[1] * shape[2] * shape[4], 1, shape[0]]
    }

    fn work(&self) -> Work {
        Work { flops: 8.0 * self.pooled.len() as f64, bytes: (self.pooled.len() * 24) as f64 }
    }
}

/// Gradients at the winners of the last convolution.
pub fn oracle(
    shape: &[usize; 6],
    [slope, scale]: [f64; 2],
    d_embedding: &[f64],
    pooled: &[f64],
    lower: &[Routed],
) -> Vec<Routed> {
    let [members, segments, chunks, channels, time, mel] = *shape;
    let mut out = lower.to_vec();
    for step in 0..members * segments * chunks * time {
        let (chunk, t) = (step / time, step % time);
        let elements = step_elements(shape, chunk, t);
        let row: Vec<f64> = elements.iter().map(|at| pooled[*at]).collect();
        let above = &d_embedding[chunk / chunks * mel * channels..][..mel * channels];
        for (at, gradient) in elements.into_iter().zip(normalise_grad::oracle(&row, above)) {
            let carried = gradient / (chunks * time) as f64 * lower[at].factor(slope, scale);
            out[at].gradient = carried as f32;
        }
    }
    out
}

fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 6]| {
        Case::new(name, move |gpu: &Gpu| -> Result<Trial> {
            let (d_embedding, above) = random(gpu, "d_embedding", &[shape[0], shape[1], shape[5] * shape[3]])?;
            let (pooled, values) = random(gpu, "pooled", &shape)?;
            let routes = random_routes("lower", &shape, 2);
            let expected = oracle(&shape, [0.2, 1.25], &above, &values, &routes);
            let lower = Routes::from(gpu, "lower", &shape, &routes, 8)?;
            let kernel = FrameMeanGrad { d_embedding, pooled, lower: lower.clone(), slope: 0.2, scale: 1.25 };
            let expected = expected.iter().map(|r| f64::from(r.gradient)).collect();
            Ok(Trial::new(kernel, vec![Expectation::close(&lower.gradients, expected)]))
        })
    };
    vec![case("one chunk", [1, 10, 1, 65, 5, 2]), case("two members, seven chunks", [2, 3, 7, 7, 5, 3])]
}
