//! Test cases of kernels: inputs with known outputs, which compare a kernel with its f64 oracle on any adapter.

use super::population::Member;
use crate::base::counter_rng::Key;
use crate::gpu::{DeviceClass, Element, Gpu, Kernel, Recording, Tensor};
use crate::{Error, Result};

/// Function that makes the tensors of a case on a device and computes the expected results with the oracle.
type Setup = dyn Fn(&Gpu) -> Result<CaseRun>;

/// Test case of a kernel: a recipe that makes its tensors on a device and computes the expected results.
pub struct Case {
    /// Name, which describes what is special about the case.
    pub name: String,
    /// Class of device that the case is restricted to; `None` for all devices.
    only_on: Option<DeviceClass>,
    setup: Box<Setup>,
}

/// One run of a case: a kernel with its tensors on a device, and the results expected after one dispatch.
pub struct CaseRun {
    /// Name of the case.
    case: String,
    /// Kernel with its tensors.
    pub kernel: Box<dyn Kernel>,
    /// Expected outputs.
    pub expected: Vec<Expectation>,
    /// Schedule step that the kernel runs at.
    pub step: u32,
}

/// The expected values of one tensor after the dispatch.
pub enum Expectation {
    /// Floats within a tolerance: ‖out − expected‖ / ‖expected‖ ≤ tolerance, and every element is finite.
    Close {
        /// Tensor to check.
        tensor: Tensor<f32>,
        /// Values computed by the oracle.
        expected: Vec<f64>,
        /// Largest relative error allowed for the whole tensor.
        tolerance: f64,
    },
    /// [`Member`] records whose numbers are within a tolerance.
    Members {
        /// Tensor to check.
        tensor: Tensor<Member>,
        /// Numbers computed by the oracle, concatenated record by record.
        expected: Vec<f64>,
        /// Function that converts a record to numbers.
        numbers: fn(&Member) -> Vec<f64>,
        /// Largest relative error allowed for all records together.
        tolerance: f64,
    },
    /// Integers that are equal in every element.
    Exact {
        /// Tensor to check.
        tensor: Tensor<u32>,
        /// Values computed by the oracle.
        expected: Vec<u32>,
    },
}

impl Expectation {
    /// Expects `tensor` to be within SPEC's 1e-5 of `expected`.
    pub fn close(tensor: &Tensor<f32>, expected: Vec<f64>) -> Self {
        Self::within(tensor, expected, 1e-5)
    }

    /// Expects `tensor` to be within `tolerance` of `expected`.
    pub fn within(tensor: &Tensor<f32>, expected: Vec<f64>, tolerance: f64) -> Self {
        assert_eq!(tensor.len(), expected.len(), "{}: the oracle's size", tensor.name());
        Self::Close { tensor: tensor.clone(), expected, tolerance }
    }

    /// Expects `tensor` to equal `expected`.
    pub fn exact(tensor: &Tensor<u32>, expected: Vec<u32>) -> Self {
        assert_eq!(tensor.len(), expected.len(), "{}: the oracle's size", tensor.name());
        Self::Exact { tensor: tensor.clone(), expected }
    }

    /// Expects the `numbers` of `tensor`'s records to be within SPEC's 1e-5 of `expected`.
    pub fn members(tensor: &Tensor<Member>, expected: Vec<f64>, numbers: fn(&Member) -> Vec<f64>) -> Self {
        Self::Members { tensor: tensor.clone(), expected, numbers, tolerance: 1e-5 }
    }

    /// Compares the tensor on the device with the expected values. Returns the relative error (0 for equal integers).
    ///
    /// # Errors
    /// [`Error::Tolerance`] naming the tensor; errors of reading the tensor back.
    fn check(&self, gpu: &Gpu) -> Result<f64> {
        match self {
            Self::Close { tensor, expected, tolerance } => {
                within(tensor.name(), relative_error(&gpu.read(tensor)?, expected), *tolerance)
            }
            Self::Members { tensor, expected, numbers, tolerance } => {
                let found: Vec<f32> = gpu.read(tensor)?.iter().flat_map(numbers).map(|x| x as f32).collect();
                within(tensor.name(), relative_error(&found, expected), *tolerance)
            }
            Self::Exact { tensor, expected } => equal(tensor.name(), &gpu.read(tensor)?, expected),
        }
    }
}

