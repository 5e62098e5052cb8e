// Gradients of a fully connected layer (SPEC 3): of its input, carried on through the LeakyReLU and dropout below when
// there are any, and of its weights and biases. The first invocations compute the one, the rest the other.
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
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> input: array<f32>;           // [member, row, in]
@group(0) @binding(1) var<storage, read> packed: array<f32>;          // [member, in, out], then the biases [out]
@group(0) @binding(2) var<storage, read> d_output: array<f32>;        // [member, row, out]
@group(0) @binding(3) var<storage, read_write> d_input: array<f32>;   // [member, row, in]
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;  // [member, …, weights (out, in) then biases (out)]
@group(0) @binding(5) var<storage, read> members: array<Member>;      // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    if (members[member].alive == 0u) {
        return;
    }
    if (id.x < ROWS * IN) {
        let i = id.x % IN;
        let upper = (member * ROWS + id.x / IN) * OUT;
        let weights = member * PACKED + i * OUT;
        var gradient = 0.0;
        for (var out = 0u; out < OUT; out++) {
            gradient += d_output[upper + out] * packed[weights + out];
        }
        let at = member * ROWS * IN + id.x;
        if (ACTIVATED == 1u) {
            let kept = dropout_keeps(dropout_bits(member, LOWER_LAYER, id.x / 4u), id.x % 4u);
            gradient *= select(0.0, select(SLOPE, 1.0, input[at] > 0.0) * DROPOUT_SCALE, kept);
        }
        d_input[at] = gradient;
    } else if (id.x < ROWS * IN + (IN + 1u) * OUT) {
        let parameter = id.x - ROWS * IN;
        let bias = parameter >= IN * OUT;
        let out = select(parameter / IN, parameter - IN * OUT, bias);
        let i = parameter % IN;
        var sum = 0.0;
        for (var r = 0u; r < ROWS; r++) {
            let x = select(input[(member * ROWS + r) * IN + i], 1.0, bias);
            sum += x * d_output[(member * ROWS + r) * OUT + out];
        }
        partials[member * PARTIALS + PARTIALS_AT + parameter] = sum;
    }
}
