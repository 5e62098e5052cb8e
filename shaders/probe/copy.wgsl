// Measures the bandwidth of memory: each thread reads and writes four values, side by side with its neighbours.
const QUADS: u32 = 100u;
const WIDTH: u32 = 64u; // threads of one row of workgroups
const WORKGROUP: u32 = 32u;

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;        // [quad]
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>; // [quad]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let quad = id.y * WIDTH + id.x;
    if (quad < QUADS) {
        output[quad] = input[quad];
    }
}
