//! Initial parameters: weights and biases are drawn uniformly from ±1/√fan_in (SPEC §2).

use super::Architecture;
use crate::base::counter_rng::Key;

/// Draws the initial parameters of the model with this seed, in the layout of [`Architecture::parameters`].
pub fn initial_parameters(architecture: &Architecture, seed: u64) -> Vec<f32> {
    let key = Key::new(seed).named("init");
    let mut values = vec![0.0; architecture.elements()];
    for (index, parameter) in architecture.parameters().iter().enumerate() {
        let bound = 1.0 / (parameter.fan_in as f64).sqrt();
        let mut stream = key.child(index as u64).stream();
        values[parameter.first..][..parameter.len()].fill_with(|| stream.uniform(-bound, bound) as f32);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FeatureConfig, ModelConfig};

    #[test]
    fn values_fill_their_bounds_and_depend_on_the_seed() {
        let architecture = Architecture::new(&ModelConfig::default(), &FeatureConfig::default(), 10);
        let values = initial_parameters(&architecture, 1);
        for parameter in architecture.parameters() {
            let bound = 1.0 / (parameter.fan_in as f64).sqrt();
            let largest =
                values[parameter.first..][..parameter.len()].iter().fold(0.0, |m: f64, x| m.max(f64::from(x.abs())));
            assert!(largest <= bound && largest > 0.7 * bound, "{}: {largest} of {bound}", parameter.name);
        }
        assert_eq!(values, initial_parameters(&architecture, 1));
        assert_ne!(values, initial_parameters(&architecture, 2));
    }
}
