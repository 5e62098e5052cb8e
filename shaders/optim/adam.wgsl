// Adds up the partial gradients in a fixed order, makes one step of Adam or AdamW (SPEC 4), and writes the new parameters
// to where the kernels read them.
const MEMBERS: u32 = 1u;
const PARAMETERS: u32 = 10u; // of one member
const FIRST_GROUP: u32 = 0u; // workgroups before those of the parameters that are updated
const PARTIALS: u32 = 30u;   // elements of one member
const SPANS: u32 = 2u;
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const ONE_MINUS_BETA1: f32 = 0.1;   // formed in f64: in f32, 1 − 0.999 is off by 1.3e-5
const ONE_MINUS_BETA2: f32 = 0.001;
const EPSILON: f32 = 1e-8;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read_write> state: array<f32>;    // [member, (parameters, first moment, second moment), parameter]
@group(0) @binding(1) var<storage, read> partials: array<f32>;       // [member, …]
@group(0) @binding(2) var<storage, read> spans: array<Span>;         // [span]
@group(0) @binding(3) var<storage, read> places: array<vec2<u32>>;   // [parameter]: elements within the layer's layouts
@group(0) @binding(4) var<storage, read_write> packed: array<f32>;   // all layouts of all members
@group(0) @binding(5) var<storage, read> schedule: array<Step>;      // [row, member]
@group(0) @binding(6) var<storage, read> members: array<Member>;     // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group_uniform(group.z, MEMBERS);
    let span = span_of(FIRST_GROUP + group.x);
    let local = (FIRST_GROUP + group.x - span.first_group) * WORKGROUP + id.x;
    if (local >= span.count || members[member].alive == 0u) {
        return;
    }
    var gradient = 0.0;
    for (var slice = 0u; slice < span.slices; slice++) {
        gradient += partials[member * PARTIALS + span.partials + slice * span.count + local];
    }
    let step = schedule[row.index * MEMBERS + member];
    let parameter = span.first + local;
    let at = member * 3u * PARAMETERS + parameter;
    let m = BETA1 * state[at + PARAMETERS] + ONE_MINUS_BETA1 * gradient;
    let v = BETA2 * state[at + 2u * PARAMETERS] + ONE_MINUS_BETA2 * gradient * gradient;
    let updated = state[at] * step.decay - step.step_size * m / (sqrt(v) + EPSILON);
    state[at] = updated;
    state[at + PARAMETERS] = m;
    state[at + 2u * PARAMETERS] = v;
    scatter(member, parameter, span, updated);
}
