// A unit of channels: a single one.
import slot::weights::packed_one;

const WIDTH: u32 = 1u;
alias Unit = f32;

fn weights_at(part: u32, at: u32) -> Unit {
    return packed_one(part, at);
}

fn channel_of(unit: Unit, channel: u32) -> f32 {
    return unit;
}
