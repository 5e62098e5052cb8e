// Gradient of `normalise` (SPEC 2): grad_input = (grad_output - z · (z · grad_output) / ‖z‖²) / ‖z‖. One workgroup for
// each row.
import package::lib::sum::workgroup_sum;

const ROWS: u32 = 3u; // of one member
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> embedding: array<f32>;        // [member, row, dimension]
@group(0) @binding(1) var<storage, read> grad_output: array<f32>;      // [member, row, dimension]
@group(0) @binding(2) var<storage, read_write> grad_input: array<f32>; // [member, row, dimension]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let first = (group.z * ROWS + group.x) * DIMENSIONS;
    var squares = 0.0;
    var along = 0.0;
    for (var d = local; d < DIMENSIONS; d += WORKGROUP) {
        squares += embedding[first + d] * embedding[first + d];
        along += embedding[first + d] * grad_output[first + d];
    }
    let length = sqrt(workgroup_sum(local, squares));
    // A row shorter than the floor is only divided by the floor.
    let slope = select(0.0, workgroup_sum(local, along) / (length * length), length > 1e-12);
    for (var d = local; d < DIMENSIONS; d += WORKGROUP) {
        grad_input[first + d] = (grad_output[first + d] - embedding[first + d] * slope) / max(length, 1e-12);
    }
}
