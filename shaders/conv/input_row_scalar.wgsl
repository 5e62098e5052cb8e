// A part of an input row, one value at a time: for tiles of any width.
import package::conv::shape::{PAD, TIME, MEL};
import kernel::PATCH_M;

@group(0) @binding(0) var<storage, read> input: array<f32>; // [member, chunk, in, time, mel]

// PATCH_M values of row t of the plane that starts at element `plane`. Both t and m count from the edge of the padding,
// which is zero.
fn input_row(plane: u32, t: u32, m: u32) -> array<f32, PATCH_M> {
    let row_at = plane + (clamp(t, PAD, TIME + PAD - 1u) - PAD) * MEL;
    let row_inside = t >= PAD && t < TIME + PAD;
    var values: array<f32, PATCH_M>;
    for (var c = 0u; c < PATCH_M; c++) { // unroll loads
        let inside = row_inside && m + c >= PAD && m + c < MEL + PAD;
        values[c] = select(0.0, input[row_at + clamp(m + c, PAD, MEL + PAD - 1u) - PAD], inside);
    }
    return values;
}
