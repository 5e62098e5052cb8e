// Squared Euclidean distances between two sets of rows (SPEC 4): distances[i, j] = Σ_d (lhs[i, d] - rhs[j, d])². The
// sum of differences is used because the textbook form ‖a‖² + ‖b‖² - 2ab cancels where rows are close.
//
// A thread computes TILE × TILE distances: a value that it loads serves a whole row or column of them.
const DIMENSIONS: u32 = 6u;
const LHS_ROWS: u32 = 3u;   // of one member
const LHS_FIRST: u32 = 0u;
const LHS_STRIDE: u32 = 3u; // rows of one member in the tensor
const RHS_ROWS: u32 = 2u;
const RHS_FIRST: u32 = 0u;
const RHS_STRIDE: u32 = 2u;
const TILE: u32 = 4u;
const WORKGROUP: u32 = 64u;

const LHS_TILES: u32 = (LHS_ROWS + TILE - 1u) / TILE;
const RHS_TILES: u32 = (RHS_ROWS + TILE - 1u) / TILE;

@group(0) @binding(0) var<storage, read> lhs: array<f32>;             // [member, row, dimension]
@group(0) @binding(1) var<storage, read> rhs: array<f32>;             // [member, row, dimension]
@group(0) @binding(2) var<storage, read_write> distances: array<f32>; // [member, row of a, row of b]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= LHS_TILES * RHS_TILES) {
        return;
    }
    let lhs_row = id.x / RHS_TILES * TILE;
    let rhs_row = id.x % RHS_TILES * TILE;
    // Beyond the last row the last one is computed again and thrown away.
    var lhs_at: array<u32, TILE>;
    var rhs_at: array<u32, TILE>;
    for (var i = 0u; i < TILE; i++) { // unroll
        lhs_at[i] = (group.z * LHS_STRIDE + LHS_FIRST + min(lhs_row + i, LHS_ROWS - 1u)) * DIMENSIONS;
        rhs_at[i] = (group.z * RHS_STRIDE + RHS_FIRST + min(rhs_row + i, RHS_ROWS - 1u)) * DIMENSIONS;
    }
    var sums: array<f32, TILE * TILE>;
    for (var d = 0u; d < DIMENSIONS; d++) {
        var rhs_values: array<f32, TILE>;
        for (var j = 0u; j < TILE; j++) { // unroll
            rhs_values[j] = rhs[rhs_at[j] + d];
        }
        for (var i = 0u; i < TILE; i++) { // unroll
            let lhs_value = lhs[lhs_at[i] + d];
            for (var j = 0u; j < TILE; j++) { // unroll
                let difference = lhs_value - rhs_values[j];
                sums[i * TILE + j] += difference * difference;
            }
        }
    }
    for (var i = 0u; i < TILE; i++) { // unroll
        for (var j = 0u; j < TILE; j++) { // unroll
            if (lhs_row + i < LHS_ROWS && rhs_row + j < RHS_ROWS) {
                distances[(group.z * LHS_ROWS + lhs_row + i) * RHS_ROWS + rhs_row + j] = sums[i * TILE + j];
            }
        }
    }
}
