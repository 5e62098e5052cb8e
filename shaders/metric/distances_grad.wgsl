// Gradient of squared distances with respect to one set of rows (SPEC 4): grad_input[i] = Σ_j 2 · grad_output[i, j] ·
// (row[i] - other[j]). The file in slot `pairs` returns the gradient of the pair (i, j).
import slot::pairs::pair_gradient;

const DIMENSIONS: u32 = 6u;
const ROWS: u32 = 3u;   // of one member, those whose gradient is formed
const ROWS_FIRST: u32 = 0u;
const ROWS_STRIDE: u32 = 3u;
const OTHERS: u32 = 2u;
const OTHERS_FIRST: u32 = 0u;
const OTHERS_STRIDE: u32 = 2u;
const OUT_FIRST: u32 = 0u;
const OUT_STRIDE: u32 = 3u;
const REPEAT: u32 = 1u; // a row is the mean of so many, and each of them gets its share
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> grad_output: array<f32>;      // [member, row of a, row of b]
@group(0) @binding(1) var<storage, read> rows: array<f32>;             // [member, row, dimension]
@group(0) @binding(2) var<storage, read> others: array<f32>;           // [member, row, dimension]
@group(0) @binding(3) var<storage, read_write> grad_input: array<f32>; // [member, row, dimension]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= ROWS * DIMENSIONS) {
        return;
    }
    let member = group.z;
    let i = id.x / DIMENSIONS;
    let d = id.x % DIMENSIONS;
    let own = rows[(member * ROWS_STRIDE + ROWS_FIRST + i) * DIMENSIONS + d];
    var sum = 0.0;
    for (var j = 0u; j < OTHERS; j++) {
        sum += pair_gradient(member, i, j) * (own - others[(member * OTHERS_STRIDE + OTHERS_FIRST + j) * DIMENSIONS + d]);
    }
    let share = 2.0 * sum / f32(REPEAT);
    for (var r = 0u; r < REPEAT; r++) {
        grad_input[(member * OUT_STRIDE + OUT_FIRST + i * REPEAT + r) * DIMENSIONS + d] = share;
    }
}
