// A whole row of pool windows on the way back, four at a time: for tiles as wide as the plane, whose windows are a multiple
// of four.
@group(0) @binding(5) var<storage, read> gradients: array<vec4<f32>>; // [member, chunk, out, windows_t, windows_m / 4]
@group(0) @binding(6) var<storage, read> codes: array<u32>;           // [member, chunk, out, windows_t, word]

struct Windows {
    gradient: array<f32, NEAR_M>,
    winner: array<u32, NEAR_M>,
}

// Row t of the plane that starts at row `plane`, between two halos without gradient; t counts from the edge of such a halo.
fn upper_row(plane: u32, t: u32, m: u32) -> Windows {
    let row_at = plane + clamp(t, HALO_T, WINDOWS_T + HALO_T - 1u) - HALO_T;
    let inside = t >= HALO_T && t < WINDOWS_T + HALO_T;
    var windows: Windows;
    for (var c = 0u; c < HALO_M; c++) { // unroll
        windows.gradient[c] = 0.0;
        windows.winner[c] = 0u;
        windows.gradient[HALO_M + WINDOWS_M + c] = 0.0;
        windows.winner[HALO_M + WINDOWS_M + c] = 0u;
    }
    for (var c = 0u; c < WINDOWS_M / 4u; c++) { // unroll
        let four = select(vec4<f32>(0.0), gradients[row_at * (WINDOWS_M / 4u) + c], inside);
        for (var i = 0u; i < 4u; i++) { // unroll
            let word = codes[row_at * code_words(WINDOWS_M, PER_WORD) + (4u * c + i) / PER_WORD];
            windows.gradient[HALO_M + 4u * c + i] = four[i];
            windows.winner[HALO_M + 4u * c + i] = route_position(code_in(word, 4u * c + i, PER_WORD));
        }
    }
    return windows;
}
