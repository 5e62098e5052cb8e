// A vector of channels that holds a single one: for threads whose neighbours compute neighbouring channels.
import slot::weights::weights_scalar;

const CHANNELS_PER_VECTOR: u32 = 1u;
alias Channels = f32;

fn load_weights(weight_binding: u32, at: u32) -> Channels {
    return weights_scalar(weight_binding, at);
}

fn channel_of(vector: Channels, channel: u32) -> f32 {
    return vector;
}
