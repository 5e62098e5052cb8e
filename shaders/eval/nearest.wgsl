// The nearest class mean of every example, and how often that class is the true one (SPEC 5, the paper's equation 5): true
// positives, false positives and false negatives of every class. One workgroup for each member.
const EXAMPLES: u32 = 9u;
const CLASSES: u32 = 3u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> distances: array<f32>;     // [member, example, class]
@group(0) @binding(1) var<storage, read> labels: array<u32>;        // [example]; other values than a class are left out
@group(0) @binding(2) var<storage, read> present: array<u32>;       // [class]: 0 where there is no mean
@group(0) @binding(3) var<storage, read_write> nearest: array<u32>; // [member, example]
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;  // [member, class, (tp, fp, fn)], added to

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    for (var example = local; example < EXAMPLES; example += WORKGROUP) {
        var best = CLASSES;
        for (var candidate = 0u; candidate < CLASSES; candidate++) {
            let at = (member * EXAMPLES + example) * CLASSES;
            if (present[candidate] > 0u && (best == CLASSES || distances[at + candidate] < distances[at + min(best, CLASSES - 1u)])) {
                best = candidate;
            }
        }
        nearest[member * EXAMPLES + example] = best;
    }
    storageBarrier();
    for (var own = local; own < CLASSES; own += WORKGROUP) {
        let at = (member * CLASSES + own) * 3u;
        var found = vec3<u32>(counts[at], counts[at + 1u], counts[at + 2u]);
        for (var example = 0u; example < EXAMPLES; example++) {
            if (labels[example] < CLASSES) {
                let actual = labels[example] == own;
                let predicted = nearest[member * EXAMPLES + example] == own;
                found += vec3<u32>(u32(predicted && actual), u32(predicted && !actual), u32(!predicted && actual));
            }
        }
        counts[at] = found.x;
        counts[at + 1u] = found.y;
        counts[at + 2u] = found.z;
    }
}
