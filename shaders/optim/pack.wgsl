// Writes parameters to the layouts from which the kernels read them: at the start of training, and before an
// evaluation.
import package::lib::span::{Span, span_of, scatter};
import slot::workgroup_uniform::workgroup_uniform;

const MEMBERS: u32 = 2u;
const STRIDE: u32 = 12u; // elements between two members' parameters
const FIRST_GROUP: u32 = 0u;
const SPANS: u32 = 2u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> parameters: array<vec4<f32>>; // [member, STRIDE / 4], parameters first
@group(0) @binding(1) var<storage, read> spans: array<Span>;           // [span]
@group(0) @binding(2) var<storage, read> places: array<vec4<u32>>;     // [parameter / 4, (forward, transposed)]: elements within the layer's layouts
@group(0) @binding(3) var<storage, read_write> packed: array<f32>;     // all layouts of all members

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = workgroup_uniform(group.z, MEMBERS);
    let span = span_of(FIRST_GROUP + group.x);
    let local = (FIRST_GROUP + group.x - span.first_group) * WORKGROUP + id.x;
    if (local < span.count / 4u) {
        let four = span.first / 4u + local;
        scatter(member, four, span, parameters[member * (STRIDE / 4u) + four]);
    }
}
