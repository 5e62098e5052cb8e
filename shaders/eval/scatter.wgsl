// Separation of the classes (SPEC 5): tr(S_w + S_b) / tr(S_w), from the scatter within and between classes. One
// workgroup for each member; an invocation adds up whole dimensions.
import package::lib::sum::workgroup_sum;

const EXAMPLES: u32 = 9u;
const CLASSES: u32 = 3u;
const DIMENSIONS: u32 = 6u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> stored: array<f32>;      // [member, example, dimension]
@group(0) @binding(1) var<storage, read> labels: array<u32>;      // [example]; other values than a class are left out
@group(0) @binding(2) var<storage, read> means: array<f32>;       // [member, class, dimension], of the same examples
@group(0) @binding(3) var<storage, read> counts: array<u32>;      // [class]: examples
@group(0) @binding(4) var<storage, read_write> ratio: array<f32>; // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    var within = 0.0;
    var between = 0.0;
    for (var d = local; d < DIMENSIONS; d += WORKGROUP) {
        var total = 0.0;
        var count = 0.0;
        for (var own = 0u; own < CLASSES; own++) {
            total += f32(counts[own]) * means[(group.z * CLASSES + own) * DIMENSIONS + d];
            count += f32(counts[own]);
        }
        let centre = total / max(count, 1.0);
        for (var own = 0u; own < CLASSES; own++) {
            let offset = means[(group.z * CLASSES + own) * DIMENSIONS + d] - centre;
            between += f32(counts[own]) * offset * offset;
        }
        var squares = 0.0;
        for (var example = 0u; example < EXAMPLES; example++) {
            let own = labels[example];
            if (own < CLASSES) {
                let offset = stored[(group.z * EXAMPLES + example) * DIMENSIONS + d]
                    - means[(group.z * CLASSES + own) * DIMENSIONS + d];
                squares += offset * offset;
            }
        }
        within += squares;
    }
    let all_within = workgroup_sum(local, within);
    let all_between = workgroup_sum(local, between);
    if (local == 0u) {
        // An embedding that has collapsed to a point spreads nowhere: 1, as of classes that are not apart.
        ratio[group.z] = 1.0 + all_between / max(all_within, 1e-30);
    }
}
