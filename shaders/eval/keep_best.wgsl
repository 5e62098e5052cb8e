// Keeps the parameters of the members whose last epoch was their best (SPEC 5).
import package::lib::member::Member;

const PARAMETERS: u32 = 10u; // of one member
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> state: array<f32>;      // [member, (parameters, first moment, second moment), parameter]
@group(0) @binding(1) var<storage, read_write> best: array<f32>; // [member, parameter]
@group(0) @binding(2) var<storage, read> members: array<Member>; // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x < PARAMETERS && members[group.z].improved == 1u) {
        best[group.z * PARAMETERS + id.x] = state[group.z * 3u * PARAMETERS + id.x];
    }
}
