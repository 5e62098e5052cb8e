// The rows are the columns of the distance matrix.
import kernel::{upstream, OTHERS, ROWS};

fn pair_gradient(member: u32, i: u32, j: u32) -> f32 {
    return upstream[(member * OTHERS + j) * ROWS + i];
}