fn within(name: &str, error: f64, tolerance: f64) -> Result<f64> {
    if error <= tolerance {
        return Ok(error);
    }
    Err(Error::Tolerance(format!("{name}: relative error {error:.2e}, allowed {tolerance:.0e}")))
}

fn equal(name: &str, found: &[u32], expected: &[u32]) -> Result<f64> {
    match found.iter().zip(expected).position(|(a, b)| a != b) {
        None => Ok(0.0),
        Some(at) => Err(Error::Tolerance(format!("{name}[{at}] is {}, expected {}", found[at], expected[at]))),
    }
}

/// Returns ‖found − expected‖ / ‖expected‖ (SPEC's measure), or infinity if any element is not finite.
pub fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "tensors of different sizes");
    if found.iter().any(|x| !x.is_finite()) {
        return f64::INFINITY;
    }
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    let norm: f64 = expected.iter().map(|b| b * b).sum();
    if difference == 0.0 { 0.0 } else { (difference / norm).sqrt() }
}

impl Case {
    /// Creates a case called `name`; `setup` makes the tensors and runs the oracle.
    pub fn new(name: impl Into<String>, setup: impl Fn(&Gpu) -> Result<CaseRun> + 'static) -> Self {
        Self { name: name.into(), only_on: None, setup: Box::new(setup) }
    }

    /// Restricts this case to devices of `class`. Used for kernel forms that no other class runs, to save their
    /// compilation elsewhere.
    #[must_use]
    pub fn only_on(self, class: DeviceClass) -> Self {
        Self { only_on: Some(class), ..self }
    }

    /// True if this case applies to devices of `class`.
    pub fn is_for(&self, class: DeviceClass) -> bool {
        self.only_on.is_none_or(|only| only == class)
    }

    /// Makes the tensors on `gpu` and returns the kernel that uses them.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn prepare(&self, gpu: &Gpu) -> Result<CaseRun> {
        Ok(CaseRun { case: self.name.clone(), ..(self.setup)(gpu)? })
    }

    /// Runs the kernel once and compares its outputs; returns the largest relative error.
    ///
    /// # Errors
    /// Errors of [`CaseRun::run`] and of making tensors.
    pub fn run(&self, gpu: &Gpu) -> Result<f64> {
        self.prepare(gpu)?.run(gpu)
    }
}

impl CaseRun {
    /// Creates a run of `kernel`, whose outputs after step 0 must be as `expected`.
    pub fn new(kernel: impl Kernel + 'static, expected: Vec<Expectation>) -> Self {
        Self { case: String::new(), kernel: Box::new(kernel), expected, step: 0 }
    }

    /// Moves this run to another step of the schedule.
    pub fn at_step(self, step: u32) -> Self {
        Self { step, ..self }
    }

    /// Runs the kernel once and compares its outputs; returns the largest relative error.
    ///
    /// # Errors
    /// [`Error::Tolerance`] naming case, kernel and tensor; errors of the device.
    pub fn run(self, gpu: &Gpu) -> Result<f64> {
        let Self { case, kernel, expected, step } = self;
        let name = kernel.name();
        let mut recording = Recording::new(name);
        recording.push_boxed(kernel);
        gpu.replay(&recording.resolve(gpu)?, step..step + 1)?;
        expected.iter().try_fold(0.0, |worst: f64, expectation| match expectation.check(gpu) {
            Ok(error) => Ok(worst.max(error)),
            Err(Error::Tolerance(reason)) => Err(Error::Tolerance(format!("{name} ({case}): {reason}"))),
            Err(other) => Err(other),
        })
    }
}

/// Returns a tensor of seeded standard normal values, and the same values in f64; `name` selects the random stream.
pub fn random(gpu: &Gpu, name: &str, shape: &[usize]) -> Result<(Tensor<f32>, Vec<f64>)> {
    let mut stream = Key::new(2020).named(name).stream();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.normal() as f32).collect();
    let tensor = gpu.tensor_from(name, shape, &values)?;
    Ok((tensor, values.into_iter().map(f64::from).collect()))
}

/// Returns `count` seeded random integers below `bound`; `name` selects the random stream.
pub fn random_below<T: Element + From<u32>>(name: &str, count: usize, bound: usize) -> Vec<T> {
    let mut stream = Key::new(2020).named(name).stream();
    (0..count).map(|_| T::from(stream.below(bound) as u32)).collect()
}
