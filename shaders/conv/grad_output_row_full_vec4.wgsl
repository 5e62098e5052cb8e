// A full row of pool windows, four gradients at a time: for tiles as wide as the plane, whose windows are a multiple of
// four.
import package::conv::pool_windows::{PoolWindows, windows_row, windows_inside, argmax_position_at};
import package::conv::shape::WINDOWS_M;
import slot::grad_output_plane::PlaneContext;
import kernel::HALO_M;

@group(0) @binding(5) var<storage, read> grad_output: array<vec4<f32>>; // [member, chunk, out, windows_t, windows_m / 4]

// Row t between its two halos.
fn grad_output_row(context: PlaneContext, plane: u32, t: u32, m: u32) -> PoolWindows {
    let row_at = windows_row(plane, t);
    var windows: PoolWindows;
    for (var c = 0u; c < HALO_M; c++) { // unroll
        windows.grad[c] = 0.0;
        windows.argmax[c] = 0u;
        windows.grad[HALO_M + WINDOWS_M + c] = 0.0;
        windows.argmax[HALO_M + WINDOWS_M + c] = 0u;
    }
    for (var c = 0u; c < WINDOWS_M / 4u; c++) { // unroll loads
        let four = select(vec4<f32>(0.0), grad_output[row_at * (WINDOWS_M / 4u) + c], windows_inside(t));
        for (var i = 0u; i < 4u; i++) { // unroll loads
            windows.grad[HALO_M + 4u * c + i] = four[i];
            windows.argmax[HALO_M + 4u * c + i] = argmax_position_at(row_at, 4u * c + i);
        }
    }
    return windows;
}
