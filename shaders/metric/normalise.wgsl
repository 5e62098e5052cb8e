// Rows scaled to unit length: z / max(‖z‖, 1e-12) (SPEC 2). One workgroup for each row.
import package::lib::sum::workgroup_sum;

const ROWS: u32 = 3u; // of one member
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> embedding: array<f32>;        // [member, row, dimension]
@group(0) @binding(1) var<storage, read_write> normalised: array<f32>; // [member, row, dimension]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let first = (group.z * ROWS + group.x) * DIMENSIONS;
    var squares = 0.0;
    for (var d = local; d < DIMENSIONS; d += WORKGROUP) {
        squares += embedding[first + d] * embedding[first + d];
    }
    let length = max(sqrt(workgroup_sum(local, squares)), 1e-12);
    for (var d = local; d < DIMENSIONS; d += WORKGROUP) {
        normalised[first + d] = embedding[first + d] / length;
    }
}
