// Measures the bandwidth of workgroup memory: every thread sums values that others wrote.
const STEPS: u32 = 3u;
const WORKGROUP: u32 = 64u; // a power of two

@group(0) @binding(0) var<storage, read> input: array<f32>;        // [value]: one for each thread of a workgroup
@group(0) @binding(1) var<storage, read_write> output: array<f32>; // [thread]

var<workgroup> shared_values: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) local: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    shared_values[local.x] = input[local.x];
    workgroupBarrier();
    var sum = 0.0;
    for (var step = 0u; step < STEPS; step++) {
        for (var i = 0u; i < UNROLLED; i++) { // unroll
            sum += shared_values[(local.x + step + i) % WORKGROUP];
        }
    }
    output[group.x * WORKGROUP + local.x] = sum;
}

const UNROLLED: u32 = 16u;
