// A value below `bound` that all threads of a workgroup share, in a form that llvmpipe's compiler takes for uniform. To
// llvmpipe, only what is read from immediates is uniform, so the value is put together from hexadecimal digits that are
// looked up there. A load from a uniform address is one load and a broadcast instead of one load for each lane.
import package::llvmpipe::step_index_and_digits::hex_digit;

fn workgroup_uniform(x: u32, bound: u32) -> u32 {
    var known = digit(x, 0u);
    if (bound > 0x10u) {
        known |= digit(x, 4u);
    }
    if (bound > 0x100u) {
        known |= digit(x, 8u) | digit(x, 12u);
    }
    if (bound > 0x10000u) {
        known |= digit(x, 16u) | digit(x, 20u);
    }
    return known;
}

fn digit(x: u32, shift: u32) -> u32 {
    return hex_digit((x >> shift) & 15u) << shift;
}
