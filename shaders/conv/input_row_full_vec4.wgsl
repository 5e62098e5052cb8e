// A full input row, four values at a time: for tiles as wide as the plane, whose width is a multiple of four.
import package::conv::shape::{PAD, TIME, MEL};
import kernel::PATCH_M;

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>; // [member, chunk, in, time, mel / 4]

// Row t of the plane that starts at element `plane`, between two paddings; t counts from the edge of the padding, which is
// zero.
fn input_row(plane: u32, t: u32, m: u32) -> array<f32, PATCH_M> {
    let row_at = plane + (clamp(t, PAD, TIME + PAD - 1u) - PAD) * MEL;
    let inside = t >= PAD && t < TIME + PAD;
    var values: array<f32, PATCH_M>;
    for (var c = 0u; c < PAD; c++) { // unroll
        values[c] = 0.0;
        values[PAD + MEL + c] = 0.0;
    }
    for (var c = 0u; c < MEL / 4u; c++) { // unroll loads
        let four = select(vec4<f32>(0.0), input[row_at / 4u + c], inside);
        for (var i = 0u; i < 4u; i++) { // unroll
            values[PAD + 4u * c + i] = four[i];
        }
    }
    return values;
}
