// Measures the cost of a dispatch that has almost nothing to do.
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read_write> count: array<u32>; // [thread]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    count[id.x] += 1u;
}
