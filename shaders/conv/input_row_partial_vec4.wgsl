// A part of an input row, four values at a time and the padding on either side one by one: for tiles that divide the
// width of the plane and are a multiple of four wide.
import package::conv::shape::{PAD, TIME, MEL};
import kernel::{PATCH_M, COLUMNS};

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>; // [member, chunk, in, time, mel / 4]

// PATCH_M values of row t of the plane that starts at element `plane`. Both t and m count from the edge of the padding,
// which is zero.
fn input_row(plane: u32, t: u32, m: u32) -> array<f32, PATCH_M> {
    let row_at = plane + (clamp(t, PAD, TIME + PAD - 1u) - PAD) * MEL;
    let inside = t >= PAD && t < TIME + PAD;
    var values: array<f32, PATCH_M>;
    for (var c = 0u; c < PAD; c++) { // unroll loads
        values[c] = beside(row_at, m + c, inside);
        values[PAD + COLUMNS + c] = beside(row_at, m + PAD + COLUMNS + c, inside);
    }
    for (var c = 0u; c < COLUMNS / 4u; c++) { // unroll loads
        let four = select(vec4<f32>(0.0), input[(row_at + m) / 4u + c], inside);
        for (var i = 0u; i < 4u; i++) { // unroll
            values[PAD + 4u * c + i] = four[i];
        }
    }
    return values;
}

fn beside(row_at: u32, m: u32, row_inside: bool) -> f32 {
    let at = row_at + clamp(m, PAD, MEL + PAD - 1u) - PAD;
    return select(0.0, input[at / 4u][at % 4u], row_inside && m >= PAD && m < MEL + PAD);
}
