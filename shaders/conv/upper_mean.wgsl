// Windows of the last layer, whose outputs have their mean in the embedding: every one's gradient is its share of the
// embedding's, carried on through this layer's own LeakyReLU and dropout.
import package::conv::shape::{OUT, WINDOWS_T, WINDOWS_M};
import package::conv::windows::{windows_column, Windows, windows_row, windows_inside, columns_inside, code_at};
import package::lib::route::{route_factor, route_position};
import kernel::NEAR_M;

const SEGMENT_CHUNKS: u32 = 1u; // chunks of one segment
const UPPER_SLOPE: f32 = 0.2;
const UPPER_SCALE: f32 = 1.25;  // what dropout multiplied kept values with
@group(0) @binding(5) var<storage, read> gradients: array<f32>; // of the embeddings, [member, segment, windows_m · out]

// What all rows of a plane have in common: each window's share, before LeakyReLU and dropout.
alias Above = array<f32, NEAR_M>;

fn upper_above(plane: u32, m: u32) -> Above {
    let segment = plane / (OUT * WINDOWS_T) / SEGMENT_CHUNKS;
    let out = plane / WINDOWS_T % OUT;
    var above: Above;
    for (var c = 0u; c < NEAR_M; c++) { // unroll loads
        let at = windows_column(m + c);
        above[c] = gradients[(segment * WINDOWS_M + at) * OUT + out] / f32(SEGMENT_CHUNKS * WINDOWS_T);
    }
    return above;
}

// NEAR_M windows of row t, from window m on.
fn upper_row(above: Above, plane: u32, t: u32, m: u32) -> Windows {
    let row_at = windows_row(plane, t);
    var windows: Windows;
    for (var c = 0u; c < NEAR_M; c++) { // unroll loads
        let at = windows_column(m + c);
        let inside = windows_inside(t) && columns_inside(m + c);
        let code = code_at(row_at, at);
        windows.gradient[c] = select(0.0, above[c] * route_factor(code, UPPER_SLOPE, UPPER_SCALE), inside);
        windows.winner[c] = route_position(code);
    }
    return windows;
}
