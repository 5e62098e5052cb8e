// Prototypes: the means of the supports of every class (SPEC 4.3, the paper's equation 3).
const DIMENSIONS: u32 = 6u;
const SUPPORTS: u32 = 4u; // rows of one member
const FIRST: u32 = 0u;
const STRIDE: u32 = 4u;
const WAY: u32 = 2u;      // classes of a step, as in "5-way" few-shot learning
const WORKGROUP: u32 = 64u;

const PER_CLASS: u32 = SUPPORTS / WAY;

@group(0) @binding(0) var<storage, read> support: array<f32>;          // [member, row, dimension], class by class
@group(0) @binding(1) var<storage, read_write> prototypes: array<f32>; // [member, class, dimension]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
    if (id.x >= WAY * DIMENSIONS) {
        return;
    }
    let first = group.z * STRIDE + FIRST + id.x / DIMENSIONS * PER_CLASS;
    var sum = 0.0;
    for (var i = 0u; i < PER_CLASS; i++) {
        sum += support[(first + i) * DIMENSIONS + id.x % DIMENSIONS];
    }
    prototypes[group.z * WAY * DIMENSIONS + id.x] = sum / f32(PER_CLASS);
}
