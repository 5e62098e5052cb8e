// The gradient of the last layer's outputs, which have their mean in the embedding: every output has the gradient of
// its coordinate divided by the number of outputs, times the slopes of its own LeakyReLU and dropout.
import package::conv::shape::{OUT, WINDOWS_T, WINDOWS_M};
import package::conv::pool_windows::{windows_column, PoolWindows, windows_row, windows_inside, columns_inside};
import package::conv::pool_windows::argmax_code_at;
import package::lib::pool_argmax::{argmax_factor, argmax_position};
import kernel::PATCH_WINDOWS_M;

const SEGMENT_CHUNKS: u32 = 1u;         // chunks of one segment
const OUTPUT_SLOPE: f32 = 0.2;
const OUTPUT_DROPOUT_SCALE: f32 = 1.25; // what dropout multiplied kept values with
@group(0) @binding(5) var<storage, read> grad_output: array<f32>; // of the embeddings, [member, segment, windows_m · out]

// The gradient of each window, before LeakyReLU and dropout: the same for all rows of a plane.
alias PlaneContext = array<f32, PATCH_WINDOWS_M>;

fn plane_context(plane: u32, m: u32) -> PlaneContext {
    let segment = plane / (OUT * WINDOWS_T) / SEGMENT_CHUNKS;
    let out = plane / WINDOWS_T % OUT;
    var context: PlaneContext;
    for (var c = 0u; c < PATCH_WINDOWS_M; c++) { // unroll loads
        let at = windows_column(m + c);
        context[c] = grad_output[(segment * WINDOWS_M + at) * OUT + out] / f32(SEGMENT_CHUNKS * WINDOWS_T);
    }
    return context;
}

// PATCH_WINDOWS_M windows of row t, from window m on.
fn grad_output_row(context: PlaneContext, plane: u32, t: u32, m: u32) -> PoolWindows {
    let row_at = windows_row(plane, t);
    var windows: PoolWindows;
    for (var c = 0u; c < PATCH_WINDOWS_M; c++) { // unroll loads
        let at = windows_column(m + c);
        let inside = windows_inside(t) && columns_inside(m + c);
        let code = argmax_code_at(row_at, at);
        windows.grad[c] = select(0.0, context[c] * argmax_factor(code, OUTPUT_SLOPE, OUTPUT_DROPOUT_SCALE), inside);
        windows.argmax[c] = argmax_position(code);
    }
    return windows;
}
