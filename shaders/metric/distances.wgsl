// Squared Euclidean distances between two sets of rows (SPEC 4), from differences: the textbook's ‖a‖² + ‖b‖² − 2ab
// cancels where rows are close. A thread computes a register tile, so that every value it loads serves a row of it.
const DIMENSIONS: u32 = 6u;
const A_ROWS: u32 = 3u; // of one member
const A_FIRST: u32 = 0u;
const A_STRIDE: u32 = 3u; // rows of one member in the tensor
const B_ROWS: u32 = 2u;
const B_FIRST: u32 = 0u;
const B_STRIDE: u32 = 2u;
const TILE: u32 = 4u;
const WORKGROUP: u32 = 64u;

const A_TILES: u32 = (A_ROWS + TILE - 1u) / TILE;
const B_TILES: u32 = (B_ROWS + TILE - 1u) / TILE;

@group(0) @binding(0) var<storage, read> a: array<f32>;              // [member, row, dimension]
@group(0) @binding(1) var<storage, read> b: array<f32>;              // [member, row, dimension]
@group(0) @binding(2) var<storage, read_write> distances: array<f32>; // [member, row of a, row of b]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= A_TILES * B_TILES) {
        return;
    }
    let row_a = id.x / B_TILES * TILE;
    let row_b = id.x % B_TILES * TILE;
    // Beyond the last row the last one is computed again and thrown away.
    var at_a: array<u32, TILE>;
    var at_b: array<u32, TILE>;
    for (var i = 0u; i < TILE; i++) { // unroll
        at_a[i] = (group.z * A_STRIDE + A_FIRST + min(row_a + i, A_ROWS - 1u)) * DIMENSIONS;
        at_b[i] = (group.z * B_STRIDE + B_FIRST + min(row_b + i, B_ROWS - 1u)) * DIMENSIONS;
    }
    var sums: array<f32, TILE * TILE>;
    for (var d = 0u; d < DIMENSIONS; d++) {
        var of_b: array<f32, TILE>;
        for (var j = 0u; j < TILE; j++) { // unroll
            of_b[j] = b[at_b[j] + d];
        }
        for (var i = 0u; i < TILE; i++) { // unroll
            let of_a = a[at_a[i] + d];
            for (var j = 0u; j < TILE; j++) { // unroll
                let difference = of_a - of_b[j];
                sums[i * TILE + j] += difference * difference;
            }
        }
    }
    for (var i = 0u; i < TILE; i++) { // unroll
        for (var j = 0u; j < TILE; j++) { // unroll
            if (row_a + i < A_ROWS && row_b + j < B_ROWS) {
                distances[(group.z * A_ROWS + row_a + i) * B_ROWS + row_b + j] = sums[i * TILE + j];
            }
        }
    }
}
