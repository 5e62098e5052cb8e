// A unit of channels: a single one.
const WIDTH: u32 = 1u;
alias Unit = f32;

fn weights_at(at: u32) -> Unit {
    return packed[at / 4u][at % 4u];
}

fn channel_of(unit: Unit, channel: u32) -> f32 {
    return unit;
}
