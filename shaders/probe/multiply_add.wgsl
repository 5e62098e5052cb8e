// Measures the peak of multiply-adds of a device: chains in registers, each of which depends only on itself.
import slot::number::{Number, number, start, total};

const CHAINS: u32 = 4u;
const STEPS: u32 = 3u;
const WORKGROUP: u32 = 32u;

@group(0) @binding(0) var<storage, read> factors: array<f32>;      // [2]: multiplied with, added
@group(0) @binding(1) var<storage, read_write> output: array<f32>; // [thread]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let a = number(factors[0]);
    let b = number(factors[1]);
    var x: array<Number, CHAINS>;
    for (var chain = 0u; chain < CHAINS; chain++) { // unroll
        x[chain] = start(f32(id.x % 16u) + f32(chain));
    }
    for (var step = 0u; step < STEPS; step++) {
        for (var i = 0u; i < UNROLLED; i++) { // unroll
            for (var chain = 0u; chain < CHAINS; chain++) { // unroll
                x[chain] = x[chain] * a + b;
            }
        }
    }
    var sum = number(0.0);
    for (var chain = 0u; chain < CHAINS; chain++) { // unroll
        sum += x[chain];
    }
    output[id.x] = total(sum);
}

// Steps of all chains in a row, so that the loop costs nothing beside them.
const UNROLLED: u32 = 16u;
