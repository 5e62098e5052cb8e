//! Every case of every kernel of the registry on the default adapter.

use weaklabel::gpu::{AdapterChoice, Gpu};
use weaklabel::kernels::REGISTRY;

#[test]
fn every_kernel_agrees_with_its_oracle() {
    let gpu = Gpu::open(&AdapterChoice::default()).unwrap();
    let mut failures = Vec::new();
    for entry in REGISTRY {
        for case in (entry.cases)() {
            let start = std::time::Instant::now();
            match case.run(&gpu) {
                Ok(error) => {
                    println!("{:<20} {error:.1e} {:>6.2} s  {}", entry.name, start.elapsed().as_secs_f64(), case.name)
                }
                Err(error) => failures.push(error.to_string()),
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
