// One step of Adam or AdamW for every parameter (SPEC 4): adds up the partial gradients in a fixed order, updates
// parameters and moments, and writes the new parameters to the layouts from which the kernels read them. A thread
// computes four parameters.
import package::lib::span::{Span, span_of, scatter};
import package::lib::step::ScheduleStep;
import package::lib::member::Member;
import slot::workgroup_uniform::workgroup_uniform;
import slot::step::step_index;

const MEMBERS: u32 = 1u;
const PARAMETERS: u32 = 12u;      // elements of one member
const FIRST_GROUP: u32 = 0u;      // workgroups before those of the parameters that are updated
const PARTIALS: u32 = 36u;        // elements of one member
const SPANS: u32 = 2u;
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const ONE_MINUS_BETA1: f32 = 0.1; // formed in f64: in f32, 1 − 0.999 is off by 1.3e-5
const ONE_MINUS_BETA2: f32 = 0.001;
const EPSILON: f32 = 1e-8;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read_write> state: array<vec4<f32>>; // [member, (parameters, first moment, second moment), parameter / 4]
@group(0) @binding(1) var<storage, read> partials: array<vec4<f32>>;    // [member, …]
@group(0) @binding(2) var<storage, read> spans: array<Span>;            // [span]
@group(0) @binding(3) var<storage, read> places: array<vec4<u32>>;      // [parameter / 4, (forward, transposed)]: elements within the layer's layouts
@group(0) @binding(4) var<storage, read_write> packed: array<f32>;      // all layouts of all members
@group(0) @binding(5) var<storage, read> schedule: array<ScheduleStep>; // [step, member]
@group(0) @binding(6) var<storage, read> members: array<Member>;        // [member]
@group(0) @binding(7) var<storage, read_write> made: array<u32>;        // [step, member], the number of the step that was made

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = workgroup_uniform(group.z, MEMBERS);
    let step = schedule[step_index() * MEMBERS + member];
    if (group.x == 0u && id.x == 0u) {
        made[step_index() * MEMBERS + member] = step.t;
    }
    let span = span_of(FIRST_GROUP + group.x);
    let local = (FIRST_GROUP + group.x - span.first_group) * WORKGROUP + id.x;
    if (local >= span.count / 4u || members[member].alive == 0u) {
        return;
    }
    var gradient = vec4<f32>(0.0);
    for (var split = 0u; split < span.splits; split++) {
        gradient += partials[(member * PARTIALS + span.partials + split * span.count) / 4u + local];
    }
    let four = span.first / 4u + local;
    let at = member * 3u * (PARAMETERS / 4u) + four;
    let m = BETA1 * state[at + PARAMETERS / 4u] + ONE_MINUS_BETA1 * gradient;
    let v = BETA2 * state[at + 2u * (PARAMETERS / 4u)] + ONE_MINUS_BETA2 * gradient * gradient;
    let updated = state[at] * step.decay - step.step_size * m / (sqrt(v) + EPSILON);
    state[at] = updated;
    state[at + PARAMETERS / 4u] = m;
    state[at + 2u * (PARAMETERS / 4u)] = v;
    scatter(member, four, span, updated);
}
