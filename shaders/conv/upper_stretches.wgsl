// A stretch of a row of pool windows, four at a time: for strips, which have no halo, that divide the plane's width and
// are a multiple of four windows wide.
import package::conv::windows::{Windows, windows_row, codes};
import package::conv::shape::WINDOWS_M;
import package::lib::route::{code_words, code_shift, route_position, code_in};
import slot::grad_output_plane::Above;
import kernel::{NEAR_M, PER_WORD};

const WORD_WINDOWS: u32 = 2u; // windows of a stretch whose codes share a word
@group(0) @binding(5) var<storage, read> gradients: array<vec4<f32>>; // [member, chunk, out, windows_t, windows_m / 4]

// NEAR_M windows of row t, from window m on.
fn upper_row(above: Above, plane: u32, t: u32, m: u32) -> Windows {
    let row_at = windows_row(plane, t);
    var windows: Windows;
    for (var c = 0u; c < NEAR_M / 4u; c++) { // unroll loads
        let four = gradients[(row_at * WINDOWS_M + m) / 4u + c];
        for (var i = 0u; i < 4u; i++) { // unroll
            windows.gradient[4u * c + i] = four[i];
        }
    }
    for (var w = 0u; w < NEAR_M / WORD_WINDOWS; w++) { // unroll loads
        let first = m + w * WORD_WINDOWS;
        let word = codes[row_at * code_words(WINDOWS_M, PER_WORD) + first / PER_WORD] >> code_shift(first, PER_WORD);
        for (var c = 0u; c < WORD_WINDOWS; c++) { // unroll
            windows.winner[w * WORD_WINDOWS + c] = route_position(code_in(word, c, PER_WORD));
        }
    }
    return windows;
}
