//! Inputs with known outputs: how a kernel is compared with its f64 oracle on any adapter.

use super::population::Member;
use crate::counter_rng::Key;
use crate::gpu::{DeviceClass, Element, Gpu, Kernel, Recording, Tensor};
use crate::{Error, Result};

/// Makes the tensors of a case on a device and asks the oracle.
type Setup = dyn Fn(&Gpu) -> Result<CaseRun>;

/// One way to call a kernel: makes the tensors on a device, and holds the results that are expected.
pub struct Case {
    /// The name, which says what is special about the case.
    pub name: String,
    /// The only class of device that gets the kernel in this form.
    only_on: Option<DeviceClass>,
    setup: Box<Setup>,
}

/// One run of a case: a kernel with its tensors on a device, and the results expected after one dispatch.
pub struct CaseRun {
    /// The case's name.
    case: String,
    /// The kernel.
    pub kernel: Box<dyn Kernel>,
    /// Expected outputs.
    pub expected: Vec<Expectation>,
    /// The step of the schedule that is replayed.
    pub step: u32,
}

/// The expected values of one tensor after the dispatch.
pub enum Expectation {
    /// ‖out − expected‖ / ‖expected‖ ≤ tolerance, and no element that is not finite.
    Close {
        /// The tensor.
        tensor: Tensor<f32>,
        /// The oracle's values.
        expected: Vec<f64>,
        /// Largest relative error of the whole tensor.
        tolerance: f64,
    },
    /// Records whose numbers are close.
    Members {
        /// The tensor.
        tensor: Tensor<Member>,
        /// The oracle's numbers, record after record.
        expected: Vec<f64>,
        /// A record as numbers.
        numbers: fn(&Member) -> Vec<f64>,
        /// Largest relative error.
        tolerance: f64,
    },
    /// Equal in every element.
    Exact {
        /// The tensor.
        tensor: Tensor<u32>,
        /// The oracle's values.
        expected: Vec<u32>,
    },
}

impl Expectation {
    /// `tensor` must be within SPEC's 1e-5 of `expected`.
    pub fn close(tensor: &Tensor<f32>, expected: Vec<f64>) -> Self {
        Self::within(tensor, expected, 1e-5)
    }

    /// `tensor` must be within `tolerance` of `expected`.
    pub fn within(tensor: &Tensor<f32>, expected: Vec<f64>, tolerance: f64) -> Self {
        assert_eq!(tensor.len(), expected.len(), "{}: the oracle's size", tensor.name());
        Self::Close { tensor: tensor.clone(), expected, tolerance }
    }

    /// `tensor` must equal `expected`.
    pub fn exact(tensor: &Tensor<u32>, expected: Vec<u32>) -> Self {
        assert_eq!(tensor.len(), expected.len(), "{}: the oracle's size", tensor.name());
        Self::Exact { tensor: tensor.clone(), expected }
    }

    /// The `numbers` of `tensor`'s records must be within SPEC's 1e-5 of `expected`.
    pub fn members(tensor: &Tensor<Member>, expected: Vec<f64>, numbers: fn(&Member) -> Vec<f64>) -> Self {
        Self::Members { tensor: tensor.clone(), expected, numbers, tolerance: 1e-5 }
    }

    /// Relative error found (0 for equal integers).
    ///
    /// # Errors
    /// [`Error::Tolerance`] naming the tensor; otherwise what reading it back may report.
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

/// ‖found − expected‖ / ‖expected‖ (SPEC's measure); infinite when any element is not finite.
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
    /// A case called `name`; `setup` makes the tensors and asks the oracle.
    pub fn new(name: impl Into<String>, setup: impl Fn(&Gpu) -> Result<CaseRun> + 'static) -> Self {
        Self { name: name.into(), only_on: None, setup: Box::new(setup) }
    }

    /// This case for devices of `class` alone, because no others get the form: they would compile for long what they never
    /// run.
    #[must_use]
    pub fn only_on(self, class: DeviceClass) -> Self {
        Self { only_on: Some(class), ..self }
    }

    /// True if devices of `class` get the kernel in this form.
    pub fn is_for(&self, class: DeviceClass) -> bool {
        self.only_on.is_none_or(|only| only == class)
    }

    /// The kernel with its tensors on `gpu`.
    ///
    /// # Errors
    /// Errors of making tensors.
    pub fn prepare(&self, gpu: &Gpu) -> Result<CaseRun> {
        Ok(CaseRun { case: self.name.clone(), ..(self.setup)(gpu)? })
    }

    /// Runs the kernel once and compares; returns the largest relative error.
    ///
    /// # Errors
    /// Errors of [`CaseRun::run`] and of making tensors.
    pub fn run(&self, gpu: &Gpu) -> Result<f64> {
        self.prepare(gpu)?.run(gpu)
    }
}

impl CaseRun {
    /// A kernel whose outputs after step 0 must be as `expected`.
    pub fn new(kernel: impl Kernel + 'static, expected: Vec<Expectation>) -> Self {
        Self { case: String::new(), kernel: Box::new(kernel), expected, step: 0 }
    }

    /// This run at another step of the schedule.
    pub fn at_step(self, step: u32) -> Self {
        Self { step, ..self }
    }

    /// Runs the kernel once and compares; returns the largest relative error.
    ///
    /// # Errors
    /// [`Error::Tolerance`] naming case, kernel and tensor; otherwise what the device may report.
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

/// Seeded random tensors for cases: standard normal values, `name` selects the stream.
pub fn random(gpu: &Gpu, name: &str, shape: &[usize]) -> Result<(Tensor<f32>, Vec<f64>)> {
    let mut stream = Key::new(2020).named(name).stream();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.normal() as f32).collect();
    let tensor = gpu.tensor_from(name, shape, &values)?;
    Ok((tensor, values.into_iter().map(f64::from).collect()))
}

/// Seeded random integers below `bound`.
pub fn random_below<T: Element + From<u32>>(name: &str, count: usize, bound: usize) -> Vec<T> {
    let mut stream = Key::new(2020).named(name).stream();
    (0..count).map(|_| T::from(stream.below(bound) as u32)).collect()
}
