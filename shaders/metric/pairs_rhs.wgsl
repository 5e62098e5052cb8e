// The rows are the columns of the distance matrix, its right-hand side.
import kernel::{grad_output, OTHERS, ROWS};

fn pair_gradient(member: u32, i: u32, j: u32) -> f32 {
    return grad_output[(member * OTHERS + j) * ROWS + i];
}
