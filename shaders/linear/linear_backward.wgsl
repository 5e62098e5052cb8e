// Gradients of a fully connected layer (SPEC 3): of its input, carried on through the LeakyReLU and dropout below when
// there are any, and of its weights and biases.
//
// Neighbouring threads take neighbouring inputs. The first workgroups along y compute the gradients of AT_ONCE rows, the rest
// those of the weights of AT_ONCE outputs, so that what a thread loads for its input serves all of them, and the upstream
// gradients are the same for the whole workgroup.
const MEMBERS: u32 = 1u;
const ROWS: u32 = 3u; // of one member
const IN: u32 = 6u;
const OUT: u32 = 4u;
const LOWER_LAYER: u32 = 4u; // the layer that produced the input
const PACKED: u32 = 28u;     // elements of one member
const PARTIALS: u32 = 28u;   // elements of one member
const PARTIALS_AT: u32 = 0u; // elements before this layer
const ACTIVATED: u32 = 1u;   // the input comes out of LeakyReLU and dropout
const SLOPE: f32 = 0.2;
const AT_ONCE: u32 = 4u;
const WORKGROUP: u32 = 64u;

const ROW_GROUPS: u32 = (ROWS + AT_ONCE - 1u) / AT_ONCE;

@group(0) @binding(0) var<storage, read> input: array<f32>;           // [member, row, in]
@group(0) @binding(1) var<storage, read> packed: array<f32>;          // [member, in, out], then the biases [out]
@group(0) @binding(2) var<storage, read> d_output: array<f32>;        // [member, row, out]
@group(0) @binding(3) var<storage, read_write> d_input: array<f32>;   // [member, row, in]
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;  // [member, …, weights (out, in) then biases (out)]
@group(0) @binding(5) var<storage, read> members: array<Member>;      // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group_uniform(group.z, MEMBERS);
    if (members[member].alive == 0u) {
        return;
    }
    if (group.y < ROW_GROUPS) {
        if (id.x < IN) {
            input_gradients(member, group_uniform(group.y, ROW_GROUPS) * AT_ONCE, id.x);
        }
    } else if (id.x <= IN) {
        weight_gradients(member, group_uniform(group.y - ROW_GROUPS, OUT) * AT_ONCE, id.x);
    }
}

// Of input `i` in the rows from `first` on.
fn input_gradients(member: u32, first: u32, i: u32) {
    var gradients: array<f32, AT_ONCE>;
    for (var r = 0u; r < AT_ONCE; r++) { // unroll
        gradients[r] = 0.0;
    }
    for (var o = 0u; o < OUT; o++) {
        let out = group_uniform(o, OUT);
        let weight = packed[member * PACKED + i * OUT + out];
        for (var r = 0u; r < AT_ONCE; r++) { // unroll
            gradients[r] += d_output[(member * ROWS + min(first + r, ROWS - 1u)) * OUT + out] * weight;
        }
    }
    for (var r = 0u; r < AT_ONCE; r++) { // unroll
        if (first + r < ROWS) {
            let element = (first + r) * IN + i;
            let at = member * ROWS * IN + element;
            var gradient = gradients[r];
            if (ACTIVATED == 1u) {
                let kept = dropout_keeps(dropout_bits(member, LOWER_LAYER, element / 4u), element % 4u);
                gradient *= select(0.0, select(SLOPE, 1.0, input[at] > 0.0) * DROPOUT_SCALE, kept);
            }
            d_input[at] = gradient;
        }
    }
}

// Of the weights between input `i` and the outputs from `first` on, or of their biases when `i` is behind the last input.
fn weight_gradients(member: u32, first: u32, i: u32) {
    let bias = i == IN;
    var sums: array<f32, AT_ONCE>;
    for (var o = 0u; o < AT_ONCE; o++) { // unroll
        sums[o] = 0.0;
    }
    for (var r = 0u; r < ROWS; r++) {
        let row = member * ROWS + group_uniform(r, ROWS);
        let x = select(input[row * IN + min(i, IN - 1u)], 1.0, bias);
        for (var o = 0u; o < AT_ONCE; o++) { // unroll
            sums[o] += x * d_output[row * OUT + min(first + o, OUT - 1u)];
        }
    }
    for (var o = 0u; o < AT_ONCE; o++) { // unroll
        let out = first + o;
        if (out < OUT) {
            partials[member * PARTIALS + PARTIALS_AT + select(out * IN + i, IN * OUT + out, bias)] = sums[o];
        }
    }
}
