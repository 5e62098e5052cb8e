//! The logarithms and the exponential of shaders/lib/math.wgsl against f64, in units in the last place.

use weaklabel::gpu::{AdapterChoice, Binding, Constant, Gpu, Kernel, Recording, ShaderSource, Tensor, Work, bindings};

/// output[i] = function(input[i])
pub struct Apply {
    pub source: &'static str,
    pub input: Tensor<f32>,
    pub output: Tensor<f32>,
}

pub const LN: &str = "
import package::lib::math::ln_accurate;
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&input)) { output[id.x] = ln_accurate(input[id.x]); }
}";

const LN_ONE_PLUS: &str = "
import package::lib::math::ln_one_plus;
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&input)) { output[id.x] = ln_one_plus(input[id.x]); }
}";

const EXP: &str = "
import package::lib::math::exp_accurate;
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&input)) { output[id.x] = exp_accurate(input[id.x]); }
}";

impl Kernel for Apply {
    fn source(&self) -> ShaderSource {
        ShaderSource::text("apply", self.source)
    }
    fn constants(&self) -> Vec<(&'static str, Constant)> {
        vec![]
    }
    fn bindings(&self) -> Vec<(&'static str, Binding)> {
        bindings![self.input, self.output]
    }
    fn grid(&self) -> [usize; 3] {
        [self.input.len().div_ceil(64), 1, 1]
    }
    fn work(&self) -> Work {
        Work::default()
    }
}

fn apply(source: &'static str, values: &[f32]) -> Vec<f32> {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let input = gpu.tensor_from("input", &[values.len()], values).unwrap();
    let output = gpu.tensor("output", &[values.len()]).unwrap();
    let mut recording = Recording::new("apply");
    recording.push(Apply { source, input, output: output.clone() });
    gpu.replay(&recording.resolve(&gpu).unwrap(), 0..1).unwrap();
    gpu.read(&output).unwrap()
}

/// Distance of `found` from `exact` in units in the last place of an f32 of that size.
fn ulps(found: f32, exact: f64) -> f64 {
    let magnitude = (exact.abs() as f32).max(f32::MIN_POSITIVE);
    (f64::from(found) - exact).abs() / f64::from(f32::from_bits(magnitude.to_bits() + 1) - magnitude)
}

/// The largest distance, and where it is.
fn worst(inputs: &[f32], outputs: &[f32], exact: impl Fn(f64) -> f64) -> (f64, f32) {
    let distances = inputs.iter().zip(outputs).map(|(&x, &y)| (ulps(y, exact(f64::from(x))), x));
    distances.fold((0.0, 0.0), |a, b| if b.0.total_cmp(&a.0).is_gt() { b } else { a })
}

#[test]
fn the_logarithm_is_within_two_ulps_over_all_normal_numbers() {
    let sweep = (f32::MIN_POSITIVE.to_bits()..f32::MAX.to_bits()).step_by(1021).map(f32::from_bits);
    let near_one = (0..20_000).map(|i| f32::from_bits(1.0_f32.to_bits() - 10_000 + i));
    let inputs: Vec<f32> = sweep.chain(near_one).chain([f32::MIN_POSITIVE, f32::MAX, 0.01, 1.0]).collect();
    let (distance, at) = worst(&inputs, &apply(LN, &inputs), f64::ln);
    println!("ln: {distance:.2} ulp at {at:e}");
    assert!(distance <= 2.0, "{distance} ulp at {at:e}");
}

#[test]
fn the_logarithm_of_one_plus_is_within_three_ulps_also_where_one_plus_rounds_to_one() {
    let sweep = (f32::MIN_POSITIVE.to_bits()..(f32::MAX / 2.0).to_bits()).step_by(1021).map(f32::from_bits);
    let near_one = (0..20_000).map(|i| f32::from_bits(1.0_f32.to_bits() - 10_000 + i));
    let inputs: Vec<f32> = sweep.chain(near_one).chain([0.0, 1e-10, 1.0, 1e30]).collect();
    let (distance, at) = worst(&inputs, &apply(LN_ONE_PLUS, &inputs), f64::ln_1p);
    println!("ln(1 + x): {distance:.2} ulp at {at:e}");
    assert!(distance <= 3.0, "{distance} ulp at {at:e}");
}

#[test]
fn the_exponential_is_within_two_ulps_and_ends_in_zero() {
    let inputs: Vec<f32> = (-870_000..=887_000).map(|i| i as f32 * 1e-4).chain([0.0, 1e-30, -1e-30]).collect();
    let (distance, at) = worst(&inputs, &apply(EXP, &inputs), f64::exp);
    println!("exp: {distance:.2} ulp at {at:e}");
    assert!(distance <= 2.0, "{distance} ulp at {at:e}");
    let tail = apply(EXP, &[-110.0, -1e30, -90.0]);
    assert_eq!(tail[..2], [0.0, 0.0]);
    assert!((0.0..=1.0e-38).contains(&tail[2]), "{tail:?}");
}

#[test]
fn broken_input_stays_visible() {
    assert!(apply(LN, &[f32::NAN, -1.0, 0.0, f32::INFINITY, -f32::NAN]).iter().all(|x| x.is_nan()));
    assert!(apply(LN_ONE_PLUS, &[f32::NAN, -f32::NAN, f32::INFINITY]).iter().all(|x| x.is_nan()));
    let exp = apply(EXP, &[f32::NAN, 200.0, -200.0, f32::INFINITY, f32::NEG_INFINITY]);
    assert!(exp[0].is_nan());
    assert_eq!(exp[1..], [f32::INFINITY, 0.0, f32::INFINITY, 0.0]);
}
