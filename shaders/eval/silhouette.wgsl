// The silhouette of every example, Euclidean (SPEC 5): (b - a) / max(a, b), where a is the mean distance to the others of
// its class and b the least mean distance to another class. 0 for the only example of a class, and for one without a class.
const EXAMPLES: u32 = 9u;
const CLASSES: u32 = 3u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> distances: array<f32>;     // [member, example, example], squared
@group(0) @binding(1) var<storage, read> labels: array<u32>;        // [example]; other values than a class are left out
@group(0) @binding(2) var<storage, read_write> samples: array<f32>; // [member, example]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= EXAMPLES) {
        return;
    }
    let own = labels[id.x];
    let first = (group.z * EXAMPLES + id.x) * EXAMPLES;
    var inside = -1.0;
    var outside = -1.0;
    for (var label = 0u; label < CLASSES; label++) {
        var sum = 0.0;
        var count = 0u;
        for (var example = 0u; example < EXAMPLES; example++) {
            if (labels[example] == label && example != id.x) {
                sum += sqrt(distances[first + example]);
                count++;
            }
        }
        let mean = sum / f32(max(count, 1u));
        if (label == own && count > 0u) {
            inside = mean;
        }
        if (label != own && count > 0u && (outside < 0.0 || mean < outside)) {
            outside = mean;
        }
    }
    let known = own < CLASSES && inside >= 0.0 && outside >= 0.0 && max(inside, outside) > 0.0;
    samples[group.z * EXAMPLES + id.x] = select(0.0, (outside - inside) / max(max(inside, outside), 1e-30), known);
}
