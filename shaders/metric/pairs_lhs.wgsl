// The rows are the rows of the distance matrix, its left-hand side.
import kernel::{grad_output, ROWS, OTHERS};

fn pair_gradient(member: u32, i: u32, j: u32) -> f32 {
    return grad_output[(member * ROWS + i) * OTHERS + j];
}
