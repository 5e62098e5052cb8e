// A row of pool windows, one gradient at a time: for tiles of any width.
import package::conv::pool_windows::{PoolWindows, windows_row, windows_column, windows_inside, columns_inside};
import package::conv::pool_windows::argmax_position_at;
import package::conv::shape::WINDOWS_M;
import slot::grad_output_plane::PlaneContext;
import kernel::PATCH_WINDOWS_M;

@group(0) @binding(5) var<storage, read> grad_output: array<f32>; // [member, chunk, out, windows_t, windows_m]

// PATCH_WINDOWS_M windows of row t, from window m on.
fn grad_output_row(context: PlaneContext, plane: u32, t: u32, m: u32) -> PoolWindows {
    let row_at = windows_row(plane, t);
    var windows: PoolWindows;
    for (var c = 0u; c < PATCH_WINDOWS_M; c++) { // unroll loads
        let at = windows_column(m + c);
        let inside = windows_inside(t) && columns_inside(m + c);
        windows.grad[c] = select(0.0, grad_output[row_at * WINDOWS_M + at], inside);
        windows.argmax[c] = argmax_position_at(row_at, at);
    }
    return windows;
}
