// The silhouette of every example, Euclidean (SPEC 5): (b - a) / max(a, b), where a is the mean distance to the others of
// its class and b the least mean distance to another class. 0 for the only example of a class, and for one without a class.
// Distances are added up as they are formed, so that memory does not grow with the square of the examples.
const EXAMPLES: u32 = 9u;
const CLASSES: u32 = 3u;
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

const TILE: u32 = 4u; // others at a time, for each value loaded of the own row

@group(0) @binding(0) var<storage, read> stored: array<f32>;        // [member, example, dimension]
@group(0) @binding(1) var<storage, read> labels: array<u32>;        // [example]; other values than a class are left out
@group(0) @binding(2) var<storage, read_write> samples: array<f32>; // [member, example]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= EXAMPLES) {
        return;
    }
    let first = group.z * EXAMPLES;
    let own_row = (first + id.x) * DIMENSIONS;
    var sums: array<f32, CLASSES>;
    var counts: array<u32, CLASSES>;
    for (var other = 0u; other < EXAMPLES; other += TILE) {
        var squares: array<f32, TILE>;
        for (var d = 0u; d < DIMENSIONS; d++) {
            let own = stored[own_row + d];
            for (var k = 0u; k < TILE; k++) { // unroll
                let difference = own - stored[(first + min(other + k, EXAMPLES - 1u)) * DIMENSIONS + d];
                squares[k] += difference * difference;
            }
        }
        for (var k = 0u; k < TILE; k++) { // unroll
            let example = other + k;
            if (example < EXAMPLES && example != id.x) {
                let label = labels[example];
                if (label < CLASSES) {
                    sums[label] += sqrt(squares[k]);
                    counts[label]++;
                }
            }
        }
    }
    let own = labels[id.x];
    var inside = -1.0;
    var outside = -1.0;
    for (var label = 0u; label < CLASSES; label++) {
        let mean = sums[label] / f32(max(counts[label], 1u));
        if (label == own && counts[label] > 0u) {
            inside = mean;
        }
        if (label != own && counts[label] > 0u && (outside < 0.0 || mean < outside)) {
            outside = mean;
        }
    }
    let known = own < CLASSES && inside >= 0.0 && outside >= 0.0 && max(inside, outside) > 0.0;
    samples[first + id.x] = select(0.0, (outside - inside) / max(max(inside, outside), 1e-30), known);
}
