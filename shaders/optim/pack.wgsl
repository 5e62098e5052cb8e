// Writes parameters to where the kernels read them: at the start of training, and before an evaluation.
const PARAMETERS: u32 = 10u; // of one member
const STRIDE: u32 = 10u;     // elements between two members' parameters
const SPANS: u32 = 2u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> parameters: array<f32>;     // [member, STRIDE], the first PARAMETERS of each
@group(0) @binding(1) var<storage, read> spans: array<Span>;         // [span]
@group(0) @binding(2) var<storage, read> places: array<vec2<u32>>;   // [parameter]: elements within the layer's layouts
@group(0) @binding(3) var<storage, read_write> packed: array<f32>;   // all layouts of all members

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x < PARAMETERS) {
        scatter(group.z, id.x, span_of(id.x), parameters[group.z * STRIDE + id.x]);
    }
}
