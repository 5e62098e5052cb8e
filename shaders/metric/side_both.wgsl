// The distance matrix is that of the rows among themselves: they are its rows and its columns.
import kernel::{upstream, ROWS};

fn pair_gradient(member: u32, i: u32, j: u32) -> f32 {
    return upstream[(member * ROWS + i) * ROWS + j] + upstream[(member * ROWS + j) * ROWS + i];
}
