// Binary cross-entropy from logits, its mean over batch and classes, and its gradient (SPEC 4.1, the paper's equation 1).
// One workgroup for each member; sums in a fixed order.
const MEMBERS: u32 = 1u;
const SLOTS: u32 = 3u; // examples of one member's batch
const CLASSES: u32 = 4u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> logits: array<f32>;          // [member, slot, class]
@group(0) @binding(1) var<storage, read> targets: array<f32>;         // [example, class]
@group(0) @binding(2) var<storage, read> batches: array<u32>;         // [row, member, slot]
@group(0) @binding(3) var<storage, read_write> d_logits: array<f32>;  // [member, slot, class]
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;    // [row, member]

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let member = group.z;
    var sum = 0.0;
    for (var at = local; at < SLOTS * CLASSES; at += WORKGROUP) {
        let slot = (row.index * MEMBERS + member) * SLOTS + at / CLASSES;
        let y = targets[batches[slot] * CLASSES + at % CLASSES];
        let x = logits[member * SLOTS * CLASSES + at];
        let e = exp_accurate(-abs(x));
        sum += max(x, 0.0) - x * y + ln_one_plus(e);
        d_logits[member * SLOTS * CLASSES + at] = (select(e, 1.0, x >= 0.0) / (1.0 + e) - y) / f32(SLOTS * CLASSES);
    }
    sums[local] = sum;
    workgroupBarrier();
    for (var width = WORKGROUP / 2u; width > 0u; width /= 2u) {
        if (local < width) {
            sums[local] += sums[local + width];
        }
        workgroupBarrier();
    }
    if (local == 0u) {
        losses[row.index * MEMBERS + member] = sums[0] / f32(SLOTS * CLASSES);
    }
}

// ln(1 + e) for e in [0, 1] without the cancellation of forming 1 + e: 2·atanh(e / (2 + e)).
fn ln_one_plus(e: f32) -> f32 {
    let z = e / (2.0 + e);
    let s = z * z;
    return 2.0 * z * (1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s * (1.0 / 11.0 + s * (1.0 / 13.0 + s / 15.0)))))));
}
