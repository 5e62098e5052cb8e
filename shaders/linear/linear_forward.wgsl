// A fully connected layer in evaluation, with what follows it: LeakyReLU or a sigmoid (SPEC 3).
const MEMBERS: u32 = 1u;
const ROWS: u32 = 3u; // of one member
const IN: u32 = 6u;
const OUT: u32 = 4u;
const PACKED: u32 = 28u; // elements of one member
const SIGMOID: u32 = 0u; // 1 sigmoid, 0 LeakyReLU
const SLOPE: f32 = 0.2;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> input: array<f32>;        // [member, row, in]
@group(0) @binding(1) var<storage, read> packed: array<f32>;       // [member, in, out], then the biases [out]
@group(0) @binding(2) var<storage, read_write> output: array<f32>; // [member, row, out]
@group(0) @binding(3) var<storage, read> members: array<Member>;   // [member]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    if (id.x >= ROWS * OUT || members[member].alive == 0u) {
        return;
    }
    let out = id.x % OUT;
    let inputs = (member * ROWS + id.x / OUT) * IN;
    let weights = member * PACKED + out;
    var x = 0.0;
    for (var i = 0u; i < IN; i++) {
        x += input[inputs + i] * packed[weights + i * OUT];
    }
    x += packed[weights + IN * OUT];
    if (SIGMOID == 0u) {
        x = select(SLOPE * x, x, x > 0.0);
    } else {
        // The exponential's argument is never positive, so it cannot overflow.
        let e = exp_accurate(-abs(x));
        x = select(e, 1.0, x >= 0.0) / (1.0 + e);
    }
    output[member * ROWS * OUT + id.x] = x;
}
