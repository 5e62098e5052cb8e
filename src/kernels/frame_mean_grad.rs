//! `frame_mean_grad`: gradient of the mean of normalised time steps, propagated back through max-pool, dropout and
//! LeakyReLU of the last convolution (SPEC §2).

use crate::Result;
use crate::gpu::{Binding, Constant, Gpu, Kernel, ShaderSource, Tensor, Work, bindings};
use crate::kernels::chunk_mean::constants;
use crate::kernels::conv::random_window_grads;
use crate::kernels::frame_mean::step_elements;
use crate::kernels::pool_argmax::{LeakyDropout, PooledGrad, WindowGrad};
use crate::kernels::{Case, CaseRun, Expectation, normalise_grad, random};

/// Gradient of the mean over normalised time steps and chunks.
pub struct FrameMeanGrad {
    /// Gradient of the embeddings, `[member, segment, mel · channel]`.
    pub grad_output: Tensor<f32>,
    /// Last convolution's output, `[member, segment, chunk, channel, time, mel]`.
    pub pooled: Tensor<f32>,
    /// Pool winners of the last convolution, and the gradient to write, both in the shape of `pooled`.
    pub grad_input: PooledGrad,
    /// LeakyReLU and dropout of the last convolution.
    pub activation: LeakyDropout,
}

impl Kernel for FrameMeanGrad {
    fn source(&self) -> ShaderSource {
        ShaderSource::file("embed/frame_mean_grad.wgsl")
    }

    fn constants(&self) -> Vec<(&'static str, Constant)> {
        let mut constants = constants(&self.pooled);
        constants.extend(self.activation.constants());
        constants.push(self.grad_input.input_constant());
        constants
    }

    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        let mut bindings = bindings![self.grad_output, self.pooled];
        bindings.extend(self.grad_input.input_bindings());
        bindings
    }

    fn grid(&self) -> [usize; 3] {
        let [members, segments, chunks, _, time, _] = self.pooled.dims();
        [segments * chunks * time, 1, members]
    }

    fn work(&self) -> Work {
        Work { flops: 8.0 * self.pooled.len() as f64, bytes: (self.pooled.len() * 24) as f64 }
    }
}

/// Computes the gradients at the pool winners of the last convolution.
pub fn oracle(
    shape: &[usize; 6],
    activation: LeakyDropout,
    grad_output: &[f64],
    pooled: &[f64],
    grad_input: &[WindowGrad],
) -> Vec<WindowGrad> {
    let [members, segments, chunks, channels, time, mel] = *shape;
    let mut out = grad_input.to_vec();
    for step in 0..members * segments * chunks * time {
        let (chunk, t) = (step / time, step % time);
        let elements = step_elements(shape, chunk, t);
        let row: Vec<f64> = elements.iter().map(|at| pooled[*at]).collect();
        let of_embedding = &grad_output[chunk / chunks * mel * channels..][..mel * channels];
        for (at, gradient) in elements.into_iter().zip(normalise_grad::oracle(&row, of_embedding)) {
            let propagated = gradient / (chunks * time) as f64 * grad_input[at].factor(activation);
            out[at].gradient = propagated as f32;
        }
    }
    out
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, shape: [usize; 6]| {
        Case::new(name, move |gpu: &Gpu| -> Result<CaseRun> {
            let [members, segments, _, channels, _, mel] = shape;
            let (grad_output, of_embedding) = random(gpu, "grad_output", &[members, segments, mel * channels])?;
            let (pooled, values) = random(gpu, "pooled", &shape)?;
            let window_grads = random_window_grads("grad_input", &shape, 2);
            let activation = LeakyDropout { slope: 0.2, scale: 1.25 };
            let expected = oracle(&shape, activation, &of_embedding, &values, &window_grads);
            let grad_input = PooledGrad::from(gpu, "grad_input", &shape, &window_grads, 8)?;
            let kernel = FrameMeanGrad { grad_output, pooled, grad_input: grad_input.clone(), activation };
            let expected = expected.iter().map(|window| f64::from(window.gradient)).collect();
            Ok(CaseRun::new(kernel, vec![Expectation::close(&grad_input.gradients, expected)]))
        })
    };
    vec![case("one chunk", [1, 10, 1, 65, 5, 2]), case("two members, seven chunks", [2, 3, 7, 7, 5, 3])]
}
