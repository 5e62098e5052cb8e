// A fully connected layer in evaluation, then LeakyReLU or a sigmoid (SPEC 3): output[row, o] = f(bias[o] + Σ_i
// weight[i, o] · input[row, i]).
//
// A thread computes one output of ROWS_PER_THREAD rows: a weight that it loads serves all of these rows, and an input
// serves all threads of the workgroup.
import package::lib::member::Member;
import package::lib::math::exp_accurate;
import slot::workgroup_uniform::workgroup_uniform;

const MEMBERS: u32 = 1u;
const ROWS: u32 = 3u;            // of one member
const IN: u32 = 6u;
const OUT: u32 = 4u;
const PACKED: u32 = 28u;         // elements of one member
const SIGMOID: u32 = 0u;         // 1 sigmoid, 0 LeakyReLU
const SLOPE: f32 = 0.2;
const ROWS_PER_THREAD: u32 = 2u; // rows of a thread
const WORKGROUP: u32 = 8u;

@group(0) @binding(0) var<storage, read> input: array<f32>;        // [member, row, in]
@group(0) @binding(1) var<storage, read> packed: array<f32>;       // [member, in, out], then the biases [out]
@group(0) @binding(2) var<storage, read_write> output: array<f32>; // [member, row, out]
@group(0) @binding(3) var<storage, read> members: array<Member>;   // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = workgroup_uniform(group.z, MEMBERS);
    let out = id.x;
    if (out >= OUT || members[member].alive == 0u) {
        return;
    }
    let first = workgroup_uniform(group.y, (ROWS + ROWS_PER_THREAD - 1u) / ROWS_PER_THREAD) * ROWS_PER_THREAD;
    let weights = member * PACKED + out;
    var sums: array<f32, ROWS_PER_THREAD>;
    for (var r = 0u; r < ROWS_PER_THREAD; r++) { // unroll
        sums[r] = 0.0;
    }
    for (var i = 0u; i < IN; i++) {
        let at = workgroup_uniform(i, IN);
        let weight = packed[weights + at * OUT];
        for (var r = 0u; r < ROWS_PER_THREAD; r++) { // unroll
            sums[r] += input[(member * ROWS + min(first + r, ROWS - 1u)) * IN + at] * weight;
        }
    }
    let bias = packed[weights + IN * OUT];
    for (var r = 0u; r < ROWS_PER_THREAD; r++) { // unroll
        if (first + r < ROWS) {
            output[(member * ROWS + first + r) * OUT + out] = activate(sums[r] + bias);
        }
    }
}

fn activate(x: f32) -> f32 {
    if (SIGMOID == 0u) {
        return select(SLOPE * x, x, x > 0.0);
    }
    // The exponential's argument is never positive, so it cannot overflow.
    let e = exp_accurate(-abs(x));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
}
