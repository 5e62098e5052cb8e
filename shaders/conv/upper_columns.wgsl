// A stretch of a row of pool windows on the way back, window by window.
@group(0) @binding(5) var<storage, read> gradients: array<f32>; // [member, chunk, out, windows_t, windows_m]
@group(0) @binding(6) var<storage, read> codes: array<u32>;     // [member, chunk, out, windows_t, word]

struct Windows {
    gradient: array<f32, NEAR_M>,
    winner: array<u32, NEAR_M>,
}

// NEAR_M windows of row t of the plane that starts at row `plane`. Both t and m count from the edge of a halo without
// gradient.
fn upper_row(plane: u32, t: u32, m: u32) -> Windows {
    let row_at = plane + clamp(t, HALO_T, WINDOWS_T + HALO_T - 1u) - HALO_T;
    let row_inside = t >= HALO_T && t < WINDOWS_T + HALO_T;
    var windows: Windows;
    for (var c = 0u; c < NEAR_M; c++) { // unroll
        let at = clamp(m + c, HALO_M, WINDOWS_M + HALO_M - 1u) - HALO_M;
        let inside = row_inside && m + c >= HALO_M && m + c < WINDOWS_M + HALO_M;
        windows.gradient[c] = select(0.0, gradients[row_at * WINDOWS_M + at], inside);
        let word = codes[row_at * code_words(WINDOWS_M, PER_WORD) + at / PER_WORD];
        windows.winner[c] = route_position(code_in(word, at, PER_WORD));
    }
    return windows;
}
