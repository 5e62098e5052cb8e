// Average precision of every class (SPEC 5): the mean over its positives of the precision among all examples that score
// at least as high. Equal scores count together, as in scikit-learn. One workgroup for each class and member.
import package::lib::sum::workgroup_sum;

const EXAMPLES: u32 = 9u;
const CLASSES: u32 = 4u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> scores: array<f32>;         // [member, example, class]
@group(0) @binding(1) var<storage, read> targets: array<f32>;        // [example, class]
@group(0) @binding(2) var<storage, read_write> averages: array<f32>; // [member, class]; -1 for a class without a positive

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let label = group.x;
    let first = group.z * EXAMPLES * CLASSES + label;
    var sum = 0.0;
    var positives = 0.0;
    for (var example = local; example < EXAMPLES; example += WORKGROUP) {
        if (targets[example * CLASSES + label] > 0.5) {
            let score = scores[first + example * CLASSES];
            var found = vec2<u32>(0u, 0u); // positives and all examples from this score upwards
            for (var other = 0u; other < EXAMPLES; other++) {
                let reaches = scores[first + other * CLASSES] >= score;
                found += vec2<u32>(u32(reaches && targets[other * CLASSES + label] > 0.5), u32(reaches));
            }
            sum += f32(found.x) / f32(max(found.y, 1u));
            positives += 1.0;
        }
    }
    let total = workgroup_sum(local, sum);
    let count = workgroup_sum(local, positives);
    if (local == 0u) {
        averages[group.z * CLASSES + label] = select(-1.0, total / max(count, 1.0), count > 0.0);
    }
}
