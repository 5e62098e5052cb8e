// A vector of channels that holds four: their weights are one load.
import slot::weights::weights_vec4;

const CHANNELS_PER_VECTOR: u32 = 4u;
alias Channels = vec4<f32>;

fn load_weights(weight_binding: u32, at: u32) -> Channels {
    return weights_vec4(weight_binding, at);
}

fn channel_of(vector: Channels, channel: u32) -> f32 {
    return vector[channel];
}
