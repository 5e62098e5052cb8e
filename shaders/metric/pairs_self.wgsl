// The distance matrix is that of the rows among themselves: each row is one of its rows and one of its columns.
import kernel::{grad_output, ROWS};

fn pair_gradient(member: u32, i: u32, j: u32) -> f32 {
    return grad_output[(member * ROWS + i) * ROWS + j] + grad_output[(member * ROWS + j) * ROWS + i];
}
