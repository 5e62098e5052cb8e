//! A kernel of one's own: its WGSL, its oracle in f64, a dispatch and its time: `cargo run --release --example custom_kernel`

#![allow(clippy::print_stdout, reason = "examples print")]

use weaklabel::{
    AdapterChoice, Binding, Constant, Error, Gpu, Kernel, Recording, Result, ShaderSource, Tensor, Work, bindings,
};

/// y = a · x + y for every element. The `const` lines get the values of [`Kernel::constants`] before the shader is compiled.
const SAXPY: &str = "
const COUNT: u32 = 1u;
const A: f32 = 1.0;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < COUNT) { y[id.x] = A * x[id.x] + y[id.x]; }
}";

struct Saxpy {
    a: f64,
    x: Tensor<f32>,
    y: Tensor<f32>,
}

impl Kernel for Saxpy {
    fn source(&self) -> ShaderSource {
        ShaderSource::text("saxpy", SAXPY)
    }
    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![("COUNT", self.x.len().into()), ("A", self.a.into())]
    }
    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.x, self.y]
    }
    fn grid(&self) -> [usize; 3] {
        [self.x.len().div_ceil(64), 1, 1]
    }
    fn work(&self) -> Work {
        Work { flops: 2.0 * self.x.len() as f64, bytes: 12.0 * self.x.len() as f64 }
    }
}

fn main() -> Result<()> {
    let gpu = Gpu::open(&AdapterChoice::default())?;
    let values: Vec<f32> = (0..1 << 20).map(|i| (i % 1000) as f32 * 1e-3).collect();
    let (x, y) = (gpu.tensor_from("x", &[values.len()], &values)?, gpu.tensor_from("y", &[values.len()], &values)?);
    let kernel = Saxpy { a: 0.5, x, y: y.clone() };
    let (work, mut recording) = (kernel.work(), Recording::new("saxpy"));
    recording.push(kernel);
    let seconds = gpu.time(&recording.resolve(&gpu)?, 1)?.as_secs_f64();

    let oracle = values.iter().map(|&x| 1.5 * f64::from(x));
    let error = gpu.read(&y)?.iter().zip(oracle).map(|(&y, exact)| (f64::from(y) - exact).abs()).fold(0.0, f64::max);
    println!("{}: {:.2} GB/s, largest error {error:.1e}", gpu.adapter().name, work.bytes / seconds * 1e-9);
    if error < 1e-6 { Ok(()) } else { Err(Error::Tolerance(format!("saxpy is wrong by {error:e}"))) }
}
