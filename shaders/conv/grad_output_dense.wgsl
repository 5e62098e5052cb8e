// The gradient of a layer's outputs in a tensor of its own: what `conv_input_grad` of the next layer stored.

// What the rows of a plane have in common: nothing.
alias PlaneContext = u32;

fn plane_context(plane: u32, m: u32) -> PlaneContext {
    return 0u;
}
