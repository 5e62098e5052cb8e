// The gradient of a layer's outputs in a tensor of its own: what `conv_input_grad` of the next layer stored.

// Values that all rows of a plane share. There are none.
alias PlaneContext = u32;

fn plane_context(plane: u32, m: u32) -> PlaneContext {
    return 0u;
}
