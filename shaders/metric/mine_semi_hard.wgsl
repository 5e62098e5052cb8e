// Semi-hard mining: the nearest candidate that is farther than the positive; while there is none, the farthest.
fn better(candidate: f32, best: f32, positive: f32) -> bool {
    if (best > positive) {
        return candidate > positive && candidate < best;
    }
    return candidate > best;
}
