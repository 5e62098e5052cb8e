// Hard mining: the nearest candidate.
fn better(candidate: f32, best: f32, positive: f32) -> bool {
    return candidate < best;
}
