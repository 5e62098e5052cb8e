//! Every kernel of the registry against its f64 oracle, on the default adapter.

#![allow(clippy::unwrap_used, reason = "what a test cannot unwrap fails it")]

#[path = "kernels/math.rs"]
mod math;

use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::kernels::REGISTRY;

#[test]
fn every_kernel_agrees_with_its_oracle() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    println!("{} ({})", gpu.adapter().name, gpu.adapter().driver);
    let mut failures = Vec::new();
    for entry in REGISTRY {
        let cases = (entry.cases)();
        assert!(!cases.is_empty(), "{} has no cases", entry.name);
        for case in cases {
            match case.run(&gpu) {
                Ok(error) => println!("{:<20} {:<40} {error:.1e}", entry.name, case.name),
                Err(error) => failures.push(format!("{} ({}): {error}", entry.name, case.name)),
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
