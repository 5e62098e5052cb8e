// A part of a row of pool windows, four gradients at a time: for strips, which have no halo, that divide the width of
// the plane and are a multiple of four windows wide.
import package::conv::pool_windows::{PoolWindows, windows_row, pool_argmax};
import package::conv::shape::WINDOWS_M;
import package::lib::pool_argmax::{argmax_words, argmax_shift, argmax_position, argmax_code_in};
import slot::grad_output_plane::PlaneContext;
import kernel::{PATCH_WINDOWS_M, ARGMAX_PER_WORD};

const WINDOWS_PER_WORD: u32 = 2u; // neighbouring windows of a strip whose codes share a word
@group(0) @binding(5) var<storage, read> grad_output: array<vec4<f32>>; // [member, chunk, out, windows_t, windows_m / 4]

// PATCH_WINDOWS_M windows of row t, from window m on.
fn grad_output_row(context: PlaneContext, plane: u32, t: u32, m: u32) -> PoolWindows {
    let row_at = windows_row(plane, t);
    var windows: PoolWindows;
    for (var c = 0u; c < PATCH_WINDOWS_M / 4u; c++) { // unroll loads
        let four = grad_output[(row_at * WINDOWS_M + m) / 4u + c];
        for (var i = 0u; i < 4u; i++) { // unroll
            windows.grad[4u * c + i] = four[i];
        }
    }
    for (var w = 0u; w < PATCH_WINDOWS_M / WINDOWS_PER_WORD; w++) { // unroll loads
        let first = m + w * WINDOWS_PER_WORD;
        let at = row_at * argmax_words(WINDOWS_M, ARGMAX_PER_WORD) + first / ARGMAX_PER_WORD;
        let word = pool_argmax[at] >> argmax_shift(first, ARGMAX_PER_WORD);
        for (var c = 0u; c < WINDOWS_PER_WORD; c++) { // unroll
            windows.argmax[w * WINDOWS_PER_WORD + c] = argmax_position(argmax_code_in(word, c, ARGMAX_PER_WORD));
        }
    }
    return windows;
}
