// A whole row of pool windows, four at a time: for tiles as wide as the plane, whose windows are a multiple of four.
import package::conv::windows::{Windows, windows_row, windows_inside, winner_at};
import package::conv::shape::WINDOWS_M;
import slot::grad_output_plane::Above;
import kernel::HALO_M;

@group(0) @binding(5) var<storage, read> gradients: array<vec4<f32>>; // [member, chunk, out, windows_t, windows_m / 4]

// Row t between its two halos.
fn upper_row(above: Above, plane: u32, t: u32, m: u32) -> Windows {
    let row_at = windows_row(plane, t);
    var windows: Windows;
    for (var c = 0u; c < HALO_M; c++) { // unroll
        windows.gradient[c] = 0.0;
        windows.winner[c] = 0u;
        windows.gradient[HALO_M + WINDOWS_M + c] = 0.0;
        windows.winner[HALO_M + WINDOWS_M + c] = 0u;
    }
    for (var c = 0u; c < WINDOWS_M / 4u; c++) { // unroll loads
        let four = select(vec4<f32>(0.0), gradients[row_at * (WINDOWS_M / 4u) + c], windows_inside(t));
        for (var i = 0u; i < 4u; i++) { // unroll loads
            windows.gradient[HALO_M + 4u * c + i] = four[i];
            windows.winner[HALO_M + 4u * c + i] = winner_at(row_at, 4u * c + i);
        }
    }
    return windows;
}
