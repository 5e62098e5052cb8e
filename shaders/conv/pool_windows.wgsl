// Rows of pool windows in the backward pass: gradients and winners. Rows and windows count from the edge of a halo that
// has no gradient.
import package::conv::shape::{WINDOWS_T, WINDOWS_M};
import package::lib::pool_argmax::{argmax_code_in, argmax_words, argmax_position};
import kernel::{PATCH_WINDOWS_M, HALO_T, HALO_M, ARGMAX_PER_WORD};

@group(0) @binding(6) var<storage, read> pool_argmax: array<u32>; // [member, chunk, out, windows_t, word]

struct PoolWindows {
    grad: array<f32, PATCH_WINDOWS_M>,
    argmax: array<u32, PATCH_WINDOWS_M>,
}

// Row t of the plane that starts at row `plane`; outside the plane, the nearest row of it.
fn windows_row(plane: u32, t: u32) -> u32 {
    return plane + clamp(t, HALO_T, WINDOWS_T + HALO_T - 1u) - HALO_T;
}

fn windows_inside(t: u32) -> bool {
    return t >= HALO_T && t < WINDOWS_T + HALO_T;
}

// The column of window m; outside the plane, the nearest column.
fn windows_column(m: u32) -> u32 {
    return clamp(m, HALO_M, WINDOWS_M + HALO_M - 1u) - HALO_M;
}

fn columns_inside(m: u32) -> bool {
    return m >= HALO_M && m < WINDOWS_M + HALO_M;
}

fn argmax_code_at(row_at: u32, window: u32) -> u32 {
    let word = row_at * argmax_words(WINDOWS_M, ARGMAX_PER_WORD) + window / ARGMAX_PER_WORD;
    return argmax_code_in(pool_argmax[word], window, ARGMAX_PER_WORD);
}

fn argmax_position_at(row_at: u32, window: u32) -> u32 {
    return argmax_position(argmax_code_at(row_at, window));
}
