// A stretch of a row of pool windows, window by window.
import package::conv::windows::{Windows, windows_row, windows_column, windows_inside, columns_inside, winner_at};
import package::conv::shape::WINDOWS_M;
import slot::grad_output_plane::Above;
import kernel::NEAR_M;

@group(0) @binding(5) var<storage, read> gradients: array<f32>; // [member, chunk, out, windows_t, windows_m]

// NEAR_M windows of row t, from window m on.
fn upper_row(above: Above, plane: u32, t: u32, m: u32) -> Windows {
    let row_at = windows_row(plane, t);
    var windows: Windows;
    for (var c = 0u; c < NEAR_M; c++) { // unroll loads
        let at = windows_column(m + c);
        let inside = windows_inside(t) && columns_inside(m + c);
        windows.gradient[c] = select(0.0, gradients[row_at * WINDOWS_M + at], inside);
        windows.winner[c] = winner_at(row_at, at);
    }
    return windows;
}
