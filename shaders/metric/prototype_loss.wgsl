// Cross-entropy of queries over their distances to the prototypes, and its gradient with respect to every distance
// (SPEC 4.3). One workgroup for each member; an invocation owns whole queries.
import package::lib::math::{exp_accurate, ln_accurate, ln_one_plus};
import package::lib::sum::workgroup_sum;
import package::lib::step_index::step_index;

const MEMBERS: u32 = 1u;
const QUERIES: u32 = 4u; // of one member, class by class
const WAY: u32 = 2u;     // classes
const WORKGROUP: u32 = 64u;

const PER_CLASS: u32 = QUERIES / WAY;

@group(0) @binding(0) var<storage, read> distances: array<f32>;        // [member, query, class]
@group(0) @binding(1) var<storage, read_write> grad_input: array<f32>; // [member, query, class]
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;     // [step, member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    var sum = 0.0;
    for (var query = local; query < QUERIES; query += WORKGROUP) {
        let first = (member * QUERIES + query) * WAY;
        let own = query / PER_CLASS;
        var nearest = distances[first];
        for (var j = 1u; j < WAY; j++) {
            nearest = min(nearest, distances[first + j]);
        }
        // Everything relative to the nearest: no exponential overflows, and the largest is 1.
        var others = 0.0;
        for (var j = 0u; j < WAY; j++) {
            if (j != own) {
                others += exp_accurate(nearest - distances[first + j]);
            }
        }
        let total = others + exp_accurate(nearest - distances[first + own]);
        // The exponential of the nearest class is 1: if that is the own class, a small loss is what others add to 1.
        let ln_total = select(ln_accurate(total), ln_one_plus(others), distances[first + own] == nearest);
        sum += distances[first + own] - nearest + ln_total;
        for (var j = 0u; j < WAY; j++) {
            let share = select(-exp_accurate(nearest - distances[first + j]), others, j == own) / total;
            grad_input[first + j] = share / f32(QUERIES);
        }
    }
    let total = workgroup_sum(local, sum);
    if (local == 0u) {
        losses[step_index() * MEMBERS + member] = total / f32(QUERIES);
    }
}
