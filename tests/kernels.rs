//! Every kernel of the registry against its f64 oracle, on the default adapter.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

#[path = "kernels/math.rs"]
mod math;

use weaklabel::Error;
use weaklabel::gpu::{AdapterChoice, Gpu, Recording};
use weaklabel::kernels::REGISTRY;

#[test]
fn every_kernel_agrees_with_its_oracle() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    println!("{} ({})", gpu.adapter().name, gpu.adapter().driver);
    let mut failures = Vec::new();
    for entry in REGISTRY {
        assert!(!(entry.cases)().is_empty(), "{} has no cases", entry.name);
        for (case, outcome) in entry.run(&gpu).unwrap() {
            match outcome {
                Ok(error) => println!("{:<20} {case:<40} {error:.1e}", entry.name),
                Err(error) => failures.push(format!("{} ({case}): {error}", entry.name)),
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_cannot_be_compiled_ahead_says_so_when_it_is_resolved() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let [input, output] = ["input", "output"].map(|name| gpu.tensor(name, &[3]).unwrap());
    let kernel = |source| math::Apply { source, input: input.clone(), output: output.clone() };
    let (right, wrong) = (kernel(math::LN), kernel("no shader"));
    gpu.compile_ahead(&[&right, &wrong]).unwrap();
    let resolve = |kernel| {
        let mut recording = Recording::new("ahead");
        recording.push(kernel);
        recording.resolve(&gpu)
    };
    assert_eq!(resolve(right).unwrap().len(), 1);
    let error = resolve(wrong).err().unwrap();
    assert!(matches!(error, Error::Kernel { .. }) && error.to_string().contains("apply"), "{error}");
}
