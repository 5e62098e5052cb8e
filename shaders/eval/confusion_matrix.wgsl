// The confusion matrix (SPEC 5): how often the nearest class mean of an example of class i is that of class j. An
// invocation owns one cell.
const EXAMPLES: u32 = 9u;
const CLASSES: u32 = 3u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> nearest: array<u32>;      // [member, example]
@group(0) @binding(1) var<storage, read> labels: array<u32>;       // [example]; other values than a class are left out
@group(0) @binding(2) var<storage, read_write> matrix: array<u32>; // [member, own class, nearest class]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= CLASSES * CLASSES) {
        return;
    }
    let own = id.x / CLASSES;
    let said = id.x % CLASSES;
    var count = 0u;
    for (var example = 0u; example < EXAMPLES; example++) {
        count += u32(labels[example] == own && nearest[group.z * EXAMPLES + example] == said);
    }
    matrix[group.z * CLASSES * CLASSES + id.x] = count;
}
