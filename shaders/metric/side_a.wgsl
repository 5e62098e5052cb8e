// The rows are those of the distance matrix.
import kernel::{upstream, ROWS, OTHERS};

fn pair_gradient(member: u32, i: u32, j: u32) -> f32 {
    return upstream[(member * ROWS + i) * OTHERS + j];
}
