// The sum of a value over all invocations of a workgroup, in a fixed order; every invocation must call it.
import kernel::WORKGROUP;

var<workgroup> sums: array<f32, WORKGROUP>;

fn workgroup_sum(local: u32, value: f32) -> f32 {
    sums[local] = value;
    workgroupBarrier();
    for (var width = WORKGROUP / 2u; width > 0u; width /= 2u) {
        if (local < width) {
            sums[local] += sums[local + width];
        }
        workgroupBarrier();
    }
    let total = sums[0];
    workgroupBarrier();
    return total;
}
