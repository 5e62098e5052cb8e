// A unit of channels: four neighbours, whose weights are one load.
import slot::weights::packed_four;

const WIDTH: u32 = 4u;
alias Unit = vec4<f32>;

fn weights_at(part: u32, at: u32) -> Unit {
    return packed_four(part, at);
}

fn channel_of(unit: Unit, channel: u32) -> f32 {
    return unit[channel];
}
