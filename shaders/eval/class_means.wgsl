// The mean row of every class (SPEC 5, the paper's equation 4), and the number of its rows. Rows are summed in blocks,
// so that the rounding error grows with the block and with the number of blocks, not with the number of rows.
const EXAMPLES: u32 = 9u;
const CLASSES: u32 = 3u;
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

const BLOCK: u32 = 32u;

@group(0) @binding(0) var<storage, read> stored: array<f32>;       // [member, example, dimension]
@group(0) @binding(1) var<storage, read> labels: array<u32>;       // [example]; other values than a class are left out
@group(0) @binding(2) var<storage, read_write> means: array<f32>;  // [member, class, dimension]; zeros for an empty class
@group(0) @binding(3) var<storage, read_write> counts: array<u32>; // [class]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= CLASSES * DIMENSIONS) {
        return;
    }
    let own = id.x / DIMENSIONS;
    let dimension = id.x % DIMENSIONS;
    var total = 0.0;
    var block = 0.0;
    var count = 0u;
    for (var example = 0u; example < EXAMPLES; example++) {
        if (labels[example] == own) {
            block += stored[(group.z * EXAMPLES + example) * DIMENSIONS + dimension];
            count++;
            if (count % BLOCK == 0u) {
                total += block;
                block = 0.0;
            }
        }
    }
    means[group.z * CLASSES * DIMENSIONS + id.x] = (total + block) / f32(max(count, 1u));
    if (group.z == 0u && dimension == 0u) {
        counts[own] = count;
    }
}
